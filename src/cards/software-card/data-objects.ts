// SPDX-License-Identifier: MIT

import { bigEndianBytes, concatBytes } from "../../base/binary/index.ts";

/** Most data objects in one template; the longest, an imported RSA key with its policies, has seven. */
const MAX_OBJECTS = 16;

/** One data object of a command. */
export interface DataObject {
  readonly tag: number;
  readonly value: Uint8Array;
}

/**
 * Reads consecutive data objects, each with its value as it is. Not `decodeBerTlv`: Yubico's tags AA and AB are constructed
 * by their bits, and hold one plain byte; and nothing here is padding.
 *
 * @returns undefined for malformed bytes
 * @see ISO/IEC 7816-4:2005, 5.2.2
 */
export function readDataObjects(bytes: Uint8Array): readonly DataObject[] | undefined {
  const objects: DataObject[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = readTag(bytes, at);
    if (tag === undefined || objects.length === MAX_OBJECTS) return undefined;
    const length = readLength(bytes, at + tag.bytes);
    if (length === undefined) return undefined;
    const start = at + tag.bytes + length.bytes;
    const end = start + length.value;
    if (end > bytes.length) return undefined;
    objects.push({ tag: tag.value, value: bytes.subarray(start, end) });
    at = end;
  }
  return objects;
}

/** The value of the first object with this tag. */
export function valueIn(objects: readonly DataObject[], tag: number): Uint8Array | undefined {
  return objects.find((object) => object.tag === tag)?.value;
}

/** Reads one data object that fills all bytes, and returns its value. */
export function onlyObject(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  const objects = readDataObjects(bytes);
  return objects?.length === 1 ? valueIn(objects, tag) : undefined;
}

/** Writes a data object with its value in parts. */
export function dataObject(tag: number, ...value: readonly Uint8Array[]): Uint8Array {
  const length = value.reduce((sum, part) => sum + part.length, 0);
  const header = [...bigEndianBytes(tag, 1, 4, "a tag"), ...lengthBytes(length)];
  return concatBytes(Uint8Array.from(header), ...value);
}

/** A data object whose value is one byte, or a few. */
export function byteObject(tag: number, ...value: readonly number[]): Uint8Array {
  return dataObject(tag, Uint8Array.from(value));
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes = bigEndianBytes(length, 1, 4, "a length");
  return [0x80 + bytes.length, ...bytes];
}

interface Field {
  readonly value: number;
  readonly bytes: number;
}

/** A tag of one to three bytes, as one number: 5C, 7F49, 5FC105. */
function readTag(bytes: Uint8Array, at: number): Field | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if ((first & 0x1f) !== 0x1f) return { value: first, bytes: 1 };
  let value = first;
  for (let count = 2; count <= 3; count++) {
    const next = bytes[at + count - 1];
    if (next === undefined) return undefined;
    value = value * 256 + next;
    if ((next & 0x80) === 0) return { value, bytes: count };
  }
  return undefined;
}

/** A length in one to four bytes. */
function readLength(bytes: Uint8Array, at: number): Field | undefined {
  const first = bytes[at];
  if (first === undefined || first === 0x80 || first > 0x83) return undefined;
  if (first < 0x80) return { value: first, bytes: 1 };
  const count = first - 0x80;
  let value = 0;
  for (let index = 1; index <= count; index++) {
    const next = bytes[at + index];
    if (next === undefined) return undefined;
    value = value * 256 + next;
  }
  return { value, bytes: 1 + count };
}
