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

function sqliteFailure(resultCode: number, cause: unknown): SqliteFailure {
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

/** What a driver's database is asked for here. */
interface Database<Statement> {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** What the connections of all drivers share: errors with result codes, and statements that are prepared once. */
export abstract class PreparedConnection<Statement> implements SqliteConnection {
  protected readonly attempt: <T>(run: () => T) => T;
  readonly #database: Database<Statement>;
  readonly #statements = new Map<string, Statement>();

  /** @param open opens the file @param resultCodeOf the result code that an error of the driver carries */
  constructor(open: () => Database<Statement>, resultCodeOf: (error: unknown) => number) {
    this.attempt = (run) => {
      try {
        return run();
      } catch (error) {
        throw sqliteFailure(resultCodeOf(error), error);
      }
    };
    this.#database = this.attempt(open);
  }

  abstract run(sql: string, ...values: readonly SqliteValue[]): void;
  abstract rows(sql: string, ...values: readonly SqliteValue[]): SqliteRow[];

  exec(sql: string): void {
    this.attempt(() => this.#database.exec(sql));
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  /** The statements are a fixed set: none contains callers' values. */
  protected prepare(sql: string): Statement {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
