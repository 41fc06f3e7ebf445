// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import type { BlockCipher } from "../../base/keys/index.ts";

/** Enciphers whole blocks in CBC mode. The first block is chained with zeros. NIST SP 800-38A, 6.2. */
export function encryptCbc(cipher: BlockCipher, data: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [];
  let previous: Uint8Array = new Uint8Array(cipher.blockBytes);
  for (const block of blocksOf(data, cipher.blockBytes)) {
    previous = cipher.encrypt(xor(block, previous));
    blocks.push(previous);
  }
  return concatBytes(...blocks);
}

/** Deciphers whole blocks in CBC mode. */
export function decryptCbc(cipher: BlockCipher, data: Uint8Array): Uint8Array {
  const blocks: Uint8Array[] = [];
  let previous: Uint8Array = new Uint8Array(cipher.blockBytes);
  for (const block of blocksOf(data, cipher.blockBytes)) {
    blocks.push(xor(cipher.decrypt(block), previous));
    previous = block;
  }
  return concatBytes(...blocks);
}

/** The MAC of a message, one block long. NIST SP 800-38B, 6.2: the last block is masked with a key of its own. */
export function cmac(cipher: BlockCipher, message: Uint8Array): Uint8Array {
  const { blockBytes } = cipher;
  const wholeKey = doubled(cipher.encrypt(new Uint8Array(blockBytes)));
  const whole = message.length > 0 && message.length % blockBytes === 0;
  const padded = whole ? message : padded80(message, blockBytes);
  const mask = whole ? wholeKey : doubled(wholeKey);
  const last = padded.length - blockBytes;
  const masked = concatBytes(padded.subarray(0, last), xor(padded.subarray(last), mask));
  return encryptCbc(cipher, masked).subarray(last);
}

/**
 * MAC algorithm 3 with padding method 2, the "retail MAC". ISO/IEC 9797-1:2011, 7.4 and 6.3.3.
 *
 * @param first the cipher with the first half of the key alone
 * @param both the cipher with both halves, for the last block
 */
export function retailMac(first: BlockCipher, both: BlockCipher, message: Uint8Array): Uint8Array {
  const { blockBytes } = first;
  const blocks = blocksOf(padded80(message, blockBytes), blockBytes);
  let chained: Uint8Array = new Uint8Array(blockBytes);
  for (const [index, block] of blocks.entries()) {
    chained = (index === blocks.length - 1 ? both : first).encrypt(xor(block, chained));
  }
  return chained;
}

/**
 * A bit 1, then as many bits 0 as fill the block; a whole block where the message fills its last one. Padding method 2 of
 * ISO/IEC 9797-1:2011, 6.3.3.
 */
export function padded80(message: Uint8Array, blockBytes: number): Uint8Array {
  const padding = new Uint8Array(blockBytes - (message.length % blockBytes));
  padding[0] = 0x80;
  return concatBytes(message, padding);
}

/** Multiplies by x in the field of the block's size. NIST SP 800-38B, 5.3 and 6.1. */
function doubled(block: Uint8Array): Uint8Array {
  const result = block.map((byte, index) => (byte << 1) | ((block[index + 1] ?? 0) >> 7));
  const carry = ((block[0] ?? 0) & 0x80) === 0 ? 0 : block.length === 16 ? 0x87 : 0x1b;
  result[result.length - 1] = (result.at(-1) ?? 0) ^ carry;
  return result;
}

function blocksOf(data: Uint8Array, blockBytes: number): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += blockBytes) blocks.push(data.subarray(at, at + blockBytes));
  return blocks;
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ (b[index] ?? 0));
}
