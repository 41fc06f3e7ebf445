// SPDX-License-Identifier: MIT

import { concatBytes } from "../binary/index.ts";

/** A hash function: the digest of these bytes. */
export type HashFunction = (data: Uint8Array) => Uint8Array;

/**
 * The mask that a hash function makes of a seed: MGF1.
 *
 * @see RFC 8017, B.2.1
 */
export function mask(hash: HashFunction, seed: Uint8Array, length: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let counter = 0, bytes = 0; bytes < length; counter++) {
    const part = hash(concatBytes(seed, Uint8Array.of(0, 0, counter >> 8, counter & 0xff)));
    parts.push(part);
    bytes += part.length;
  }
  return concatBytes(...parts).slice(0, length);
}

/** Bytes by bytes, as long as the first. */
export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, at) => byte ^ (b[at] ?? 0));
}
