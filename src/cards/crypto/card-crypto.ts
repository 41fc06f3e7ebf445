// SPDX-License-Identifier: MIT

import type { CurveName, HashName } from "../../base/keys/index.ts";
import type { BlockCipherFactory } from "../software-card/index.ts";
import type { RsaKey } from "./rsa-key.ts";

/**
 * One elliptic curve. Private keys and coordinates are big-endian and have `bytes` bytes; points are uncompressed: 04,
 * then x and y (SEC 1, 2.3.3). Functions throw for a private key out of range: check it first.
 */
export interface EllipticCurve {
  /** Bytes of a coordinate, and of a private key: 32, 48, 64, or 66 for P-521. */
  readonly bytes: number;
  /** A new private key. */
  generate(): Uint8Array;
  /** Whether these bytes are a private key of this curve: 1 to the order less 1, in `bytes` bytes. */
  isPrivateKey(candidate: Uint8Array): boolean;
  /** Whether these bytes are a point of this curve, uncompressed, and not the point at infinity. */
  isPoint(candidate: Uint8Array): boolean;
  /** The public point of a private key. */
  publicOf(privateKey: Uint8Array): Uint8Array;
  /**
   * An ECDSA signature of a digest that was made elsewhere, r and s after one another. A digest that is longer than the
   * order is cut to its leftmost bits. The nonce is the one of RFC 6979, so the same digest gives the same signature.
   *
   * @param digest 1 to 64 bytes
   * @see FIPS 186-5, 6.4.1
   */
  sign(privateKey: Uint8Array, digest: Uint8Array): Uint8Array;
  /** Whether r and s sign the digest. False also for what has no form of a signature or a point. FIPS 186-5, 6.4.2. */
  verify(point: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean;
  /** ECDH: the x coordinate. Undefined where the point is not on this curve. SP 800-56A, 5.7.1.2. */
  agree(privateKey: Uint8Array, point: Uint8Array): Uint8Array | undefined;
}

/** Signatures over the twisted Edwards curve of RFC 8032, 5.1. Private keys are seeds of 32 bytes, any bytes. */
export interface Ed25519 {
  generate(): Uint8Array;
  publicOf(seed: Uint8Array): Uint8Array;
  /** Signs the message itself, not a digest of it: 64 bytes. */
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** Key agreement over the Montgomery curve of RFC 7748, 5. Keys are 32 bytes, little-endian, any bytes. */
export interface X25519 {
  generate(): Uint8Array;
  publicOf(privateKey: Uint8Array): Uint8Array;
  /** The shared secret; undefined for a public key of another length, and for one that makes it all zeros. RFC 7748, 6.1. */
  agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
}

/**
 * The port to a crypto library: what the applications of a card calculate with. `nodeCardCrypto` of `scard/embedded` is one.
 * Padding, DigestInfo and keys from primes need no library and are functions of their own.
 */
export interface CardCrypto {
  /** Random bytes. */
  randomBytes(length: number): Uint8Array;
  /** @throws unsupported-feature where the machine lacks the cipher, as FIPS 140 builds lack triple DES */
  readonly blockCipher: BlockCipherFactory;
  hash(name: HashName, data: Uint8Array): Uint8Array;
  /**
   * A new key. It takes a time: seconds for 4096 bits. It is asynchronous, so look at `abandoned` of the command then.
   *
   * @param bits of the modulus, 1024 to 4096, a multiple of 8
   * @param publicExponent odd, 3 or more @default 65537
   */
  generateRsa(bits: number, publicExponent?: number): Promise<RsaKey>;
  /**
   * The private operation, RSADP and RSASP1 of RFC 8017, 5.1.2 and 5.2.1, on a number of as many bytes as the modulus has.
   * Undefined where the number is not less than the modulus, or has another length.
   *
   * @throws where the parts of the key do not fit one another
   */
  rsaPrivate(key: RsaKey, input: Uint8Array): Uint8Array | undefined;
  curve(name: CurveName): EllipticCurve;
  readonly ed25519: Ed25519;
  readonly x25519: X25519;
}
