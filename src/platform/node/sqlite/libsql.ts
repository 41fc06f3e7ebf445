// SPDX-License-Identifier: MIT

import { pathToFileURL } from "node:url";
import { PreparedConnection, resultCodes, type SqliteDriver, type SqliteRow, type SqliteValue } from "./driver.ts";

/** What is used of the package `libsql`: its types promise more than it has. */
type LibsqlConstructor = new (path: string) => LibsqlDatabase;

interface LibsqlDatabase {
  exec(sql: string): void;
  prepare(sql: string): LibsqlStatement;
  close(): void;
}

interface LibsqlStatement {
  // One array, as it takes a single Uint8Array for an object with named parameters.
  run(values: readonly SqliteValue[]): unknown;
  all(values: readonly SqliteValue[]): Record<string, SqliteValue | ArrayBuffer>[];
}

/** The driver for the package `libsql`. Throws where it is not installed, or has no binary for this machine. */
export async function libsqlDriver(): Promise<SqliteDriver> {
  const { default: Libsql } = (await import("libsql")) as unknown as { readonly default: LibsqlConstructor };
  return {
    name: "libsql",
    open(path, readOnly) {
      const name = readOnly ? `${pathToFileURL(path).href}?mode=ro` : path;
      return new LibsqlConnection(() => new Libsql(name), resultCodeOf);
    },
  };
}

class LibsqlConnection extends PreparedConnection<LibsqlStatement> {
  run(sql: string, ...values: readonly SqliteValue[]): void {
    this.attempt(() => this.prepare(sql).run(values));
  }

  rows(sql: string, ...values: readonly SqliteValue[]): SqliteRow[] {
    const rows = this.attempt(() => this.prepare(sql).all(values));
    // In place, as there may be ten thousands of them.
    for (const row of rows) {
      for (const [column, value] of Object.entries(row)) {
        if (value instanceof ArrayBuffer) row[column] = new Uint8Array(value);
      }
    }
    return rows as SqliteRow[];
  }
}

/** A failure to open a file has its code at the end of the message only. */
function resultCodeOf(error: unknown): number {
  const { rawCode, message } = error as { readonly rawCode?: unknown; readonly message?: unknown };
  if (typeof rawCode === "number") return rawCode;
  const code = /^ConnectionFailed\(.*: (\d+)"?\)$/.exec(String(message))?.[1];
  return code === undefined ? resultCodes.error : Number(code);
}
