// SPDX-License-Identifier: MIT

import type { BlockCipherFactory, HashName } from "../base/keys/index.ts";

/**
 * What a client of cards calculates with on its own side: hashes of what is signed, random padding, the answer to a card's
 * challenge. The port to a crypto library; private keys stay on the card.
 */
export interface HostCrypto {
  /** Random bytes. */
  randomBytes(length: number): Uint8Array;
  hash(name: HashName, data: Uint8Array): Uint8Array;
  /** @throws unsupported-feature where the machine lacks the cipher, as FIPS 140 builds lack triple DES */
  readonly blockCipher: BlockCipherFactory;
  /**
   * Unpacks a certificate that is stored compressed.
   *
   * @param format `gzip` of RFC 1952, or `zlib` of RFC 1950
   * @returns undefined for data that is damaged, or unpacks to more than `mostBytes`
   */
  unpack(format: "gzip" | "zlib", data: Uint8Array, mostBytes: number): Uint8Array | undefined;
}
