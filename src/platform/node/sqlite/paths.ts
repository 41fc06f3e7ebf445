// SPDX-License-Identifier: MIT

import { posix, win32 } from "node:path";

/** The environment variable that names the only file to use, for every scope. */
export const DATABASE_VARIABLE = "SCARD_DATABASE";

/** What determines where a user's files are. */
interface UserSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** As `process.platform` has it. */
  readonly platform: string;
  /** The user's home folder. */
  readonly home: string;
}

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

/**
 * The folder of this package's files for one user: `~/.local/share/scard` (or under `$XDG_DATA_HOME`), on macOS
 * `~/Library/Application Support/scard`, on Windows `scard` in `%LOCALAPPDATA%`. It need not exist.
 */
export function userDataFolder({ environment, platform, home }: UserSurroundings): string {
  if (platform === "win32") {
    return win32.join(environment.LOCALAPPDATA || win32.join(home, "AppData", "Local"), "scard");
  }
  if (platform === "darwin") return posix.join(home, "Library", "Application Support", "scard");
  // A relative path is to be ignored: XDG Base Directory Specification 0.8, 3.
  const data = environment.XDG_DATA_HOME;
  return posix.join(data && posix.isAbsolute(data) ? data : posix.join(home, ".local", "share"), "scard");
}
