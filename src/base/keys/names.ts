// SPDX-License-Identifier: MIT

/** Hash functions that cards work with. FIPS 180-4; RFC 1321 (MD5). */
export type HashName = "md5" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512";

/** Elliptic curves of cards: SP 800-186 (P-256, P-384, P-521), SEC 2 (secp256k1), RFC 5639 (Brainpool). */
export type CurveName =
  | "P-256"
  | "P-384"
  | "P-521"
  | "secp256k1"
  | "brainpoolP256r1"
  | "brainpoolP384r1"
  | "brainpoolP512r1";

/** Bytes of a coordinate of each curve, and of a half of its signatures. */
export const curveBytes: Readonly<Record<CurveName, number>> = {
  "P-256": 32,
  "P-384": 48,
  "P-521": 66,
  secp256k1: 32,
  brainpoolP256r1: 32,
  brainpoolP384r1: 48,
  brainpoolP512r1: 64,
};

/** Bytes of a digest of each hash function. */
export const hashBytes: Readonly<Record<HashName, number>> = {
  md5: 16,
  sha1: 20,
  sha224: 28,
  sha256: 32,
  sha384: 48,
  sha512: 64,
};
