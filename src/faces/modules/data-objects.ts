// SPDX-License-Identifier: MIT

import { type BerTlv, decodeBerTlv, findBerTlv } from "../../base/iso7816/index.ts";

/** A data object of a card. */
export interface DataObject {
  readonly tag: number;
  readonly value: Uint8Array;
}

/** Most objects that are read of one value. */
const MAX_OBJECTS = 64;

/**
 * Reads consecutive data objects, each with its value as it is. For objects whose tag says that they are constructed, and
 * that hold plain bytes all the same, as the certificates of PIV do; `decodeBerTlv` reads all others.
 *
 * @returns what was read before malformed bytes
 * @see ISO/IEC 7816-4:2005, 5.2.2; NIST SP 800-73-4 part 1, table 10
 */
export function plainObjects(bytes: Uint8Array): readonly DataObject[] {
  const objects: DataObject[] = [];
  for (let at = 0; at < bytes.length && objects.length < MAX_OBJECTS; ) {
    let tag = bytes[at++] ?? 0;
    if ((tag & 0x1f) === 0x1f) {
      let next = 0x80;
      while ((next & 0x80) !== 0 && tag < 0x1_0000) {
        next = bytes[at++] ?? 0;
        tag = tag * 256 + next;
      }
    }
    const first = bytes[at++] ?? 0x80;
    let length = first;
    if (first === 0x80 || first > 0x84) break;
    if (first > 0x80) {
      length = 0;
      for (let count = first - 0x80; count > 0; count--) length = length * 256 + (bytes[at++] ?? 0);
    }
    if (at + length > bytes.length) break;
    objects.push({ tag, value: bytes.slice(at, at + length) });
    at += length;
  }
  return objects;
}

/** The value of the first plain object with this tag. */
export function plainValue(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  return plainObjects(bytes).find((object) => object.tag === tag)?.value;
}

/** The value at the end of a path of tags in BER-TLV; undefined where it is not there, or the bytes are malformed. */
export function valueAt(bytes: Uint8Array, ...path: readonly number[]): Uint8Array | undefined {
  const decoded = decodeBerTlv(bytes);
  return decoded.ok ? findBerTlv(decoded.value, ...path)?.value : undefined;
}

/** The value of the first object with this tag, however deep it is. */
export function deepValue(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  const decoded = decodeBerTlv(bytes);
  return decoded.ok ? searched(decoded.value, tag) : undefined;
}

function searched(objects: readonly BerTlv[], tag: number): Uint8Array | undefined {
  for (const object of objects) {
    const found = object.tag === tag ? object.value : searched(object.children ?? [], tag);
    if (found !== undefined) return found;
  }
  return undefined;
}
