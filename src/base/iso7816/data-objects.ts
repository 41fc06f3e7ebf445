// SPDX-License-Identifier: MIT

import { type ByteCursor, bigEndianBytes, checkBytes, concatBytes, decoding, type Result } from "../binary/index.ts";
import { lengthField, readLength, readTag } from "./tlv-fields.ts";

/** A data object whose value is read as it is, also where its tag says that it holds others. */
export interface DataObject {
  /** The tag field as one number: 0x5C, 0x7F49, 0x5FC105. */
  readonly tag: number;
  /** A part of the bytes that were read, not a copy: what clears those clears this. */
  readonly value: Uint8Array;
}

/** The tag and the length of a data object: one entry of a header list. */
export interface DataObjectHeader {
  readonly tag: number;
  /** Bytes of the value. */
  readonly length: number;
}

/** Most data objects side by side. Templates of cards have a dozen. */
const MAX_OBJECTS = 64;

/**
 * Reads data objects side by side, and not what is in them. Where `decodeBerTlv` fails: PIV's certificates and Yubico's tags AA and AB
 * are constructed by their bits, and hold plain bytes; and no byte here is padding. At most 64 objects are read, tags and lengths
 * as there.
 *
 * @throws TypeError (not bytes)
 * @see ISO/IEC 7816-4:2005, 5.2.2; NIST SP 800-73-4 part 1, table 10
 */
export function decodeDataObjects(bytes: Uint8Array): Result<readonly DataObject[]> {
  return decoding(bytes, (cursor) => readInto([], cursor));
}

/**
 * Reads data objects as {@link decodeDataObjects} does, and takes those before malformed bytes: issuers fill the objects of their
 * cards up with what they like.
 *
 * @throws TypeError (not bytes)
 */
export function decodeLeadingDataObjects(bytes: Uint8Array): readonly DataObject[] {
  const objects: DataObject[] = [];
  decoding(bytes, (cursor) => readInto(objects, cursor));
  return objects;
}

function readInto(objects: DataObject[], cursor: ByteCursor): readonly DataObject[] {
  while (cursor.remaining > 0) {
    if (objects.length === MAX_OBJECTS) cursor.fail(`more than ${MAX_OBJECTS} data objects`);
    const tag = readTag(cursor);
    objects.push({ tag, value: cursor.view(readLength(cursor), "value") });
  }
  return objects;
}

/**
 * Reads a header list: tags and lengths alone. The values stand elsewhere, one behind the other.
 *
 * @throws TypeError (not bytes)
 * @see ISO/IEC 7816-4:2005, 8.5.1; ISO/IEC 7816-8:2004, C.2
 */
export function decodeHeaderList(bytes: Uint8Array): Result<readonly DataObjectHeader[]> {
  return decoding(bytes, (cursor) => {
    const headers: DataObjectHeader[] = [];
    while (cursor.remaining > 0) {
      if (headers.length === MAX_OBJECTS) cursor.fail(`more than ${MAX_OBJECTS} data objects`);
      headers.push({ tag: readTag(cursor), length: readLength(cursor) });
    }
    return headers;
  });
}

/**
 * Writes one data object, its value in parts. The tag is taken as it is.
 *
 * @throws RangeError for a tag of more than four bytes; TypeError for a part that is not bytes
 */
export function encodeDataObject(tag: number, ...value: readonly Uint8Array[]): Uint8Array {
  for (const part of value) checkBytes(part, "encodeDataObject: a part of the value");
  const length = value.reduce((sum, part) => sum + part.length, 0);
  const header = [...bigEndianBytes(tag, 1, 4, "encodeDataObject: tag"), ...lengthField(length)];
  return concatBytes(Uint8Array.from(header), ...value);
}
