// SPDX-License-Identifier: MIT

import { type CurveName, encodeDigestInfo, type HashName, padForSignature } from "../../base/keys/index.ts";
import { dataObject } from "../software-card/index.ts";
import type { CardCrypto } from "./card-crypto.ts";
import type { CertificateSigner } from "./certificate.ts";
import { bitString, der, ecdsaSignature, integer, objectIdentifier, sequence } from "./der.ts";
import type { RsaKey } from "./rsa-key.ts";

/** A private key, as certificates have its public part. */
export type CertifiedKey =
  | { readonly algorithm: "rsa"; readonly material: RsaKey }
  | { readonly algorithm: CurveName | "ed25519" | "x25519"; readonly material: Uint8Array };

/** Identifiers in certificates. RFC 3279, 2.3; RFC 5480, 2.1.1; RFC 5639, 4.1; SEC 2, A.2; RFC 8410, 3. */
const RSA_KEY = "1.2.840.113549.1.1.1";
const EC_KEY = "1.2.840.10045.2.1";
const ED25519 = "1.3.101.112";
const X25519 = "1.3.101.110";
const SHA256_WITH_RSA = "1.2.840.113549.1.1.11";
/** The hash for a curve goes with its size. RFC 5480, 4; RFC 5758, 3.2. */
const curves: Readonly<Record<CurveName, { readonly id: string; readonly hash: HashName; readonly ecdsa: string }>> = {
  "P-256": { id: "1.2.840.10045.3.1.7", hash: "sha256", ecdsa: "1.2.840.10045.4.3.2" },
  "P-384": { id: "1.3.132.0.34", hash: "sha384", ecdsa: "1.2.840.10045.4.3.3" },
  "P-521": { id: "1.3.132.0.35", hash: "sha512", ecdsa: "1.2.840.10045.4.3.4" },
  secp256k1: { id: "1.3.132.0.10", hash: "sha256", ecdsa: "1.2.840.10045.4.3.2" },
  brainpoolP256r1: { id: "1.3.36.3.3.2.8.1.1.7", hash: "sha256", ecdsa: "1.2.840.10045.4.3.2" },
  brainpoolP384r1: { id: "1.3.36.3.3.2.8.1.1.11", hash: "sha384", ecdsa: "1.2.840.10045.4.3.3" },
  brainpoolP512r1: { id: "1.3.36.3.3.2.8.1.1.13", hash: "sha512", ecdsa: "1.2.840.10045.4.3.4" },
};

/** SubjectPublicKeyInfo. RFC 5280, 4.1.2.7. */
export function publicKeyInfo(library: CardCrypto, { algorithm, material }: CertifiedKey): Uint8Array {
  switch (algorithm) {
    case "rsa": {
      const key = sequence(integer(material.n), integer(material.e));
      return sequence(sequence(objectIdentifier(RSA_KEY), dataObject(der.null)), bitString(key));
    }
    case "ed25519":
      return sequence(sequence(objectIdentifier(ED25519)), bitString(library.ed25519.publicOf(material)));
    case "x25519":
      return sequence(sequence(objectIdentifier(X25519)), bitString(library.x25519.publicOf(material)));
    default: {
      const parameters = objectIdentifier(curves[algorithm].id);
      const point = library.curve(algorithm).publicOf(material);
      return sequence(sequence(objectIdentifier(EC_KEY), parameters), bitString(point));
    }
  }
}

/** What signs certificates with a key. RFC 4055, 5; RFC 5758, 3.2; RFC 8410, 3. */
export function certificateSigner(library: CardCrypto, key: CertifiedKey): CertificateSigner {
  return {
    algorithm: signatureAlgorithm(key),
    publicKey: publicKeyInfo(library, key),
    async sign(toBeSigned) {
      const signature = signed(library, key, toBeSigned);
      if (signature === undefined) throw new TypeError(`a key of ${key.algorithm} signs no certificates`);
      return signature;
    },
  };
}

function signatureAlgorithm({ algorithm }: CertifiedKey): Uint8Array {
  switch (algorithm) {
    case "rsa":
      return sequence(objectIdentifier(SHA256_WITH_RSA), dataObject(der.null));
    case "ed25519":
    case "x25519":
      return sequence(objectIdentifier(ED25519));
    default:
      return sequence(objectIdentifier(curves[algorithm].ecdsa));
  }
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
      const digest = library.hash(curves[algorithm].hash, message);
      return ecdsaSignature(library.curve(algorithm).sign(material, digest));
    }
  }
}
