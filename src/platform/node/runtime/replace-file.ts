// SPDX-License-Identifier: MIT

import { randomUUID } from "node:crypto";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { SmartCardError } from "../../../port/index.ts";

/** Only the owner may read or write. */
const OWNER_ALONE = 0o600;

/**
 * Writes a file as a whole: after a crash there is the old text or the new one, never a part. Only the owner of the file
 * may read it afterwards. Where the path is a link, the file that it leads to is replaced.
 *
 * @param mustBeNew whether a file that is there already is an error
 * @throws invalid-value (the file is there already, the disk is full), no-access, file-not-found (the folder).
 * No message repeats the text.
 */
export async function replaceFile(path: string, text: string | Uint8Array, mustBeNew = false): Promise<void> {
  try {
    if (mustBeNew) {
      await written(await newFile(path), text);
      return;
    }
    const { target, temporary } = await temporaryBeside(path);
    try {
      await written(await newFile(temporary), text);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await synced(dirname(target));
  } catch (cause) {
    throw fileFailure(path, cause);
  }
}

/** A file that is being written. */
export interface WrittenFile {
  writeFile(data: string | Uint8Array): Promise<void>;
  write(bytes: Uint8Array, from: number, length: number, at: number): Promise<{ readonly bytesWritten: number }>;
  truncate(bytes: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Makes a file that only its owner may read. Fails where there is one. */
export function newFile(path: string): Promise<WrittenFile> {
  return open(path, "wx", OWNER_ALONE);
}

/** The file that a path leads to, and a name beside it for what takes its place. */
export async function temporaryBeside(path: string): Promise<{ readonly target: string; readonly temporary: string }> {
  const target = await realpath(path).catch(() => path);
  const there = await stat(target).catch(() => undefined);
  // To replace a device, such as /dev/null, would harm all that use it.
  if (there !== undefined && !there.isFile() && !there.isDirectory())
    throw new SmartCardError("invalid-value", `${path} cannot be written: it is no regular file`);
  return { target, temporary: `${target}.${randomUUID()}.tmp` };
}

async function written(file: WrittenFile, text: string | Uint8Array): Promise<void> {
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
  ["EDQUOT", ["invalid-value", "the quota of the disk is used up"]],
  ["EFBIG", ["invalid-value", "it is as large as a file may be here"]],
  ["EISDIR", ["invalid-value", "it is a folder"]],
]);

/** Why a file cannot be written, and what to do. */
export function fileFailure(path: string, cause: unknown): SmartCardError {
  if (cause instanceof SmartCardError) return cause;
  const reason = String((cause as NodeJS.ErrnoException).code);
  const [code, why] = reasons.get(reason) ?? (["invalid-value", "the system does not let it be written"] as const);
  return new SmartCardError(code, `${path} cannot be written: ${why} (${reason})`, {}, { cause });
}
