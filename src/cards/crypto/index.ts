// SPDX-License-Identifier: MIT

export {
  type CurveName,
  der,
  type Extension,
  encodeDigestInfo,
  type HashName,
  octetString,
  padForSignature,
  smallInteger,
  unpadDeciphered,
  unpadOaep,
  utf8String,
} from "../../base/keys/index.ts";
export { attestationAuthority, attestationRoot, attestedCertificate } from "./attestation.ts";
export type { CardCrypto, Ed25519, EllipticCurve, X25519 } from "./card-crypto.ts";
export { clientAuthentication, keyUsageExtension, keyUsages } from "./certificate.ts";
export type { CertifiedKey } from "./certified-key.ts";
export {
  type CertificateAuthority,
  type CertificateContent,
  checkCertificateContent,
  issueCertificate,
} from "./issued-certificate.ts";
export { bitLength, type RsaKey, rsaKeyFromPrimes } from "./rsa-key.ts";
export { isWorkingRsaKey } from "./working-rsa-key.ts";
