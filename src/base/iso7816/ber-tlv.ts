// SPDX-License-Identifier: MIT

import {
  type ByteCursor,
  bigEndianBytes,
  checkBytes,
  checkList,
  checkMembers,
  checkObject,
  checkWhole,
  concatBytes,
  decoding,
  kindOf,
  type Result,
  shown,
} from "../binary/index.ts";
import { lengthField, readLength, readTag } from "./tlv-fields.ts";

/** A BER-TLV data object. ISO/IEC 7816-4:2005, 5.2.2; ITU-T X.690, 8.1. */
export interface BerTlv {
  /** The tag field as one number: 0x6F, 0x9F26. */
  readonly tag: number;
  /** The value field as it is; for a constructed object, the encoding of its children. */
  readonly value: Uint8Array;
  /** The objects inside a constructed one; undefined for a primitive one. */
  readonly children: readonly BerTlv[] | undefined;
}

/** What {@link encodeBerTlv} writes: a primitive object with its value, or a constructed one with its children. */
export type BerTlvInit =
  | { readonly tag: number; readonly value: Uint8Array }
  | { readonly tag: number; readonly children: readonly BerTlvInit[] };

/** Limits of {@link decodeBerTlv}. */
export interface BerTlvLimits {
  /** Most levels of constructed objects around an object. @default 16 */
  readonly depth?: number;
  /** Most objects in all. @default 4096 */
  readonly objects?: number;
}

const DEFAULT_DEPTH = 16;
const DEFAULT_OBJECTS = 4096;

/**
 * Reads consecutive BER-TLV data objects, including the children of constructed ones. Tags have up to four bytes,
 * lengths up to four bytes after the first; the indefinite length is refused, as ISO/IEC 7816 does not use it.
 *
 * Bytes 00 and FF before, between and after objects are padding and skipped, also inside constructed objects: records and
 * files are filled up with them. FF begins a tag only in FF21, which GlobalPlatform uses; after a padding FF, 21 would
 * be a constructed BOOLEAN, which does not exist. Invalid tag fields are refused: with a second byte of 00 or 80, and
 * those of the universal class that one byte would hold (1F01 to 1F1E). In the other classes 01 to 1E are accepted, though
 * ISO/IEC 7816-4 calls them invalid: EMV uses 9F01 to 9F1E and BF0C, ICAO 9303 uses 5F01 to 5F1E.
 *
 * What is decoded can be encoded again ({@link encodeBerTlv}); padding and lengths in more bytes than needed are not kept.
 *
 * @see ISO/IEC 7816-4:2005, 5.2.2.1 and table 87; ISO/IEC 7816-4:1995, annex D.1; ETSI TS 102 221, 13.1
 */
export function decodeBerTlv(bytes: Uint8Array, limits: BerTlvLimits = {}): Result<readonly BerTlv[]> {
  checkMembers(limits, ["depth", "objects"], "decodeBerTlv: limits");
  for (const [name, limit] of Object.entries(limits)) {
    if (limit === undefined || (Number.isInteger(limit) && limit >= 0)) continue;
    // Nothing would be beyond it.
    throw new RangeError(
      `decodeBerTlv: limits.${name} is not a limit: ${kindOf(limit)}; give a whole number, 0 or more`,
    );
  }
  const budget = { objects: limits.objects ?? DEFAULT_OBJECTS };
  return decoding(bytes, (cursor) => readObjects(cursor, limits.depth ?? DEFAULT_DEPTH, budget));
}

function readObjects(cursor: ByteCursor, depth: number, budget: { objects: number }): readonly BerTlv[] {
  const objects: BerTlv[] = [];
  for (let first = cursor.peek(); first !== undefined; first = cursor.peek()) {
    if (first === 0x00 || (first === 0xff && cursor.peek(1) !== 0x21)) {
      cursor.u8("padding");
      continue;
    }
    if (budget.objects-- <= 0) cursor.fail("too many data objects");
    const tag = readTag(cursor, isSecondTagByte);
    const value = cursor.bytes(readLength(cursor), "value");
    const children = (first & 0x20) === 0 ? undefined : readChildren(cursor, value, depth, budget);
    objects.push({ tag, value, children });
  }
  return objects;
}

function readChildren(
  cursor: ByteCursor,
  value: Uint8Array,
  depth: number,
  budget: { objects: number },
): readonly BerTlv[] {
  const start = cursor.offset - value.length;
  if (depth <= 0) return cursor.fail("data objects nested too deep", start);
  const inner = decoding(value, (children) => readObjects(children, depth - 1, budget));
  return inner.ok ? inner.value : cursor.fail(inner.error.message, start + inner.error.offset);
}

/** Whether a tag field that begins with `first` may go on with `second`. ISO/IEC 7816-4:2005, 5.2.2.1. */
function isSecondTagByte(first: number, second: number): boolean {
  if (second === 0x00 || second === 0x80) return false;
  return second > 0x1e || (first & 0xc0) !== 0;
}

/**
 * Writes BER-TLV data objects, each length in as few bytes as hold it.
 *
 * @throws RangeError for a tag that {@link decodeBerTlv} refuses, a value on a constructed tag, and children on a primitive one.
 */
export function encodeBerTlv(objects: readonly BerTlvInit[]): Uint8Array {
  checkList(objects, "data objects", "encodeBerTlv: objects");
  return concatBytes(
    ...objects.flatMap((object) => {
      checkMembers(object, ["tag", "value", "children"], "encodeBerTlv: a data object");
      const tag = tagBytes(object.tag);
      const constructed = ((tag[0] ?? 0) & 0x20) !== 0;
      const name = object.tag.toString(16).toUpperCase();
      // A decoded object has both; its children are what says how the value is made.
      const children = "children" in object ? object.children : undefined;
      if (constructed && children === undefined) throw new RangeError(`tag ${name} is constructed: give its children`);
      if (!constructed && children !== undefined) throw new RangeError(`tag ${name} is primitive: give its value`);
      const value = children === undefined && "value" in object ? object.value : encodeBerTlv(children ?? []);
      checkBytes(value, `encodeBerTlv: value of tag ${name}`);
      return [Uint8Array.from(tag), Uint8Array.from(lengthField(value.length)), value];
    }),
  );
}

function tagBytes(tag: number): readonly number[] {
  const bytes = Number.isInteger(tag) && tag > 0 && tag <= 0xffff_ffff ? bigEndianBytes(tag, 1, 4, "a tag") : [];
  const [first = 0, ...rest] = bytes;
  const last = rest.length - 1;
  const continued = rest.every((byte, index) => index < last === (byte & 0x80) > 0);
  const isKept = rest.length === 0 || isSecondTagByte(first, rest[0] ?? 0);
  const isPadding = first === 0xff && rest[0] !== 0x21;
  if (first === 0 || isPadding || !isKept || rest.length > 0 !== ((first & 0x1f) === 0x1f) || !continued) {
    const given = Number.isInteger(tag) ? tag.toString(16).toUpperCase() : shown(tag);
    throw new RangeError(`${given} is no BER-TLV tag of one to four bytes`);
  }
  return bytes;
}

/**
 * Finds a data object by the tags on the way to it: `findBerTlv(fci, 0x6f, 0x84)` is the DF name. The first object with
 * the tag is taken on each level.
 *
 * @throws TypeError for an invalid list of data objects, and for a path without a tag; RangeError for a number that is not a tag
 */
export function findBerTlv(objects: readonly BerTlv[], ...path: readonly number[]): BerTlv | undefined {
  if (path.length === 0) throw new TypeError("findBerTlv: there is no tag; pass the tags on the way to the object");
  for (const tag of path) checkWhole(tag, 1, 0xffff_ffff, "findBerTlv: a tag");
  let found: BerTlv | undefined;
  let level: readonly BerTlv[] = objects;
  for (const tag of path) {
    checkList(level, "data objects, as decodeBerTlv() gives them", "findBerTlv: objects");
    found = level.find((object) => {
      checkObject(object, "findBerTlv: a data object", "pass what decodeBerTlv() gives");
      return object.tag === tag;
    });
    if (found === undefined) return undefined;
    level = found.children ?? [];
  }
  return found;
}
