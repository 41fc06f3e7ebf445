// SPDX-License-Identifier: MIT

import { type BerTlv, decodeBerTlv, decodeLeadingDataObjects, findBerTlv } from "../../base/iso7816/index.ts";

/** The value of the first object with this tag, as it is, also where its tag says that it holds others. */
export function plainValue(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  return decodeLeadingDataObjects(bytes).find((object) => object.tag === tag)?.value;
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
