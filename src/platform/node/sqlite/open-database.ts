// SPDX-License-Identifier: MIT

import { homedir } from "node:os";
import { Database } from "../../../database/index.ts";
import { SmartCardError } from "../../../port/index.ts";
import type { SqliteDriver } from "./driver.ts";
import { findDriver } from "./find-driver.ts";
import { DATABASE_VARIABLE, type DatabasePaths, type DatabaseSurroundings, databasePaths } from "./paths.ts";
import { SqliteStore, type SqliteStoreOptions } from "./sqlite-store.ts";

/** Which database to open. */
export interface OpenDatabaseOptions {
  /** Its owner, as in SCardEstablishContext: the user (default) or the system. */
  readonly scope?: "user" | "system" | undefined;
  /** A file to use instead of all others. */
  readonly path?: string | undefined;
  /** The user's and the system's file, instead of the usual ones. */
  readonly paths?: DatabasePaths | undefined;
  /** The environment that determines the paths; by default that of the process. */
  readonly surroundings?: Partial<DatabaseSurroundings> | undefined;
  /** The driver for SQLite; by default the available one. */
  readonly driver?: SqliteDriver | undefined;
}

/**
 * Opens the smart card database.
 *
 * In the user's scope changes go to the user's file, and the system's entries are visible below it; the system's scope
 * uses only the system's file, which all users can read and its owner can change. For root both are the same. A file named
 * by `path` or `$SCARD_DATABASE` is the only one, and is created for its owner alone (0600), root's too. No file is created
 * before something is changed, and one that is there keeps its mode. Where scard itself decides on the place, a file there that
 * belongs neither to the user nor to root is refused.
 *
 * @throws unsupported-feature where the runtime has no SQLite and `libsql` is not installed; invalid-target where a
 * file is damaged, another program's or of a newer release, or no file at all is in its place; no-access where it may not be
 * read, or belongs to another user; server-too-busy
 * @see docs/decisions/0013-database.md
 */
export async function openDatabase(options: OpenDatabaseOptions = {}): Promise<Database> {
  const surroundings = { ...processSurroundings(), ...options.surroundings };
  const driver = options.driver ?? (await findDriver());
  const { user, system } = pathsOf(options, surroundings);
  const open = (path: string, more: SqliteStoreOptions) => SqliteStore.open(path, { driver, ...more });
  const isNamed = options.path !== undefined || Boolean(surroundings.environment[DATABASE_VARIABLE]);
  // A file at scard's own path must belong to the user or to root. A file named by path may belong to any user.
  const owners = isNamed || surroundings.uid === undefined ? undefined : [0, surroundings.uid];
  if (user === system) return new Database(await open(user, { shared: !isNamed, owners }));
  if (options.scope === "system") return new Database(await open(system, { shared: true, owners }));
  const below = await openBelow(() => open(system, { readOnly: true, owners }));
  try {
    return new Database(await open(user, { owners }), { below });
  } catch (error) {
    below?.close();
    throw error;
  }
}

function pathsOf({ path, paths }: OpenDatabaseOptions, surroundings: DatabaseSurroundings): DatabasePaths {
  if (path !== undefined) return { user: path, system: path };
  return paths ?? databasePaths(surroundings);
}

/** A file that the user may not read counts as missing: Smart Card Database Query Functions. */
async function openBelow(open: () => Promise<SqliteStore>): Promise<SqliteStore | undefined> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof SmartCardError && error.code === "no-access") return undefined;
    throw error;
  }
}

function processSurroundings(): DatabaseSurroundings {
  return {
    environment: process.env,
    platform: process.platform,
    uid: process.getuid?.(),
    home: homedir(),
  };
}
