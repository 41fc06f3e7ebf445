// SPDX-License-Identifier: MIT

import { posix, win32 } from "node:path";
import { type UserSurroundings, userDataFolder } from "../runtime/index.ts";

/** The environment variable that names the only file to use, for every scope. */
export const DATABASE_VARIABLE = "SCARD_DATABASE";

/** The environment that determines the paths. */
export interface DatabaseSurroundings extends UserSurroundings {
  /** The user's id; undefined on Windows. */
  readonly uid: number | undefined;
}

/** Where databases are. */
export interface DatabasePaths {
  /** The user's file: the system's, for root. */
  readonly user: string;
  /** The system's file, which all users read. */
  readonly system: string;
}

/**
 * Where databases are: `/var/lib/scard` and `~/.local/share/scard` (or under `$XDG_DATA_HOME`); on macOS
 * `/Library/Application Support/scard`, and the same in the user's home; on Windows `scard` in `%ProgramData%` and
 * `%LOCALAPPDATA%`. `$SCARD_DATABASE` replaces both.
 */
export function databasePaths(surroundings: DatabaseSurroundings): DatabasePaths {
  const { environment, uid } = surroundings;
  const named = environment[DATABASE_VARIABLE];
  if (named) return { user: named, system: named };
  const system = systemPath(surroundings);
  return { user: uid === 0 ? system : userPath(surroundings), system };
}

const FILE_NAME = "database.sqlite";

function systemPath({ environment, platform }: DatabaseSurroundings): string {
  if (platform === "win32") return win32.join(environment.ProgramData || "C:\\ProgramData", "scard", FILE_NAME);
  const folder = platform === "darwin" ? "/Library/Application Support/scard" : "/var/lib/scard";
  return posix.join(folder, FILE_NAME);
}

function userPath(surroundings: DatabaseSurroundings): string {
  const { join } = surroundings.platform === "win32" ? win32 : posix;
  return join(userDataFolder(surroundings), FILE_NAME);
}
