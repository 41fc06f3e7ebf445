// SPDX-License-Identifier: MIT

import { concatBytes } from "../binary/index.ts";
import { type HashFunction, mask, xor } from "./mask.ts";

/** The last byte of a block of PSS. RFC 8017, 9.1.1, step 12. */
const PSS_TRAILER = 0xbc;
const PSS_ZEROS = 8;

/**
 * Pads a digest with PSS, for the private operation of RSA.
 *
 * @param digest of the message, by `hash`
 * @param salt random; mostly as long as the digest. RFC 8017, 9.1
 * @param bits of the modulus
 * @returns a block of as many bytes as the modulus has; undefined where digest and salt do not fit
 * @see RFC 8017, 9.1.1
 */
export function padPss(digest: Uint8Array, salt: Uint8Array, bits: number, hash: HashFunction): Uint8Array | undefined {
  const blockBits = bits - 1;
  const length = Math.ceil(blockBits / 8);
  if (length < digest.length + salt.length + 2) return undefined;
  const inner = hash(concatBytes(new Uint8Array(PSS_ZEROS), digest, salt));
  const padding = new Uint8Array(length - salt.length - digest.length - 2);
  const data = xor(concatBytes(padding, Uint8Array.of(1), salt), mask(hash, inner, length - digest.length - 1));
  data[0] = (data[0] ?? 0) & (0xff >> (8 * length - blockBits));
  const block = concatBytes(data, inner, Uint8Array.of(PSS_TRAILER));
  // A modulus of 8 n + 1 bits has one byte more than the block.
  return concatBytes(new Uint8Array(Math.ceil(bits / 8) - length), block);
}
