// SPDX-License-Identifier: MIT

import { concatBytes, zeroBytes } from "../binary/index.ts";
import { encodeBerTlv } from "../iso7816/index.ts";
import { type HashFunction, mask, xor } from "./mask.ts";
import type { HashName } from "./names.ts";

/** Least bytes of the padding string, in either type. RFC 8017, 7.2.1 and 9.2. */
const LEAST_PADDING_BYTES = 8;
/** What is in a block besides the padding string and the message: 00, the type, 00. */
const FRAME_BYTES = 3;

/**
 * Pads what is to be signed: 00 01 FF … FF 00, then the message. RFC 8017, 9.2.
 *
 * @param message a DigestInfo, mostly
 * @param length of the block: bytes of the modulus
 * @returns undefined where the message does not fit
 */
export function padForSignature(message: Uint8Array, length: number): Uint8Array | undefined {
  const padding = length - FRAME_BYTES - message.length;
  if (padding < LEAST_PADDING_BYTES) return undefined;
  return concatBytes(Uint8Array.of(0, 1), new Uint8Array(padding).fill(0xff), Uint8Array.of(0), message);
}

/**
 * The message in a block that was deciphered: 00 02, at least 8 bytes that are not zero, 00, the message. RFC 8017, 7.2.2.
 * The time depends on the length of the block and of the message, but not on where a wrong block is wrong.
 *
 * @returns undefined for a block of another form. Answer it as anything else that cannot be deciphered, with one status
 * word and no more: an answer that tells them apart deciphers other messages.
 */
export function unpadDeciphered(block: Uint8Array): Uint8Array | undefined {
  // All of these are masks: 0, or -1 for true.
  let wrong = ~isZero(block[0] ?? 1) | ~isZero((block[1] ?? 0) ^ 2);
  let searching = -1;
  let end = 0;
  for (let at = 2; at < block.length; at++) {
    const found = searching & isZero(block[at] ?? 0);
    end |= found & at;
    searching &= ~found;
  }
  wrong |= searching;
  // Negative where the padding string is shorter than it must be.
  wrong |= (end - 2 - LEAST_PADDING_BYTES) >> 31;
  return wrong === 0 ? block.slice(end + 1) : undefined;
}

/**
 * The message in a block that was deciphered with OAEP, and MGF1 with the same hash. RFC 8017, 7.1.2. The
 * time depends on the length of the block and of the message, but not on where a wrong block is wrong.
 *
 * @param hash SHA-1, mostly
 * @param label empty, mostly
 * @returns undefined for a block of another form: answer it as {@link unpadDeciphered} says
 */
export function unpadOaep(
  hash: HashFunction,
  block: Uint8Array,
  label: Uint8Array = new Uint8Array(0),
): Uint8Array | undefined {
  const labelHash = hash(label);
  const { length } = labelHash;
  if (block.length < 2 * length + 2) return undefined;
  const [first = 1] = block;
  const maskedSeed = block.subarray(1, 1 + length);
  const maskedData = block.subarray(1 + length);
  const seed = xor(maskedSeed, mask(hash, maskedData, length));
  const data = xor(maskedData, mask(hash, seed, maskedData.length));
  let wrong = ~isZero(first);
  for (const [at, byte] of labelHash.entries()) wrong |= ~isZero(byte ^ (data[at] ?? 0));
  let searching = -1;
  let end = 0;
  for (let at = length; at < data.length; at++) {
    const byte = data[at] ?? 0;
    const isOne = isZero(byte ^ 1);
    end |= searching & isOne & at;
    // Before the message stand zeros, and then a 1.
    wrong |= searching & ~isOne & ~isZero(byte);
    searching &= ~isOne;
  }
  wrong |= searching;
  const message = wrong === 0 ? data.slice(end + 1) : undefined;
  zeroBytes(data);
  zeroBytes(seed);
  return message;
}

/** -1 for zero, 0 for any other byte, without a branch. */
function isZero(byte: number): number {
  return ((byte & 0xff) - 1) >> 31;
}

/** Object identifiers of hash functions, encoded. RFC 8017, B.1. */
const hashIdentifiers: Readonly<Record<HashName, readonly number[]>> = {
  md5: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05],
  sha1: [0x2b, 0x0e, 0x03, 0x02, 0x1a],
  sha224: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04],
  sha256: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
  sha384: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
  sha512: [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
};

/** The DigestInfo of a digest, in DER. RFC 8017, 9.2. */
export function encodeDigestInfo(hash: HashName, digest: Uint8Array): Uint8Array {
  const algorithm = [
    { tag: 0x06, value: Uint8Array.from(hashIdentifiers[hash]) },
    { tag: 0x05, value: new Uint8Array(0) },
  ];
  return encodeBerTlv([
    {
      tag: 0x30,
      children: [
        { tag: 0x30, children: algorithm },
        { tag: 0x04, value: digest },
      ],
    },
  ]);
}
