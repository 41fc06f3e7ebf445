// SPDX-License-Identifier: MIT

import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder with all folders on the way to it. Node's own `mkdirSync` with `recursive` does not come to an end where a folder that is
 * there takes no others, as /proc does.
 *
 * @param mode of the folders that are made
 * @returns the first folder that was made; undefined where all were there
 * @throws what `mkdirSync` throws
 */
export function makeFolders(path: string, mode = 0o777): string | undefined {
  try {
    mkdirSync(path, { mode });
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(path);
    if (code !== "ENOENT" && existsSync(path) && statSync(path).isDirectory()) return undefined;
    if (code !== "ENOENT" || existsSync(parent)) throw error;
    const first = makeFolders(parent, mode);
    const own = makeFolders(path, mode);
    return first ?? own;
  }
}
