// SPDX-License-Identifier: MIT

import type { CardKeyPair } from "./key-pairs.ts";
import type {
  AlgorithmIdentifier,
  AnyCryptoKey,
  BufferSource,
  CryptoKey,
  CryptoKeyPair,
  HostSubtleCrypto,
  JsonWebKey,
  KeyFormat,
  KeyPairParameters,
  KeyUsage,
  SecretKeyParameters,
} from "./web-types.ts";

/**
 * The Web Cryptography API with the private keys of a card: `sign`, `decrypt`, `deriveBits`, `deriveKey` and `unwrapKey` with
 * a {@link CardCryptoKey} work on the card, and everything else is done by the host's.
 *
 * Functions that a newer host has beyond these are there too, for keys of the host.
 *
 * It is a SubtleCrypto, and a Crypto whose `subtle` is itself, because some libraries take the one and some the other.
 *
 * With a key of a card they reject with a DOMException: `InvalidAccessError` (a key for another algorithm or another use, or
 * one that would have to be exported), `NotSupportedError` (what the card or the standard does not have), `DataError` (what
 * was unwrapped is no key) and `OperationError` for whatever the card refuses: its `cause` is the SmartCardError, with the
 * tries of a wrong PIN, or the pulled card. With keys of the host they reject as the host's do.
 *
 * @see W3C, Web Cryptography API, 14 (https://www.w3.org/TR/WebCryptoAPI/)
 *
 * **Portability**: Web Crypto has the curves P-256, P-384 and P-521; Ed25519 and X25519 since Node 20 and Chrome 137. Keys of a card on
 * other curves have no CryptoKey: use `card.sign` for them.
 */
export interface CardWebCrypto {
  /** Itself. */
  readonly subtle: CardWebCrypto;

  /**
   * A key pair of the card: the private key stays there, and the public key is one of the host.
   *
   * @param of the name of a container, a container of `card.containers()`, or an X.509 certificate in DER
   * @param algorithm what the key is for: `"ECDSA"`, `{ name: "RSA-PSS", hash: "SHA-384" }`. The hash of an RSA key is SHA-256
   * where none is given. For cards that cannot undo OAEP there is also `"RSAES-PKCS1-v1_5"`, which is in no standard: its
   * public key can only be exported. @default what the key does: RSASSA-PKCS1-v1_5 or RSA-OAEP, ECDSA or ECDH, Ed25519, X25519
   * @throws SmartCardError: no-key-container; unsupported-feature (the key or Web Crypto does not do this), invalid-parameter,
   * invalid-value (an algorithm or a hash that there is not; no certificate)
   */
  keyPair(of: string | Uint8Array | { readonly name: string }, algorithm?: AlgorithmIdentifier): Promise<CardKeyPair>;

  /** All key pairs of the card that Web Crypto has an algorithm for, each with what it does by default. */
  keyPairs(): Promise<readonly CardKeyPair[]>;

  /** A signature: of ECDSA r and s after one another, as IEEE P1363 has it. The data is hashed by the host. */
  readonly sign: HostSubtleCrypto["sign"];
  /** What was encrypted with the public key: RSA-OAEP, and RSAES-PKCS1-v1_5. */
  readonly decrypt: HostSubtleCrypto["decrypt"];
  /**
   * A secret that is shared with the owner of `algorithm.public`, a public key that can be exported: ECDH and X25519.
   *
   * @param length in bits; all of the secret where it is null or left out
   */
  deriveBits(algorithm: AlgorithmIdentifier, baseKey: AnyCryptoKey, length?: number | null): Promise<ArrayBuffer>;
  /** A key of the host, made of a shared secret. */
  deriveKey(
    algorithm: AlgorithmIdentifier,
    baseKey: AnyCryptoKey,
    derivedKeyType: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  /** A key of the host that was encrypted with the public key of a card. */
  unwrapKey(
    format: KeyFormat,
    wrappedKey: BufferSource,
    unwrappingKey: AnyCryptoKey,
    unwrapAlgorithm: AlgorithmIdentifier,
    unwrappedKeyAlgorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;

  /** By the host. A key of a card is refused: export the public key of its pair. */
  exportKey(format: "jwk", key: AnyCryptoKey): Promise<JsonWebKey>;
  exportKey(format: Exclude<KeyFormat, "jwk">, key: AnyCryptoKey): Promise<ArrayBuffer>;
  exportKey(format: KeyFormat, key: AnyCryptoKey): Promise<ArrayBuffer | JsonWebKey>;
  /** By the host. A key of a card cannot be wrapped, and wraps nothing: its public key does. */
  readonly wrapKey: HostSubtleCrypto["wrapKey"];
  /** By the host. */
  readonly encrypt: HostSubtleCrypto["encrypt"];
  /** By the host. */
  readonly verify: HostSubtleCrypto["verify"];
  /** By the host. */
  readonly digest: HostSubtleCrypto["digest"];
  /** By the host: its keys are not on the card. */
  generateKey(
    algorithm: KeyPairParameters,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKeyPair>;
  generateKey(algorithm: SecretKeyParameters, extractable: boolean, keyUsages: readonly KeyUsage[]): Promise<CryptoKey>;
  generateKey(
    algorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKeyPair | CryptoKey>;
  /** By the host: its keys are not on the card. */
  importKey(
    format: KeyFormat,
    keyData: BufferSource | JsonWebKey,
    algorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;

  /**
   * The public key of a private one, of a card or of the host.
   *
   * @see Modern Algorithms in the Web Cryptography API, "getPublicKey"
   */
  getPublicKey(key: AnyCryptoKey, keyUsages: readonly KeyUsage[]): Promise<CryptoKey>;

  /** By the host. */
  getRandomValues<T extends ArrayBufferView | null>(array: T): T;
  /** By the host. */
  randomUUID(): `${string}-${string}-${string}-${string}-${string}`;
}
