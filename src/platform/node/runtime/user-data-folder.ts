// SPDX-License-Identifier: MIT

import { posix, win32 } from "node:path";

/** What determines where a user's files are. */
export interface UserSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** As `process.platform` has it. */
  readonly platform: string;
  /** The user's home folder. */
  readonly home: string;
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
