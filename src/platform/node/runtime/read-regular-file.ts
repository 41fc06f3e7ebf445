// SPDX-License-Identifier: MIT

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { concatBytes } from "../../../base/binary/index.ts";
import { type ErrorCode, SmartCardError } from "../../../port/index.ts";

/** How a file is read. */
export interface RegularFileTerms {
  /** Most bytes that it may have: a file that grows while it is read is refused too. */
  readonly mostBytes: number;
  /** The path in messages, if the real one must not be shown. */
  readonly shown?: string | undefined;
  /** The remedy for every refusal, and for a missing file. */
  readonly remedy?: string | undefined;
  readonly missing?: string | undefined;
  /** One code for every refusal, instead of one by reason. */
  readonly code?: ErrorCode | undefined;
}

type Refusal = (code: ErrorCode, why: string, cause?: unknown) => SmartCardError;

/**
 * Reads a regular file of a bounded size. A FIFO, on which reading would block, a device that never ends, a socket or a folder is
 * refused without reading it.
 *
 * @throws file-not-found, no-access, invalid-value (not a regular file, too large, or not to be read for another reason)
 */
export async function readRegularFile(path: string, terms: RegularFileTerms): Promise<Uint8Array> {
  const { mostBytes } = terms;
  const refusal = refusalOf(path, terms);
  let file: FileHandle;
  try {
    // Without O_NONBLOCK the opening of a FIFO waits for a writer, and takes a thread of the process with it.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0));
  } catch (cause) {
    throw failed(cause, refusal);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw refusal("invalid-value", `it is ${kindOf(stat)}, not a regular file`);
    const bytes = stat.size > mostBytes ? undefined : await readBounded(file, mostBytes);
    if (bytes === undefined) throw refusal("invalid-value", `it has more than ${mostBytes} bytes`);
    return bytes;
  } catch (cause) {
    throw cause instanceof SmartCardError ? cause : failed(cause, refusal);
  } finally {
    await file.close();
  }
}

/**
 * Reads a regular file of text in UTF-8. A byte order mark at its begin is left out.
 *
 * @throws as {@link readRegularFile}; invalid-value for bytes that are not UTF-8: names and rules would silently become others
 */
export async function readTextFile(path: string, terms: RegularFileTerms): Promise<string> {
  const bytes = await readRegularFile(path, terms);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refusalOf(path, terms)("invalid-value", "it is not text in UTF-8", cause);
  }
}

function refusalOf(path: string, { code, missing, remedy, shown = path }: RegularFileTerms): Refusal {
  return (byReason, why, cause) => {
    const advice = byReason === "file-not-found" ? (missing ?? remedy) : remedy;
    const message = `${shown} cannot be read: ${why}${advice === undefined ? "" : `; ${advice}`}`;
    return new SmartCardError(code ?? byReason, message, {}, cause === undefined ? {} : { cause });
  };
}

/** The bytes of a file; undefined where there are more. What /proc shows has the size 0, and a file may grow meanwhile. */
async function readBounded(file: FileHandle, mostBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  for (let length = 0; ; ) {
    const chunk = new Uint8Array(Math.min(65_536, mostBytes - length + 1));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) return concatBytes(...chunks);
    length += bytesRead;
    if (length > mostBytes) return undefined;
    chunks.push(chunk.subarray(0, bytesRead));
  }
}

function failed(cause: unknown, refusal: Refusal): SmartCardError {
  const reason = String((cause as NodeJS.ErrnoException).code);
  const [code, why] = reasons.get(reason) ?? (["invalid-value", "the system does not let it be read"] as const);
  return refusal(code, `${why} (${reason})`, cause);
}

const reasons: ReadonlyMap<string, readonly [code: ErrorCode, why: string]> = new Map([
  ["ENOENT", ["file-not-found", "it is not there"]],
  ["ENOTDIR", ["file-not-found", "a part of its path is not a folder"]],
  ["EACCES", ["no-access", "this user may not read it"]],
  ["EPERM", ["no-access", "this user may not read it"]],
  ["ELOOP", ["invalid-value", "its symbolic links lead in a circle"]],
  // Windows opens no folder.
  ["EISDIR", ["invalid-value", "it is a folder, not a regular file"]],
  // A socket cannot be opened at all.
  ["ENXIO", ["invalid-value", "it is a socket, or a device that is not there, not a regular file"]],
  ["EOPNOTSUPP", ["invalid-value", "it is a socket, not a regular file"]],
  ["ENAMETOOLONG", ["invalid-value", "its path is longer than the system allows"]],
]);

function kindOf(stat: Awaited<ReturnType<FileHandle["stat"]>>): string {
  if (stat.isDirectory()) return "a folder";
  if (stat.isFIFO()) return "a FIFO";
  return stat.isSocket() ? "a socket" : "a device";
}
