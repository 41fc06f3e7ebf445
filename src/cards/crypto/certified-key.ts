// SPDX-License-Identifier: MIT

import {
  type CertificateSigner,
  type CurveName,
  ecdsaToDer,
  encodeDigestInfo,
  encodePublicKey,
  hashOfCurve,
  type PublicKey,
  padForSignature,
  signatureAlgorithm,
} from "../../base/keys/index.ts";
import type { CardCrypto } from "./card-crypto.ts";
import type { RsaKey } from "./rsa-key.ts";

/** A private key, as certificates have its public part. */
export type CertifiedKey =
  | { readonly algorithm: "rsa"; readonly material: RsaKey }
  | { readonly algorithm: CurveName | "ed25519" | "x25519"; readonly material: Uint8Array };

/** SubjectPublicKeyInfo. RFC 5280, 4.1.2.7. */
export function publicKeyInfo(library: CardCrypto, key: CertifiedKey): Uint8Array {
  return encodePublicKey(publicKey(library, key));
}

function publicKey(library: CardCrypto, { algorithm, material }: CertifiedKey): PublicKey {
  switch (algorithm) {
    case "rsa":
      return { kind: "rsa", modulus: material.n, exponent: material.e };
    case "ed25519":
    case "x25519":
      return { kind: algorithm, point: library[algorithm].publicOf(material) };
    default:
      return { kind: "ec", curve: algorithm, point: library.curve(algorithm).publicOf(material) };
  }
}

/** What signs certificates with a key. RFC 4055, 5; RFC 5758, 3.2; RFC 8410, 3. */
export function certificateSigner(library: CardCrypto, key: CertifiedKey): CertificateSigner {
  return {
    algorithm: algorithmOf(key),
    publicKey: publicKeyInfo(library, key),
    async sign(toBeSigned) {
      const signature = signed(library, key, toBeSigned);
      if (signature === undefined) throw new TypeError(`a key of ${key.algorithm} signs no certificates`);
      return signature;
    },
  };
}

/** An X25519 key signs nothing: what signs with it fails. */
function algorithmOf({ algorithm }: CertifiedKey): Uint8Array {
  const kind = algorithm === "rsa" || algorithm === "ed25519" || algorithm === "x25519" ? algorithm : "ec";
  return signatureAlgorithm(kind, hashOf(algorithm)) ?? new Uint8Array(0);
}

function hashOf(algorithm: CertifiedKey["algorithm"]): "sha256" | "sha384" | "sha512" {
  if (algorithm === "rsa" || algorithm === "ed25519" || algorithm === "x25519") return "sha256";
  return hashOfCurve(algorithm);
}

function signed(library: CardCrypto, key: CertifiedKey, message: Uint8Array): Uint8Array | undefined {
  const { algorithm, material } = key;
  switch (algorithm) {
    case "rsa": {
      const information = encodeDigestInfo("sha256", library.hash("sha256", message));
      const block = padForSignature(information, material.n.length);
      return block && library.rsaPrivate(material, block);
    }
    case "ed25519":
      return library.ed25519.sign(material, message);
    case "x25519":
      return undefined;
    default: {
      const digest = library.hash(hashOf(algorithm), message);
      return ecdsaToDer(library.curve(algorithm).sign(material, digest));
    }
  }
}
