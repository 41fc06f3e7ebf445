// SPDX-License-Identifier: MIT

import {
  type CurveName,
  ecdsaToDer,
  encodeDigestInfo,
  encodePublicKey,
  type HashName,
  type PublicKey,
  padForSignature,
} from "../../base/keys/index.ts";
import { dataObject } from "../software-card/index.ts";
import type { CardCrypto } from "./card-crypto.ts";
import type { CertificateSigner } from "./certificate.ts";
import { der, objectIdentifier, sequence } from "./der.ts";
import type { RsaKey } from "./rsa-key.ts";

/** A private key, as certificates have its public part. */
export type CertifiedKey =
  | { readonly algorithm: "rsa"; readonly material: RsaKey }
  | { readonly algorithm: CurveName | "ed25519" | "x25519"; readonly material: Uint8Array };

/** Identifiers of signatures in certificates. RFC 4055, 5; RFC 8410, 3. */
const ED25519 = "1.3.101.112";
const SHA256_WITH_RSA = "1.2.840.113549.1.1.11";
/** The hash for a curve goes with its size. RFC 5480, 4; RFC 5758, 3.2. */
const curves: Readonly<Record<CurveName, { readonly hash: HashName; readonly ecdsa: string }>> = {
  "P-256": { hash: "sha256", ecdsa: "1.2.840.10045.4.3.2" },
  "P-384": { hash: "sha384", ecdsa: "1.2.840.10045.4.3.3" },
  "P-521": { hash: "sha512", ecdsa: "1.2.840.10045.4.3.4" },
  secp256k1: { hash: "sha256", ecdsa: "1.2.840.10045.4.3.2" },
  brainpoolP256r1: { hash: "sha256", ecdsa: "1.2.840.10045.4.3.2" },
  brainpoolP384r1: { hash: "sha384", ecdsa: "1.2.840.10045.4.3.3" },
  brainpoolP512r1: { hash: "sha512", ecdsa: "1.2.840.10045.4.3.4" },
};

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
      return ecdsaToDer(library.curve(algorithm).sign(material, digest));
    }
  }
}
