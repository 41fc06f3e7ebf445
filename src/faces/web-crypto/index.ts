// SPDX-License-Identifier: MIT

export type { CardCryptoKey } from "./card-crypto-key.ts";
export type { CardWebCrypto } from "./card-web-crypto.ts";
export type { CardDecryptOptions, CardKey, CardSignOptions, CardWithKeys } from "./card-with-keys.ts";
export {
  type FlattenedJws,
  type GeneralJws,
  type JwsHeader,
  type JwsHeaders,
  type JwsSignature,
  type JwsSigner,
  signFlattenedJws,
  signGeneralJws,
  signJws,
  signJwt,
} from "./jws.ts";
export type { CardKeyPair } from "./key-pairs.ts";
export { WebCryptoOnCard } from "./web-crypto-on-card.ts";
export type {
  AlgorithmIdentifier,
  AlgorithmParameters,
  AnyCryptoKey,
  BufferSource,
  CryptoKey,
  CryptoKeyPair,
  HostSubtleCrypto,
  HostWebCrypto,
  JsonWebKey,
  KeyAlgorithm,
  KeyFormat,
  KeyPairParameters,
  KeyUsage,
  SecretKeyParameters,
} from "./web-types.ts";
