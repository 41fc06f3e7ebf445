// SPDX-License-Identifier: MIT

/** The ciphers of the keys of cards. */
export type CipherAlgorithm = "aes" | "3des";

/** A block cipher with its key: one block in, one block out, neither mode nor padding. */
export interface BlockCipher {
  /** Bytes in a block: 16 for AES, 8 for triple DES. */
  readonly blockBytes: number;
  /** Enciphers one block into an array of its own. */
  encrypt(block: Uint8Array): Uint8Array;
  /** Deciphers one block into an array of its own. */
  decrypt(block: Uint8Array): Uint8Array;
}

/**
 * Makes the ciphers of a card: the port to a crypto library. `nodeBlockCipher` of `scard/embedded` is one.
 *
 * @param key 16, 24 or 32 bytes for AES; 16 (two keys) or 24 (three keys) for triple DES. It is copied, or not kept.
 * @throws unsupported-feature where the machine lacks the cipher, as FIPS 140 builds lack triple DES
 */
export type BlockCipherFactory = (algorithm: CipherAlgorithm, key: Uint8Array) => BlockCipher;
