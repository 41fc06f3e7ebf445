// SPDX-License-Identifier: MIT

export {
  type CurveName,
  encodeDigestInfo,
  type HashName,
  padForSignature,
  unpadDeciphered,
  unpadOaep,
} from "../../base/keys/index.ts";
export { attestationAuthority, attestationRoot, attestedCertificate } from "./attestation.ts";
export type { CardCrypto, Ed25519, EllipticCurve, X25519 } from "./card-crypto.ts";
export { clientAuthentication, type Extension, keyUsageExtension, keyUsages } from "./certificate.ts";
export type { CertifiedKey } from "./certified-key.ts";
export { der, octetString, smallInteger, utf8String } from "./der.ts";
export {
  type CertificateAuthority,
  type CertificateContent,
  checkCertificateContent,
  issueCertificate,
} from "./issued-certificate.ts";
export { bitLength, type RsaKey, rsaKeyFromPrimes } from "./rsa-key.ts";
export { isWorkingRsaKey } from "./working-rsa-key.ts";
