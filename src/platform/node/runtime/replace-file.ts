// SPDX-License-Identifier: MIT

import { randomUUID } from "node:crypto";
import { open, realpath, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { SmartCardError } from "../../../port/index.ts";

/** Only the owner may read or write. */
const OWNER_ALONE = 0o600;

/**
 * Writes a file as a whole: after a crash there is the old text or the new one, never a part. Only the owner of the file
 * may read it afterwards. Where the path is a link, the file that it leads to is replaced.
 *
 * @param mustBeNew whether a file that is there already is an error
 * @throws invalid-value (the file is there already), no-access, file-not-found (the folder), write-too-many where the disk is full.
 * No message repeats the text.
 */
export async function replaceFile(path: string, text: string | Uint8Array, mustBeNew = false): Promise<void> {
  try {
    if (mustBeNew) {
      const file = await open(path, "wx", OWNER_ALONE);
      await written(file, text);
      return;
    }
    const target = await realpath(path).catch(() => path);
    const temporary = `${target}.${randomUUID()}.tmp`;
    try {
      await written(await open(temporary, "wx", OWNER_ALONE), text);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await synced(dirname(target));
  } catch (cause) {
    throw failed(path, cause);
  }
}

async function written(file: Awaited<ReturnType<typeof open>>, text: string | Uint8Array): Promise<void> {
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The name, too, outlives a crash. Windows has no such call. */
async function synced(folder: string): Promise<void> {
  const opened = await open(folder, "r").catch(() => undefined);
  await opened?.sync().catch(() => undefined);
  await opened?.close();
}

const reasons: ReadonlyMap<string, readonly ["no-access" | "file-not-found" | "invalid-value", string]> = new Map([
  ["EEXIST", ["invalid-value", "there is a file already"]],
  ["ENOENT", ["file-not-found", "its folder does not exist"]],
  ["EACCES", ["no-access", "the permissions do not allow it"]],
  ["EPERM", ["no-access", "the permissions do not allow it"]],
  ["EROFS", ["no-access", "the file system is read-only"]],
  ["ENOSPC", ["invalid-value", "the disk is full"]],
  ["EISDIR", ["invalid-value", "it is a folder"]],
]);

function failed(path: string, cause: unknown): SmartCardError {
  const reason = String((cause as NodeJS.ErrnoException).code);
  const [code, why] = reasons.get(reason) ?? (["invalid-value", "the system does not let it be written"] as const);
  return new SmartCardError(code, `${path} cannot be written: ${why} (${reason})`, {}, { cause });
}
