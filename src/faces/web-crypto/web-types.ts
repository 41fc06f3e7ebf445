// SPDX-License-Identifier: MIT

// What the Web Cryptography API declares, for programs without the types of the DOM or of Node. Both fit these.

/** What a key may be used for. W3C, Web Cryptography API, 13.2. */
export type KeyUsage = "encrypt" | "decrypt" | "sign" | "verify" | "deriveKey" | "deriveBits" | "wrapKey" | "unwrapKey";

export type KeyFormat = "raw" | "spki" | "pkcs8" | "jwk";

/** Bytes, as the Web Cryptography API takes them. */
export type BufferSource = ArrayBuffer | ArrayBufferView;

/** The algorithm of a key. */
export interface KeyAlgorithm {
  /** "ECDSA", "RSA-PSS", "Ed25519". */
  readonly name: string;
  /** Of RSA keys. */
  readonly hash?: { readonly name: string };
  /** Of RSA keys: bits of the modulus. */
  readonly modulusLength?: number;
  /** Of RSA keys. */
  readonly publicExponent?: Uint8Array;
  /** Of keys on an elliptic curve. */
  readonly namedCurve?: string;
}

/** An algorithm with its parameters, or its name alone. */
export type AlgorithmIdentifier = string | AlgorithmParameters;

/** The parameters of an algorithm: each has some of these. W3C, Web Cryptography API, 20 to 36. */
export interface AlgorithmParameters {
  readonly name: string;
  readonly hash?: string | { readonly name: string };
  readonly saltLength?: number;
  readonly label?: BufferSource;
  readonly namedCurve?: string;
  readonly public?: AnyCryptoKey;
  readonly modulusLength?: number;
  readonly publicExponent?: Uint8Array;
  readonly length?: number;
  readonly iv?: BufferSource;
  readonly additionalData?: BufferSource;
  readonly tagLength?: number;
  readonly counter?: BufferSource;
  readonly salt?: BufferSource;
  readonly info?: BufferSource;
  readonly iterations?: number;
}

/** A key of the host, or of a card. */
export interface CryptoKey {
  readonly type: "private" | "public" | "secret";
  readonly extractable: boolean;
  readonly algorithm: KeyAlgorithm;
  readonly usages: KeyUsage[];
}

/** A key that is given to a function: that of any host is one. */
export interface AnyCryptoKey {
  readonly type: string;
  readonly extractable: boolean;
  readonly algorithm: { readonly name: string };
  readonly usages: readonly string[];
}

/** A key pair of the host. */
export interface CryptoKeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** How a key pair is generated. */
export type KeyPairParameters =
  | "Ed25519"
  | "X25519"
  | { readonly name: "Ed25519" | "X25519" }
  | {
      readonly name: string;
      readonly modulusLength: number;
      readonly publicExponent: Uint8Array;
      readonly hash: string | { readonly name: string };
    }
  | { readonly name: string; readonly namedCurve: string };

/** How a secret key is generated. */
export type SecretKeyParameters =
  | { readonly name: string; readonly length: number }
  | { readonly name: string; readonly hash: string | { readonly name: string }; readonly length?: number };

/** A key in JSON. RFC 7517, 4. */
export interface JsonWebKey {
  alg?: string;
  crv?: string;
  d?: string;
  dp?: string;
  dq?: string;
  e?: string;
  ext?: boolean;
  k?: string;
  key_ops?: string[];
  kty?: string;
  n?: string;
  p?: string;
  q?: string;
  qi?: string;
  use?: string;
  x?: string;
  y?: string;
}

/** What is used of a host's SubtleCrypto. That of Node and of browsers is one. */
export interface HostSubtleCrypto {
  encrypt(algorithm: AlgorithmIdentifier, key: AnyCryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  decrypt(algorithm: AlgorithmIdentifier, key: AnyCryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  sign(algorithm: AlgorithmIdentifier, key: AnyCryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  verify(
    algorithm: AlgorithmIdentifier,
    key: AnyCryptoKey,
    signature: BufferSource,
    data: BufferSource,
  ): Promise<boolean>;
  digest(algorithm: AlgorithmIdentifier, data: BufferSource): Promise<ArrayBuffer>;
  generateKey(
    algorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: KeyUsage[],
  ): Promise<AnyCryptoKey | { readonly privateKey: AnyCryptoKey; readonly publicKey: AnyCryptoKey }>;
  deriveKey(
    algorithm: AlgorithmIdentifier,
    baseKey: AnyCryptoKey,
    derivedKeyType: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: KeyUsage[],
  ): Promise<AnyCryptoKey>;
  deriveBits(algorithm: AlgorithmIdentifier, baseKey: AnyCryptoKey, length: number | null): Promise<ArrayBuffer>;
  importKey(
    format: KeyFormat,
    keyData: BufferSource | JsonWebKey,
    algorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: KeyUsage[],
  ): Promise<AnyCryptoKey>;
  exportKey(format: KeyFormat, key: AnyCryptoKey): Promise<ArrayBuffer | JsonWebKey>;
  wrapKey(
    format: KeyFormat,
    key: AnyCryptoKey,
    wrappingKey: AnyCryptoKey,
    wrapAlgorithm: AlgorithmIdentifier,
  ): Promise<ArrayBuffer>;
  unwrapKey(
    format: KeyFormat,
    wrappedKey: BufferSource,
    unwrappingKey: AnyCryptoKey,
    unwrapAlgorithm: AlgorithmIdentifier,
    unwrappedKeyAlgorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: KeyUsage[],
  ): Promise<AnyCryptoKey>;
}

/** The Web Crypto of a host: `webcrypto` of Node, `crypto` of a page. */
export interface HostWebCrypto {
  readonly subtle: HostSubtleCrypto;
  getRandomValues(array: Uint8Array): unknown;
  randomUUID(): `${string}-${string}-${string}-${string}-${string}`;
}
