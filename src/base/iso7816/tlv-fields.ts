// SPDX-License-Identifier: MIT

import { type ByteCursor, bigEndianBytes, hexByte } from "../binary/index.ts";

/**
 * Reads a tag field of one to four bytes, as one number: 6F, 9F26, 5FC105.
 *
 * @param isSecond whether the field may go on with that byte; any may, without it
 * @see ISO/IEC 7816-4:2005, 5.2.2.1
 */
export function readTag(cursor: ByteCursor, isSecond?: (first: number, second: number) => boolean): number {
  const start = cursor.offset;
  const first = cursor.u8("tag");
  let tag = first;
  if ((first & 0x1f) !== 0x1f) return tag;
  for (let count = 2; count <= 4; count++) {
    const byte = cursor.u8("rest of the tag");
    // Not a shift: the tag is unsigned, and four bytes of it reach the sign bit.
    tag = tag * 256 + byte;
    if (count === 2 && isSecond?.(first, byte) === false) {
      cursor.fail(`${hexByte(byte)} as the second byte of a tag`, start + 1);
    }
    if ((byte & 0x80) === 0) return tag;
  }
  return cursor.fail("a tag of more than four bytes", start);
}

/** Reads a length field of one to five bytes. The indefinite length is refused. ISO/IEC 7816-4:2005, 5.2.2.2. */
export function readLength(cursor: ByteCursor): number {
  const start = cursor.offset;
  const first = cursor.u8("length");
  if (first < 0x80) return first;
  if (first === 0x80) return cursor.fail("an indefinite length", start);
  if (first > 0x84) return cursor.fail("a length field of more than five bytes", start);
  let length = 0;
  for (let count = 0x80; count < first; count++) length = length * 256 + cursor.u8("rest of the length");
  return length;
}

/** A length field in as few bytes as hold it. */
export function lengthField(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes = bigEndianBytes(length, 1, 4, "a length");
  return [0x80 + bytes.length, ...bytes];
}
