// SPDX-License-Identifier: MIT

/** The cryptography that a handshake of Noise_IK_25519_AESGCM_SHA256 needs: the port to a platform's library. */
export interface NoiseCrypto {
  /** The public key of a private one: 32 bytes (RFC 7748, 5). */
  publicKey(privateKey: Uint8Array): Uint8Array;
  /** What two keys agree on: 32 bytes. Undefined where the public key is a point of low order, which agrees with every key on zeros. */
  agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /** SHA-256. */
  hash(data: Uint8Array): Uint8Array;
  /** HMAC-SHA-256. */
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** AES-256-GCM: the ciphertext, and its tag of 16 bytes behind it. `nonce` has 12 bytes. */
  seal(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plain: Uint8Array): Uint8Array;
  /** The other way. Undefined where the tag is wrong, or there are fewer than 16 bytes. */
  open(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
}

/** The length of a key of X25519, private or public, in bytes. */
export const NOISE_KEY_BYTES = 32;
/** What the seal adds to a text, in bytes. */
export const NOISE_TAG_BYTES = 16;
