// SPDX-License-Identifier: MIT

/** What a column can hold here. Integers are within the safe range. */
export type SqliteValue = string | number | Uint8Array | null;

/** A row, by the names of its columns. */
export type SqliteRow = Readonly<Record<string, SqliteValue>>;

/** An open file. Everything that fails throws {@link SqliteFailure}. */
export interface SqliteConnection {
  /** Runs statements that have no parameters and no result. */
  exec(sql: string): void;
  /** Runs one statement and throws its result away. */
  run(sql: string, ...values: readonly SqliteValue[]): void;
  /** Runs one statement and reads its result to the end. */
  rows(sql: string, ...values: readonly SqliteValue[]): SqliteRow[];
  close(): void;
}

/** One of the ways to SQLite that a runtime may have. */
export interface SqliteDriver {
  readonly name: "node:sqlite" | "libsql";
  /** Opens a file, and creates a missing one unless it is opened for reading only. `path` is absolute. */
  open(path: string, readOnly: boolean): SqliteConnection;
}

/** An error of SQLite, with its result code: https://www.sqlite.org/rescode.html */
export class SqliteFailure extends Error {
  override readonly name: string = "SqliteFailure";
  /** The primary result code: the low eight bits. */
  readonly resultCode: number;

  constructor(resultCode: number, message: string, options: ErrorOptions) {
    super(message, options);
    this.resultCode = resultCode & 0xff;
  }
}

/** The failure that an error of a driver stands for. */
export function sqliteFailure(resultCode: number, cause: unknown): SqliteFailure {
  return new SqliteFailure(resultCode, cause instanceof Error ? cause.message : String(cause), { cause });
}

/** The result codes that have a remedy. */
export const resultCodes = {
  error: 1,
  permission: 3,
  busy: 5,
  locked: 6,
  readOnly: 8,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  authorization: 23,
  notADatabase: 26,
} as const;
