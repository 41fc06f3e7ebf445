// SPDX-License-Identifier: MIT

import { renameSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type AuditHead, type AuditStoreEntry, auditGenesis } from "../../../observe/audit/index.ts";
import { SmartCardError } from "../../../port/index.ts";
import type { SqliteConnection, SqliteDriver, SqliteRow } from "./driver.ts";
import { PatientConnection } from "./patience.ts";
import { createFile, inTransaction, translatedFailure } from "./sqlite-store.ts";

/** Marks a file as an audit log of ours: "SCAU" in ASCII. */
const AUDIT_APPLICATION_ID = 0x5343_4155;
const AUDIT_VERSION = 1;

/** How long a call waits for a program that reads the file. */
const BUSY_TIMEOUT_MS = 5000;

/** When a file is full, and how many of those before it are kept. */
export interface AuditRotation {
  /** A larger file is rotated away, in bytes. */
  readonly maxBytes: number;
  /** So is one whose first entry is older, in milliseconds. */
  readonly maxAgeMs: number;
  /** So many older files are kept: `audit.sqlite.1` is the youngest of them. */
  readonly keep: number;
}

/** The rotation where none is given: at most some 192 MB, and half a year. */
export const defaultAuditRotation: AuditRotation = { maxBytes: 33_554_432, maxAgeMs: 30 * 86_400_000, keep: 5 };

/** Entries cannot be changed or removed by a slip. A user who may write the file can remove the triggers: the hashes tell. */
const tables = `
  CREATE TABLE base (number INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
  CREATE TABLE entry (number INTEGER PRIMARY KEY, time INTEGER NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
  CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;
  CREATE TRIGGER entry_stays BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the audit log is only appended to'); END;
  PRAGMA application_id = ${AUDIT_APPLICATION_ID};
  PRAGMA user_version = ${AUDIT_VERSION};
`;

/** The file of an audit log, as it is written. Its calls block: it belongs into a thread of its own. */
export class AuditFile {
  readonly #path: string;
  readonly #driver: SqliteDriver;
  readonly #rotation: AuditRotation;
  #connection: SqliteConnection | undefined;

  constructor(path: string, driver: SqliteDriver, rotation: AuditRotation = defaultAuditRotation) {
    this.#path = resolve(path);
    this.#driver = driver;
    this.#rotation = rotation;
  }

  /** @throws SmartCardError */
  head(): AuditHead {
    return this.#translating(() => headOf(this.#open()));
  }

  /** Appends entries in one transaction, in a new file where the present one is full or too old. @throws SmartCardError */
  append(entries: readonly AuditStoreEntry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    this.#translating(() => {
      if (this.#isFull(first.time)) this.#rotate();
      const connection = this.#open();
      inTransaction(connection, "IMMEDIATE", () => {
        for (const { body, hash, number, time } of entries)
          connection.run("INSERT INTO entry (number, time, body, hash) VALUES (?, ?, ?, ?)", number, time, body, hash);
      });
    });
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  #open(): SqliteConnection {
    if (this.#connection !== undefined) return this.#connection;
    createFile(this.#path, false);
    const connection = new PatientConnection(this.#driver.open(this.#path, false), BUSY_TIMEOUT_MS);
    try {
      connection.exec("PRAGMA synchronous = FULL");
      connection.exec("PRAGMA trusted_schema = OFF");
      inTransaction(connection, "IMMEDIATE", () => {
        if (numberOf(connection, "SELECT count(*) FROM sqlite_schema") !== 0) return;
        connection.exec(tables);
        const { hash, number } = headBefore(this.#path, this.#driver);
        connection.run("INSERT INTO base VALUES (?, ?)", number, hash);
      });
      refuseForeign(connection, this.#path);
    } catch (error) {
      connection.close();
      throw error;
    }
    this.#connection = connection;
    return connection;
  }

  #isFull(now: number): boolean {
    const connection = this.#open();
    const oldest = connection.rows("SELECT time FROM entry ORDER BY number LIMIT 1")[0]?.time;
    if (oldest === undefined) return false;
    const bytes = numberOf(connection, "PRAGMA page_count") * numberOf(connection, "PRAGMA page_size");
    return bytes >= this.#rotation.maxBytes || now - Number(oldest) > this.#rotation.maxAgeMs;
  }

  #rotate(): void {
    this.close();
    const { keep } = this.#rotation;
    rmSync(`${this.#path}.${Math.max(1, keep)}`, { force: true });
    for (let at = keep - 1; at >= 1; at--) renameIfThere(`${this.#path}.${at}`, `${this.#path}.${at + 1}`);
    renameIfThere(this.#path, `${this.#path}.1`);
  }

  #translating<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      this.close();
      throw translatedFailure(error, this.#path, BUSY_TIMEOUT_MS);
    }
  }
}

/** A file of an audit log, as it is read. */
interface OpenAuditFile {
  readonly path: string;
  /** What its first entry follows. */
  readonly base: AuditHead;
  /** The entries after a number, at most so many, in order. */
  after(number: number, limit: number): AuditStoreEntry[];
  close(): void;
}

/** The files of an audit log that are there, oldest first. */
export function auditFilesOf(path: string): readonly string[] {
  const found: string[] = [];
  for (let at = 1; isThere(`${path}.${at}`); at++) found.unshift(`${path}.${at}`);
  return isThere(path) ? [...found, path] : found;
}

/** Opens a file of an audit log for reading. @throws SmartCardError: invalid-target, no-access, server-too-busy */
export function openAuditFile(path: string, driver: SqliteDriver): OpenAuditFile {
  const translating = <T>(run: () => T): T => {
    try {
      return run();
    } catch (error) {
      throw translatedFailure(error, path, BUSY_TIMEOUT_MS);
    }
  };
  return translating(() => {
    const connection = new PatientConnection(driver.open(resolve(path), true), BUSY_TIMEOUT_MS);
    try {
      refuseForeign(connection, path);
      const [row] = connection.rows("SELECT number, hash FROM base");
      const base = { number: Number(row?.number ?? 0), hash: String(row?.hash ?? auditGenesis.hash) };
      return {
        path,
        base,
        after: (number, limit) =>
          translating(() =>
            connection
              .rows(
                "SELECT number, time, body, hash FROM entry WHERE number > ? ORDER BY number LIMIT ?",
                number,
                limit,
              )
              .map(entryOf),
          ),
        close: () => connection.close(),
      };
    } catch (error) {
      connection.close();
      throw error;
    }
  });
}

function entryOf({ body, hash, number, time }: SqliteRow): AuditStoreEntry {
  return { number: Number(number), time: Number(time), body: String(body), hash: String(hash) };
}

function headOf(connection: SqliteConnection): AuditHead {
  const [last] = connection.rows("SELECT number, hash FROM entry ORDER BY number DESC LIMIT 1");
  const [row = last] = last === undefined ? connection.rows("SELECT number, hash FROM base") : [last];
  return row === undefined ? auditGenesis : { number: Number(row.number), hash: String(row.hash) };
}

/** Where the chain goes on that the file before has begun. */
function headBefore(path: string, driver: SqliteDriver): AuditHead {
  const before = `${path}.1`;
  if (!isThere(before)) return auditGenesis;
  const connection = new PatientConnection(driver.open(before, true), BUSY_TIMEOUT_MS);
  try {
    refuseForeign(connection, before);
    return headOf(connection);
  } finally {
    connection.close();
  }
}

function refuseForeign(connection: SqliteConnection, path: string): void {
  const ours = numberOf(connection, "PRAGMA application_id") === AUDIT_APPLICATION_ID;
  if (!ours) throw new SmartCardError("invalid-target", `${path} is not an audit log of scard: choose another path`);
  const version = numberOf(connection, "PRAGMA user_version");
  if (version !== AUDIT_VERSION)
    throw new SmartCardError(
      "invalid-target",
      `${path} is of another release of scard (version ${version}, not ${AUDIT_VERSION})`,
    );
}

function numberOf(connection: SqliteConnection, sql: string): number {
  return Number(Object.values(connection.rows(sql)[0] ?? {})[0]);
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function renameIfThere(from: string, to: string): void {
  if (isThere(from)) renameSync(from, to);
}
