// SPDX-License-Identifier: MIT

import { concatBytes } from "../binary/index.ts";
import { decodeBerTlv, encodeBerTlv } from "../iso7816/index.ts";
import { der, integerValue, withoutZeros } from "./der-values.ts";

/**
 * Writes an ECDSA signature in DER, as certificates have it.
 *
 * @param signature r and s after one another, each as long as a coordinate
 * @see RFC 3279, 2.2.3
 */
export function ecdsaToDer(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  const children = [signature.subarray(0, half), signature.subarray(half)].map((number) => ({
    tag: der.integer,
    value: integerValue(number),
  }));
  return encodeBerTlv([{ tag: der.sequence, children }]);
}

/**
 * Reads an ECDSA signature in DER: r and s after one another.
 *
 * @param bytes of a coordinate of the curve
 * @returns undefined where it is no such signature
 */
export function ecdsaFromDer(signature: Uint8Array, bytes: number): Uint8Array | undefined {
  const decoded = decodeBerTlv(signature, { depth: 2, objects: 3 });
  const sequence = decoded.ok && decoded.value.length === 1 ? decoded.value[0] : undefined;
  if (sequence?.tag !== der.sequence || sequence.children?.length !== 2) return undefined;
  const halves: Uint8Array[] = [];
  for (const { tag, value } of sequence.children) {
    const number = withoutZeros(value);
    if (tag !== der.integer || number.length > bytes) return undefined;
    halves.push(new Uint8Array(bytes - number.length), number);
  }
  return concatBytes(...halves);
}
