// SPDX-License-Identifier: MIT

export {
  type CurveName,
  encodeDigestInfo,
  type HashName,
  padForSignature,
  unpadDeciphered,
  unpadOaep,
} from "../../base/keys/index.ts";
export type { CardCrypto, Ed25519, EllipticCurve, X25519 } from "./card-crypto.ts";
export {
  authorityExtensions,
  type CertificateSigner,
  type Extension,
  keyIdentifiers,
  keyUsageExtension,
  keyUsages,
  randomSerialNumber,
  signedCertificate,
  subjectAndValidity,
} from "./certificate.ts";
export { type CertifiedKey, certificateSigner, publicKeyInfo } from "./certified-key.ts";
export { commonName, der, ecdsaSignature, objectIdentifier, sequence, smallInteger, time } from "./der.ts";
export {
  type CertificateAuthority,
  type CertificateContent,
  checkCertificateContent,
  issueCertificate,
} from "./issued-certificate.ts";
export { bitLength, type RsaKey, rsaKeyFromPrimes } from "./rsa-key.ts";
export { isWorkingRsaKey } from "./working-rsa-key.ts";
