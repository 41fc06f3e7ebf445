// SPDX-License-Identifier: MIT

import { checkBytes, checkList, checkWhole } from "../binary/index.ts";

/** The identifier of the master file, the root of all others. ISO/IEC 7816-4:2005, 5.3.1.1. */
export const MASTER_FILE_ID = 0x3f00;

/**
 * File identifiers in two bytes each, as SELECT has a path or a single one.
 *
 * @param ids 0 to 0xFFFF
 * @throws TypeError (not an array of numbers), RangeError (out of range)
 * @see ISO/IEC 7816-4:2005, 5.3.1.1 and table 39
 */
export function encodeFileIds(ids: readonly number[]): Uint8Array {
  checkList(ids, "file identifiers", "encodeFileIds: ids");
  for (const id of ids) checkWhole(id, 0, 0xffff, "encodeFileIds: a file identifier");
  return Uint8Array.from(ids.flatMap((id) => [id >> 8, id & 0xff]));
}

/** Reads file identifiers; a byte that is left over at the end belongs to none. @throws TypeError (not bytes) */
export function decodeFileIds(bytes: Uint8Array): number[] {
  checkBytes(bytes, "decodeFileIds: bytes");
  const ids: number[] = [];
  for (let at = 0; at + 1 < bytes.length; at += 2) ids.push(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  return ids;
}
