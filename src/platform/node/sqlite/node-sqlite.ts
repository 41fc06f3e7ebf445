// SPDX-License-Identifier: MIT

import { PreparedConnection, resultCodes, type SqliteDriver, type SqliteRow, type SqliteValue } from "./driver.ts";

/** What is used of `node:sqlite`. Node's types of our oldest release do not have it. */
interface NodeSqlite {
  readonly DatabaseSync: new (path: string, options: { readonly readOnly: boolean }) => NodeDatabase;
}

interface NodeDatabase {
  exec(sql: string): void;
  prepare(sql: string): NodeStatement;
  close(): void;
}

interface NodeStatement {
  run(...values: readonly SqliteValue[]): unknown;
  all(...values: readonly SqliteValue[]): SqliteRow[];
}

/** The driver for `node:sqlite`; undefined where the runtime lacks it (Node before 22.13, or 22.5 with a flag). */
export function nodeSqliteDriver(): SqliteDriver | undefined {
  const sqlite = loadQuietly();
  if (sqlite === undefined) return undefined;
  const { DatabaseSync } = sqlite;
  return {
    name: "node:sqlite",
    open: (path, readOnly) => new NodeConnection(() => new DatabaseSync(path, { readOnly }), resultCodeOf),
  };
}

/**
 * Loads the module without the warning that it is experimental: we use what has not changed since 22.5, and test it. A
 * warning would stand in the output of every program that uses the database. Other warnings pass, and nothing but the
 * loading, which is synchronous, happens meanwhile.
 */
function loadQuietly(): NodeSqlite | undefined {
  // Deno and Bun may lack it, and so do Node's releases before 20.16.
  if (typeof process.getBuiltinModule !== "function") return undefined;
  const emitWarning = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (rest[0] === "ExperimentalWarning" && String(warning).includes("SQLite")) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  }) as typeof process.emitWarning;
  try {
    return process.getBuiltinModule("node:sqlite") as unknown as NodeSqlite | undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

class NodeConnection extends PreparedConnection<NodeStatement> {
  run(sql: string, ...values: readonly SqliteValue[]): void {
    this.attempt(() => this.prepare(sql).run(...values));
  }

  rows(sql: string, ...values: readonly SqliteValue[]): SqliteRow[] {
    return this.attempt(() => this.prepare(sql).all(...values));
  }
}

function resultCodeOf(error: unknown): number {
  const { errcode } = error as { readonly errcode?: unknown };
  return typeof errcode === "number" ? errcode : resultCodes.error;
}
