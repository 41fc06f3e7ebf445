// SPDX-License-Identifier: MIT

import { type BerTlv, decodeBerTlv, decodeLeadingDataObjects, findBerTlv } from "../../base/iso7816/index.ts";
import type { PublicKey } from "../../base/keys/index.ts";

/** The value of the first object with this tag, as it is, also where its tag says that it holds others. */
export function plainValue(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  return decodeLeadingDataObjects(bytes).find((object) => object.tag === tag)?.value;
}

/** The value at the end of a path of tags in BER-TLV; undefined where it is not there, or the bytes are malformed. */
export function valueAt(bytes: Uint8Array, ...path: readonly number[]): Uint8Array | undefined {
  const decoded = decodeBerTlv(bytes);
  return decoded.ok ? findBerTlv(decoded.value, ...path)?.value : undefined;
}

/** Tags of a public key: modulus and exponent of RSA, the point of a curve. ISO/IEC 7816-8:2004, 5.1. */
const TAG_PUBLIC_KEY = 0x7f49;
const tags = { modulus: 0x81, exponent: 0x82, point: 0x86 } as const;

/** The public key in its template; undefined where there is none. @param ofPoint which key a point is */
export function publicKeyIn(
  bytes: Uint8Array,
  ofPoint: (point: Uint8Array) => PublicKey | undefined,
): PublicKey | undefined {
  const objects = valueAt(bytes, TAG_PUBLIC_KEY);
  return objects && publicKeyFrom(objects, ofPoint);
}

/** The same without the tag of the template. */
export function publicKeyFrom(
  objects: Uint8Array,
  ofPoint: (point: Uint8Array) => PublicKey | undefined,
): PublicKey | undefined {
  const modulus = plainValue(objects, tags.modulus);
  const exponent = plainValue(objects, tags.exponent);
  if (modulus !== undefined && exponent !== undefined) return { kind: "rsa", modulus, exponent };
  const point = plainValue(objects, tags.point);
  return point && ofPoint(point);
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
