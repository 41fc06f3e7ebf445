// SPDX-License-Identifier: MIT

import { bigEndianNumber, concatBytes, copyBytes } from "../../base/binary/index.ts";
import { type DataObject, encodeDataObject } from "../../base/iso7816/index.ts";
import { ecdsaToDer } from "../../base/keys/index.ts";
import type { CardCrypto, CertifiedKey, RsaKey } from "../crypto/index.ts";
import { bitLength, rsaKeyFromPrimes } from "../crypto/index.ts";
import { valueIn } from "../software-card/index.ts";
import { type KeyAlgorithm, type KeyAlgorithmInfo, keyAlgorithm } from "./algorithms.ts";
import { pivLimits } from "./limits.ts";
import type { PivKey } from "./piv-image.ts";

type Material = PivKey["material"];

/** The public exponent of all keys, 65537. NIST SP 800-78-5, 3.1. */
const publicExponent = Uint8Array.of(0x01, 0x00, 0x01);

/** The NIST curve of an algorithm. */
function curveName(algorithm: KeyAlgorithm): "P-256" | "P-384" {
  return algorithm === "p384" ? "P-384" : "P-256";
}

/** Makes a key. */
export async function generateMaterial(library: CardCrypto, algorithm: KeyAlgorithm): Promise<Material> {
  const { family, bytes } = keyAlgorithm(algorithm);
  switch (family) {
    case "rsa":
      return library.generateRsa(bytes * 8, bigEndianNumber(publicExponent));
    case "weierstrass":
      return library.curve(curveName(algorithm)).generate();
    case "ed25519":
      return library.ed25519.generate();
    case "x25519":
      return library.x25519.generate();
  }
}

/**
 * Signs a message with Ed25519, a digest with ECDSA; with RSA it does the private operation on a whole block, which signs
 * and deciphers. An ECDSA signature is in DER.
 *
 * @returns undefined where the key does not take this
 * @see NIST SP 800-73-4 part 2, 3.2.4 and appendix A.4
 */
export async function sign(library: CardCrypto, key: PivKey, input: Uint8Array): Promise<Uint8Array | undefined> {
  const { family, bytes } = keyAlgorithm(key.algorithm);
  const { material } = key;
  switch (family) {
    case "rsa":
      return material instanceof Uint8Array ? undefined : library.rsaPrivate(material, input);
    case "weierstrass":
      if (!(material instanceof Uint8Array) || input.length < 1 || input.length > bytes) return undefined;
      return ecdsaToDer(library.curve(curveName(key.algorithm)).sign(material, input));
    case "ed25519":
      if (!(material instanceof Uint8Array) || input.length > pivLimits.messageBytes) return undefined;
      return library.ed25519.sign(material, input);
    case "x25519":
      return undefined;
  }
}

/**
 * Agrees on a secret with the owner of a public key, the point: ECDH, or X25519.
 *
 * @returns undefined where the key cannot, or where the point is not of its curve
 */
export async function agree(library: CardCrypto, key: PivKey, point: Uint8Array): Promise<Uint8Array | undefined> {
  const { family } = keyAlgorithm(key.algorithm);
  const { material } = key;
  if (!(material instanceof Uint8Array)) return undefined;
  if (family === "x25519") return library.x25519.agree(material, point);
  return family === "weierstrass" ? library.curve(curveName(key.algorithm)).agree(material, point) : undefined;
}

const TAG_MODULUS = 0x81;
const TAG_EXPONENT = 0x82;
const TAG_POINT = 0x86;

/** The public key, as it stands in the tag 7F49. NIST SP 800-73-4 part 2, 3.3.1. */
export function publicKeyObjects(library: CardCrypto, { algorithm, material }: PivKey): Uint8Array {
  if (!(material instanceof Uint8Array))
    return concatBytes(encodeDataObject(TAG_MODULUS, material.n), encodeDataObject(TAG_EXPONENT, material.e));
  return encodeDataObject(TAG_POINT, publicPoint(library, algorithm, material));
}

/** The public key of a curve: 04, x and y; or the 32 bytes of Ed25519 and X25519. */
function publicPoint(library: CardCrypto, algorithm: KeyAlgorithm, secret: Uint8Array): Uint8Array {
  if (algorithm === "ed25519") return library.ed25519.publicOf(secret);
  if (algorithm === "x25519") return library.x25519.publicOf(secret);
  return library.curve(curveName(algorithm)).publicOf(secret);
}

/** Tag of the first part of an RSA key in IMPORT: p; q, dp, dq and qinv follow. */
const TAG_FIRST_PRIME = 0x01;
const TAG_SECOND_PRIME = 0x02;
const importTags = { weierstrass: 0x06, ed25519: 0x07, x25519: 0x08 } as const;

/** Reads a key that is imported; undefined where it is malformed, or not of this algorithm. */
export function importMaterial(
  library: CardCrypto,
  { algorithm, family, bytes }: KeyAlgorithmInfo,
  objects: readonly DataObject[],
): Material | undefined {
  if (family === "rsa") return importRsa(bytes, objects);
  const secret = valueIn(objects, importTags[family]);
  if (secret?.length !== bytes) return undefined;
  const isKey = family !== "weierstrass" || library.curve(curveName(algorithm)).isPrivateKey(secret);
  return isKey ? copyBytes(secret) : undefined;
}

/** The RSA key with these primes; undefined where they make none. */
export function rsaOfPrimes(p: Uint8Array, q: Uint8Array): RsaKey | undefined {
  return rsaKeyFromPrimes(p, q, publicExponent);
}

/** The card works out the other parts itself, and so notices a key whose exponent is another one. */
function importRsa(bytes: number, objects: readonly DataObject[]): RsaKey | undefined {
  const p = valueIn(objects, TAG_FIRST_PRIME);
  const q = valueIn(objects, TAG_SECOND_PRIME);
  if (p === undefined || q === undefined || p.length > bytes / 2 || q.length > bytes / 2) return undefined;
  const key = rsaOfPrimes(p, q);
  if (key === undefined || bitLength(key.n) !== bytes * 8) return undefined;
  const isConsistent = [key.dp, key.dq, key.qinv].every((part, index) => {
    const given = valueIn(objects, TAG_SECOND_PRIME + 1 + index);
    return given !== undefined && equalNumbers(given, part);
  });
  return isConsistent ? key : undefined;
}

function equalNumbers(a: Uint8Array, b: Uint8Array): boolean {
  const length = Math.max(a.length, b.length);
  let difference = 0;
  for (let index = 1; index <= length; index++) difference |= (a.at(-index) ?? 0) ^ (b.at(-index) ?? 0);
  return difference === 0;
}

/** A key of the card, as certificates have it. */
export function certifiedKey({ algorithm, material }: PivKey): CertifiedKey {
  if (!(material instanceof Uint8Array)) return { algorithm: "rsa", material };
  switch (algorithm) {
    case "ed25519":
    case "x25519":
      return { algorithm, material };
    default:
      return { algorithm: curveName(algorithm), material };
  }
}
