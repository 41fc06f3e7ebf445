// SPDX-License-Identifier: MIT

export type { CardCrypto, CurveName, Ed25519, EllipticCurve, HashName, X25519 } from "./card-crypto.ts";
export { bitLength, type RsaKey, rsaKeyFromPrimes } from "./rsa-key.ts";
export { encodeDigestInfo, padForSignature, unpadDeciphered } from "./rsa-padding.ts";
