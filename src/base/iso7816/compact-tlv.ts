// SPDX-License-Identifier: MIT

import {
  checkBytes,
  checkList,
  checkMembers,
  checkWhole,
  concatBytes,
  decoding,
  type Result,
} from "../binary/index.ts";

/** A COMPACT-TLV data object: tag number and length share one byte. ISO/IEC 7816-4:2005, 8.1.1.2. */
export interface CompactTlv {
  /** 0 to 15: the second digit of the interindustry tag 4x that it stands for. */
  readonly tag: number;
  /** 0 to 15 bytes. */
  readonly value: Uint8Array;
}

/** Reads consecutive COMPACT-TLV data objects until the bytes end. ISO/IEC 7816-4:2005, 8.1.1.2. */
export function decodeCompactTlv(bytes: Uint8Array): Result<readonly CompactTlv[]> {
  return decoding(bytes, (cursor) => {
    const objects: CompactTlv[] = [];
    while (cursor.remaining > 0) {
      const header = cursor.u8("compact header");
      objects.push({ tag: header >> 4, value: cursor.bytes(header & 0x0f, `value of compact tag ${header >> 4}`) });
    }
    return objects;
  });
}

/**
 * Writes COMPACT-TLV data objects.
 *
 * @throws TypeError for an invalid data object; RangeError for a tag outside 0..15 and a value above 15 bytes.
 */
export function encodeCompactTlv(objects: readonly CompactTlv[]): Uint8Array {
  checkList(objects, "data objects", "encodeCompactTlv: objects");
  return concatBytes(
    ...objects.flatMap((object) => {
      checkMembers(object, ["tag", "value"], "encodeCompactTlv: a data object");
      const { tag, value } = object;
      checkWhole(tag, 0, 15, "a COMPACT-TLV tag");
      checkBytes(value, "encodeCompactTlv: value");
      if (value.length > 15) throw new RangeError(`a COMPACT-TLV value has at most 15 bytes, not ${value.length}`);
      return [Uint8Array.of((tag << 4) | value.length), value];
    }),
  );
}
