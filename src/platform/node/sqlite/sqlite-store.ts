// SPDX-License-Identifier: MIT

import { chmodSync, closeSync, fchmodSync, lstatSync, openSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { AuditEntry, Store, StoreChange, StoreContents } from "../../../database/index.ts";
import { type ErrorCode, SmartCardError } from "../../../port/index.ts";
import { makeFolders } from "../runtime/index.ts";
import { resultCodes, type SqliteConnection, type SqliteDriver, SqliteFailure } from "./driver.ts";
import { findDriver } from "./find-driver.ts";
import { Courtesy, PatientConnection } from "./patience.ts";
import { APPLICATION_ID, migrationsFrom, schemaVersion, versionMarks } from "./schema.ts";
import { addAuditEntry, applyChange, readAuditEntries, readCardTypes, readReaders } from "./tables.ts";

/** How long a call blocks for another process that changes the file, by default. */
const DEFAULT_BUSY_TIMEOUT_MS = 5000;

/** How a store treats its file. */
export interface SqliteStoreOptions {
  /** Whether other users may read the file: 0644 in a folder of 0755 instead of 0600 in one of 0700. */
  readonly shared?: boolean | undefined;
  /** The file must belong to one of these users; by default any owner is accepted. */
  readonly owners?: readonly number[] | undefined;
  /** The file is never changed or created. */
  readonly readOnly?: boolean | undefined;
  /** How many milliseconds a call waits for another process that changes the file. Default 5000. */
  readonly busyTimeoutMs?: number | undefined;
  /** The driver for SQLite; by default that of {@link findDriver}. */
  readonly driver?: SqliteDriver | undefined;
}

/** An open file, and which file that is. */
interface OpenFile {
  readonly connection: SqliteConnection;
  /** Device and inode. */
  readonly identity: string;
}

/**
 * A store in an SQLite file. The file is created, and its folder, by the first change; until then it is empty; reading
 * creates nothing.
 *
 * Changes are durable when they return: written to a rollback journal and flushed to the disk. If a process dies, the
 * next one restores the file from the journal. There is no write-ahead log, because users with read access only could not
 * read the file then.
 */
export class SqliteStore implements Store {
  readonly #path: string;
  readonly #driver: SqliteDriver;
  readonly #shared: boolean;
  readonly #owners: readonly number[] | undefined;
  readonly #readOnly: boolean;
  readonly #busyTimeoutMs: number;
  readonly #courtesy = new Courtesy();
  #file: OpenFile | undefined;
  #inUpdate = false;
  #closed = false;

  private constructor(path: string, driver: SqliteDriver, options: SqliteStoreOptions) {
    this.#path = path;
    this.#driver = driver;
    this.#shared = options.shared ?? false;
    this.#owners = options.owners;
    this.#readOnly = options.readOnly ?? false;
    this.#busyTimeoutMs = options.busyTimeoutMs ?? DEFAULT_BUSY_TIMEOUT_MS;
  }

  /**
   * Opens a store. An existing file is checked, so that an unusable one is reported now.
   *
   * @throws unsupported-feature where the runtime has no SQLite; and as every call of a {@link Store}
   */
  static async open(path: string, options: SqliteStoreOptions = {}): Promise<SqliteStore> {
    const store = new SqliteStore(resolve(path), options.driver ?? (await findDriver()), options);
    store.revision();
    return store;
  }

  revision(): string {
    return this.#translating(() => {
      const file = this.#inUpdate ? this.#file : this.#open();
      return file === undefined ? "none" : revisionOf(file);
    });
  }

  load(): StoreContents {
    return this.#translating(() => {
      if (this.#inUpdate && this.#file !== undefined) return readContents(this.#file);
      const file = this.#open();
      if (file === undefined) return { revision: "none", cardTypes: [], readers: [] };
      // One transaction, so that all tables are of the same moment.
      return inTransaction(file.connection, "DEFERRED", () => readContents(file));
    });
  }

  update(decide: () => readonly StoreChange[]): string {
    // An empty change does not create the file.
    const isThere = this.#translating(() => this.#open() !== undefined);
    if (!isThere && decide().length === 0) return "none";
    return this.#changing((file) => {
      this.#inUpdate = true;
      let changes: readonly StoreChange[];
      try {
        changes = decide();
      } finally {
        this.#inUpdate = false;
      }
      for (const change of changes) applyChange(file.connection, change);
      if (changes.length > 0) file.connection.run("UPDATE revision SET number = number + 1");
      return revisionOf(file);
    });
  }

  appendAudit(entry: AuditEntry, keep: number): void {
    this.#changing(({ connection }) => addAuditEntry(connection, entry, keep));
  }

  readAudit(limit: number): readonly AuditEntry[] {
    return this.#translating(() => {
      const file = this.#open();
      return file === undefined || limit <= 0 ? [] : readAuditEntries(file.connection, limit);
    });
  }

  close(): void {
    this.#closed = true;
    this.#letGo();
  }

  /** Runs a change exclusively and durably; creates the file if it is missing. */
  #changing<T>(run: (file: OpenFile) => T): T {
    return this.#translating(() => {
      if (this.#readOnly) throw new SmartCardError("no-access", `${this.#path} is only to be read`);
      let file = this.#open();
      if (file === undefined) {
        createFile(this.#path, this.#shared);
        file = this.#open();
      }
      if (file === undefined) throw new SmartCardError("internal-error", `${this.#path} is gone again`);
      const current = file;
      this.#courtesy.before();
      try {
        return inTransaction(current.connection, "IMMEDIATE", () => run(current));
      } finally {
        this.#courtesy.after();
      }
    });
  }

  /** The file, reopened where it was replaced; undefined where it does not exist (yet, or any more). */
  #open(): OpenFile | undefined {
    if (this.#closed) throw new SmartCardError("internal-error", "the database is closed");
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    const identity = stat === undefined ? undefined : `${stat.dev}.${stat.ino}`;
    if (this.#file !== undefined && this.#file.identity !== identity) this.#letGo();
    if (stat === undefined) {
      refuseDanglingLink(this.#path);
      return undefined;
    }
    if (this.#file !== undefined || identity === undefined) return this.#file;
    refuseOtherThanFile(this.#path, stat, this.#owners);
    const connection = new PatientConnection(this.#driver.open(this.#path, this.#readOnly), this.#busyTimeoutMs);
    try {
      if (!prepare(connection, this.#path, this.#readOnly)) {
        connection.close();
        return undefined;
      }
    } catch (error) {
      connection.close();
      throw error;
    }
    this.#file = { connection, identity };
    return this.#file;
  }

  #letGo(): void {
    this.#file?.connection.close();
    this.#file = undefined;
  }

  #translating<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw translatedFailure(error, this.#path, this.#busyTimeoutMs);
    }
  }
}

function revisionOf({ connection, identity }: OpenFile): string {
  const [row] = connection.rows("SELECT number FROM revision");
  return `${identity}:${row?.number}`;
}

function readContents(file: OpenFile): StoreContents {
  return {
    revision: revisionOf(file),
    cardTypes: readCardTypes(file.connection),
    readers: readReaders(file.connection),
  };
}

/** What a failure of SQLite or of the file system is for callers: an error that names the file. Others stay as they are. */
export function translatedFailure(error: unknown, path: string, busyTimeoutMs: number): unknown {
  const known =
    error instanceof SqliteFailure
      ? codesByResult.get(error.resultCode)
      : codesByErrno.get(String((error as NodeJS.ErrnoException).code));
  if (known === undefined && !(error instanceof SqliteFailure)) return error;
  const [code, meaning] = known ?? ["internal-error", "cannot be used"];
  const waited = code === "server-too-busy" ? ` for ${busyTimeoutMs} ms` : "";
  const { message } = error as Error;
  return new SmartCardError(code, `${path} ${meaning}${waited} (${message})`, {}, { cause: error });
}

/** Runs something in a transaction, which ends without effect where it throws. */
export function inTransaction<T>(connection: SqliteConnection, kind: "DEFERRED" | "IMMEDIATE", run: () => T): T {
  connection.exec(`BEGIN ${kind}`);
  try {
    const result = run();
    connection.exec("COMMIT");
    return result;
  } catch (error) {
    try {
      connection.exec("ROLLBACK");
    } catch {
      // SQLite has ended the transaction already, as it does when the disk is full. The first error is the one to tell.
    }
    throw error;
  }
}

/**
 * Sets a connection up, and brings the tables of an older release up to date. False for an empty file that is only to
 * be read: nothing is in it.
 */
function prepare(connection: SqliteConnection, path: string, readOnly: boolean): boolean {
  // EXTRA flushes the folder too: without it a loss of power may bring the journal back, which undoes the last change.
  connection.exec("PRAGMA synchronous = EXTRA");
  connection.exec("PRAGMA foreign_keys = ON");
  connection.exec("PRAGMA trusted_schema = OFF");
  connection.exec("PRAGMA cell_size_check = ON");
  // All of one moment: another process may be making the tables.
  const version = inTransaction(connection, "DEFERRED", () => checkedVersion(connection, path));
  if (version === schemaVersion) return true;
  if (readOnly) {
    if (version === 0) return false;
    throw new SmartCardError(
      "invalid-target",
      `${path} is of an older release of scard (version ${version}, not ${schemaVersion}): its owner's next change renews it`,
    );
  }
  inTransaction(connection, "IMMEDIATE", () => {
    // Another process may have been quicker.
    for (const migration of migrationsFrom(checkedVersion(connection, path))) connection.exec(migration);
    connection.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    connection.exec(`PRAGMA user_version = ${schemaVersion}`);
  });
  return true;
}

/** @throws invalid-target where a symbolic link stands in the place, and what it leads to is not there */
function refuseDanglingLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  const remedy = "put the file back that it leads to, or remove the link";
  throw new SmartCardError("invalid-target", `${path} is a symbolic link to a file that is not there: ${remedy}`);
}

/** @throws invalid-target (it is not a file), no-access (it is the file of another user) */
function refuseOtherThanFile(path: string, stat: Stats, owners: readonly number[] | undefined): void {
  if (!stat.isFile()) {
    const kind = stat.isDirectory() ? "a folder" : "no regular file";
    throw new SmartCardError(
      "invalid-target",
      `${path} is ${kind}, where the smart card database should be: remove it`,
    );
  }
  if (owners === undefined || owners.includes(stat.uid)) return;
  const message = `${path} belongs to another user (id ${stat.uid}): change its owner, or remove it`;
  throw new SmartCardError("no-access", message);
}

/** The version of the tables in a file: 0 for an empty one. */
function checkedVersion(connection: SqliteConnection, path: string): number {
  const number = (sql: string) => Number(Object.values(connection.rows(sql)[0] ?? {})[0]);
  const version = number("PRAGMA user_version");
  const application = number("PRAGMA application_id");
  if (application === 0 && version === 0 && number("SELECT count(*) FROM sqlite_schema") === 0) return 0;
  if (application !== APPLICATION_ID) {
    throw new SmartCardError("invalid-target", `${path} is the database of another program`);
  }
  if (version <= schemaVersion) {
    const actual = versionOfTables(number);
    if (version === actual) return version;
    throw new SmartCardError(
      "invalid-target",
      `${path} is damaged: it says that its tables are of version ${version}, and they are of version ${actual}; put a copy back, or remove it`,
    );
  }
  throw new SmartCardError(
    "invalid-target",
    `${path} was written by a newer release of scard (version ${version}; this one knows ${schemaVersion})`,
  );
}

/** The version that the tables themselves are of. @param number asks for one number */
function versionOfTables(number: (sql: string) => number): number {
  const later = versionMarks.findIndex((mark) => number(`SELECT count(*) FROM ${mark}`) === 0);
  return later < 0 ? schemaVersion : later;
}

/** Creates a missing file, empty, with its folder: readable by the user only, or by all. */
export function createFile(path: string, shared: boolean): void {
  const firstMade = makeFolders(dirname(path), shared ? 0o755 : 0o700);
  // The mask of the process may have taken more from the modes than is right for what all are to read.
  if (firstMade !== undefined && shared) chmodSync(dirname(path), 0o755);
  let descriptor: number;
  try {
    descriptor = openSync(path, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  if (shared) fchmodSync(descriptor, 0o644);
  closeSync(descriptor);
}

const codesByResult: ReadonlyMap<number, readonly [code: ErrorCode, meaning: string]> = new Map([
  [resultCodes.error, ["invalid-target", "is damaged: its tables are not those of this release"]],
  [resultCodes.permission, ["no-access", "may not be opened by this user"]],
  [resultCodes.cannotOpen, ["no-access", "cannot be opened"]],
  [resultCodes.authorization, ["no-access", "may not be opened by this user"]],
  [resultCodes.readOnly, ["no-access", "may not be changed by this user"]],
  [resultCodes.busy, ["server-too-busy", "has been locked by another process"]],
  [resultCodes.locked, ["server-too-busy", "has been locked within this process"]],
  [resultCodes.corrupt, ["invalid-target", "is damaged"]],
  [resultCodes.notADatabase, ["invalid-target", "is no database, or damaged"]],
  [resultCodes.full, ["no-memory", "cannot grow: the disk is full"]],
]);

/** Errors of the file system. */
const codesByErrno: ReadonlyMap<string, readonly [code: ErrorCode, meaning: string]> = new Map([
  ["EACCES", ["no-access", "may not be opened by this user"]],
  ["EPERM", ["no-access", "may not be opened by this user"]],
  ["EROFS", ["no-access", "is on a file system that is only to be read"]],
  ["ENOTDIR", ["invalid-target", "cannot be there: a part of its path is not a folder"]],
  ["ELOOP", ["invalid-target", "cannot be there: its symbolic links lead in a circle"]],
  ["ENAMETOOLONG", ["invalid-target", "cannot be there: its path is longer than the system allows"]],
  ["EEXIST", ["invalid-target", "cannot be there: a part of its path is not a folder"]],
  ["ENOSPC", ["no-memory", "cannot be created: the disk is full"]],
]);
