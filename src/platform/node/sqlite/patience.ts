// SPDX-License-Identifier: MIT

import { performance } from "node:perf_hooks";
import { resultCodes, type SqliteConnection, SqliteFailure, type SqliteRow, type SqliteValue } from "./driver.ts";

/** How often a lock is tried. SQLite's own waiting grows to 100 ms, and misses the moments in which the lock is free. */
const RETRY_MS = 1;

/** How long a process may change a file continuously before it pauses for others. */
const MAX_STREAK_MS = 100;

/** How long that pause is: enough for a process that tries every {@link RETRY_MS}. */
const COURTESY_MS = 3;

/** Changes further apart than this leave others enough time. */
const REST_MS = 5;

/** Stops the thread: there is nothing else to do for a call that is synchronous. */
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** A connection that waits where another process has locked the file, up to a limit for each statement. */
export class PatientConnection implements SqliteConnection {
  readonly #connection: SqliteConnection;
  readonly #timeoutMs: number;

  constructor(connection: SqliteConnection, timeoutMs: number) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    connection.exec("PRAGMA busy_timeout = 0");
  }

  exec(sql: string): void {
    this.#retrying(() => this.#connection.exec(sql));
  }

  run(sql: string, ...values: readonly SqliteValue[]): void {
    this.#retrying(() => this.#connection.run(sql, ...values));
  }

  rows(sql: string, ...values: readonly SqliteValue[]): SqliteRow[] {
    return this.#retrying(() => this.#connection.rows(sql, ...values));
  }

  close(): void {
    this.#connection.close();
  }

  /** A statement that finds the file locked has done nothing, so that it can be tried again. */
  #retrying<T>(run: () => T): T {
    const deadline = performance.now() + this.#timeoutMs;
    for (;;) {
      try {
        return run();
      } catch (error) {
        const isBusy = error instanceof SqliteFailure && error.resultCode === resultCodes.busy;
        if (!isBusy || performance.now() >= deadline) throw error;
        sleep(RETRY_MS);
      }
    }
  }
}

/**
 * Keeps a process that changes a file over and over from shutting others out: SQLite's locks have no queue, and a
 * process that unlocks and locks again at once is always first.
 */
export class Courtesy {
  #streakStart = Number.NEGATIVE_INFINITY;
  #lastEnd = Number.NEGATIVE_INFINITY;

  /** To be called before each change: pauses where it is the turn of others. */
  before(): void {
    const now = performance.now();
    if (now - this.#lastEnd > REST_MS) this.#streakStart = now;
    else if (now - this.#streakStart > MAX_STREAK_MS) {
      sleep(COURTESY_MS);
      this.#streakStart = performance.now();
    }
  }

  /** To be called after each change, whether it was made or not. */
  after(): void {
    this.#lastEnd = performance.now();
  }
}
