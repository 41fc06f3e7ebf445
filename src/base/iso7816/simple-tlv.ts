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

/** A SIMPLE-TLV data object. ISO/IEC 7816-4:2005, 5.2.1. */
export interface SimpleTlv {
  /** 1 to 254: 00 and FF are not tags. */
  readonly tag: number;
  /** 0 to 65,535 bytes. */
  readonly value: Uint8Array;
}

/**
 * Reads consecutive SIMPLE-TLV data objects until the bytes end. Bytes 00 and FF before, between and after
 * objects are padding and skipped: they are not tags. {@link encodeSimpleTlv} does not write them again, nor a length in three
 * bytes where one is enough.
 *
 * @see ISO/IEC 7816-4:2005, 5.2.1; ETSI TS 102 221, 13.1
 */
export function decodeSimpleTlv(bytes: Uint8Array): Result<readonly SimpleTlv[]> {
  return decoding(bytes, (cursor) => {
    const objects: SimpleTlv[] = [];
    while (cursor.remaining > 0) {
      const tag = cursor.u8("tag");
      if (tag === 0x00 || tag === 0xff) continue;
      const first = cursor.u8("length");
      const length = first === 0xff ? cursor.u16be("length of three bytes") : first;
      objects.push({ tag, value: cursor.bytes(length, "value") });
    }
    return objects;
  });
}

/**
 * Writes SIMPLE-TLV data objects, each length in one byte where it fits and in three where not.
 *
 * @throws TypeError for an invalid data object; RangeError for a tag outside 1..254 and a value above 65,535 bytes.
 */
export function encodeSimpleTlv(objects: readonly SimpleTlv[]): Uint8Array {
  checkList(objects, "data objects", "encodeSimpleTlv: objects");
  return concatBytes(
    ...objects.flatMap((object) => {
      checkMembers(object, ["tag", "value"], "encodeSimpleTlv: a data object");
      const { tag, value } = object;
      checkWhole(tag, 1, 0xfe, "a SIMPLE-TLV tag");
      checkBytes(value, "encodeSimpleTlv: value");
      const length = value.length;
      if (length > 0xffff) throw new RangeError(`a SIMPLE-TLV value has at most 65535 bytes, not ${length}`);
      const header = length < 0xff ? [tag, length] : [tag, 0xff, length >> 8, length & 0xff];
      return [Uint8Array.from(header), value];
    }),
  );
}
