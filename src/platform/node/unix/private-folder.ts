// SPDX-License-Identifier: MIT

import { lstatSync, mkdirSync } from "node:fs";
import { SmartCardError } from "../../../port/index.ts";

/**
 * Makes a folder that only its owner can look into, where it is not there yet. For world-writable places such as /tmp: it
 * never uses another user's file or folder of the same name.
 *
 * @throws no-access (the name is in use by another user, or accessible to others)
 */
export function privateFolder(path: string, uid: number): string {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory() !== true || stat.uid !== uid || (stat.mode & 0o077) !== 0) throw notPrivate(path, error);
  }
  return path;
}

function notPrivate(path: string, cause: unknown): SmartCardError {
  const message = `${path} is not a folder of your own: remove it, or name a socket with --socket`;
  return new SmartCardError("no-access", message, { operation: "listen" }, { cause });
}
