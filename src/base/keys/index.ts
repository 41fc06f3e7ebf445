// SPDX-License-Identifier: MIT

export type { BlockCipher, BlockCipherFactory, CipherAlgorithm } from "./block-cipher.ts";
export { readCertificate } from "./certificate.ts";
export {
  bitString,
  commonName,
  der,
  derTrue,
  objectIdentifier,
  octetString,
  sequence,
  smallInteger,
  time,
  utf8String,
  withoutZeros,
} from "./der-values.ts";
export { encodeName } from "./distinguished-name.ts";
export { ecdsaFromDer, ecdsaToDer } from "./ecdsa-signature.ts";
export type { HashFunction } from "./mask.ts";
export { type CurveName, curveBytes, type HashName, hashBytes } from "./names.ts";
export {
  certificatePublicKey,
  curveIds,
  curveOfId,
  decodePublicKey,
  encodePublicKey,
  type PublicKey,
} from "./public-key.ts";
export { encodeDigestInfo, padForSignature, unpadDeciphered, unpadOaep } from "./rsa-padding.ts";
export { padPss } from "./rsa-pss.ts";
export {
  type CertificateSigner,
  type Extension,
  hashOfCurve,
  keyIdentifiers,
  signatureAlgorithm,
  signedCertificate,
  signedRequest,
} from "./signed-certificate.ts";
