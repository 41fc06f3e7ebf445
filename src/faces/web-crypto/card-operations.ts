// SPDX-License-Identifier: MIT

import { kindOf, quoteWord, zeroBytes } from "../../base/binary/index.ts";
import { cardHash, type GivenAlgorithm, givenBytes, givenHash, type WebHashName } from "./algorithms.ts";
import type { CardCryptoKey, CardKeyPlace } from "./card-crypto-key.ts";
import type { CardSignOptions } from "./card-with-keys.ts";
import { webError } from "./web-errors.ts";
import type { AnyCryptoKey, KeyAlgorithm } from "./web-types.ts";

/** How a key of a card signs: what is a parameter of the operation, and no part of the key. */
export interface SignParameters {
  /** Of ECDSA. The hash of an RSA key is part of the key. */
  readonly hash?: WebHashName;
  /** Bytes of the salt of PSS. */
  readonly saltLength?: number;
}

/** The parameters of a signature with a key. @throws TypeError, NotSupportedError */
export function signParameters(given: GivenAlgorithm, { name }: KeyAlgorithm): SignParameters {
  if (name === "ECDSA") return { hash: givenHash(given) };
  if (name !== "RSA-PSS") return {};
  const { saltLength } = given.parameters;
  if (typeof saltLength !== "number" || !Number.isInteger(saltLength) || saltLength < 0)
    throw new TypeError(
      `algorithm.saltLength is ${kindOf(saltLength)}; give the bytes of the salt, often those of the hash`,
    );
  return { saltLength };
}

/** A signature: of ECDSA in the form of IEEE P1363. The data is hashed by the host. @throws what the card's `sign` throws */
export async function signOnCard(
  { card, container, host, wait }: CardKeyPlace,
  algorithm: KeyAlgorithm,
  { hash, saltLength }: SignParameters,
  data: Uint8Array,
): Promise<Uint8Array> {
  const { name } = algorithm;
  if (name === "Ed25519") return card.sign(container, data, wait);
  const hashName = hash ?? (algorithm.hash?.name as WebHashName);
  const digest = new Uint8Array(await host.subtle.digest(hashName, data));
  return card.sign(container, digest, {
    ...wait,
    ...signatureForm(name, saltLength),
    hash: cardHash(hashName),
    isDigest: true,
  });
}

function signatureForm(name: string, saltLength: number | undefined): CardSignOptions {
  if (name === "ECDSA") return { format: "raw" };
  if (name !== "RSA-PSS") return { scheme: "pkcs1" };
  return { scheme: "pss", ...(saltLength !== undefined && { saltBytes: saltLength }) };
}

/** What was encrypted for a key. @throws what the card's `decrypt` throws */
export async function decryptOnCard(
  { card, container, wait }: CardKeyPlace,
  algorithm: KeyAlgorithm,
  label: Uint8Array | undefined,
  data: Uint8Array,
): Promise<Uint8Array> {
  if (algorithm.name === "RSAES-PKCS1-v1_5") return card.decrypt(container, data, { ...wait, scheme: "pkcs1" });
  const hash = cardHash(algorithm.hash?.name as WebHashName);
  return card.decrypt(container, data, { ...wait, scheme: "oaep", hash, ...(label !== undefined && { label }) });
}

/** The label of OAEP, where one was given. @throws TypeError */
export function givenLabel({ parameters }: GivenAlgorithm): Uint8Array | undefined {
  return parameters.label === undefined ? undefined : givenBytes(parameters.label, "algorithm.label");
}

/**
 * The other side's public key in SubjectPublicKeyInfo.
 *
 * @throws TypeError, InvalidAccessError (another kind of key, another curve; or a key that cannot be exported)
 */
export async function givenPublicKey(
  { parameters }: GivenAlgorithm,
  { algorithm }: CardCryptoKey,
  { host }: CardKeyPlace,
): Promise<Uint8Array> {
  const other = parameters.public as AnyCryptoKey | undefined;
  if (typeof other !== "object" || other === null || typeof other.algorithm !== "object")
    throw new TypeError(`algorithm.public is ${kindOf(other)}; give the public key of the other side, a CryptoKey`);
  const { name, namedCurve } = other.algorithm as KeyAlgorithm;
  if (other.type !== "public" || name !== algorithm.name || namedCurve !== algorithm.namedCurve) {
    const curve = (of: KeyAlgorithm): string =>
      `${of.name}${of.namedCurve === undefined ? "" : ` on ${of.namedCurve}`}`;
    const message = `the other side's key is a ${other.type} key for ${curve(other.algorithm)}; the key on the card needs a public key for ${curve(algorithm)}`;
    throw webError("InvalidAccessError", message);
  }
  if (!other.extractable) {
    const message = "the other side's public key cannot be exported to the card: import it as extractable";
    throw webError("InvalidAccessError", message);
  }
  return new Uint8Array((await host.subtle.exportKey("spki", other)) as ArrayBuffer);
}

/** The secret that is shared with the owner of a public key. @throws what the card's `deriveKey` throws; OperationError */
export async function agreeOnCard({ card, container, wait }: CardKeyPlace, publicKey: Uint8Array): Promise<Uint8Array> {
  const secret = await card.deriveKey(container, publicKey, wait);
  // RFC 7748, 6.1: a point of small order gives zeros, and the secret would be no secret.
  if (secret.every((byte) => byte === 0))
    throw webError("OperationError", "the other side's public key is a point of small order");
  return secret;
}

/**
 * The first bits of a secret, as many as were asked for. The secret is cleared.
 *
 * @param length in bits; null for all
 * @throws OperationError
 * @see W3C, Web Cryptography API, 24.4.2
 */
export function firstBits(secret: Uint8Array, length: number | null): Uint8Array {
  const bits = length ?? 8 * secret.length;
  if (bits > 8 * secret.length) {
    zeroBytes(secret);
    throw webError("OperationError", `the shared secret has ${8 * secret.length} bits, and ${bits} were asked for`);
  }
  const first = secret.slice(0, Math.ceil(bits / 8));
  zeroBytes(secret);
  const last = first.length - 1;
  if (bits % 8 !== 0) first[last] = (first[last] ?? 0) & (0xff << (8 - (bits % 8)));
  return first;
}

/**
 * How many bits a key has that is to be derived; null for a key of any length.
 *
 * @throws TypeError, NotSupportedError, OperationError
 * @see W3C, Web Cryptography API, "get key length"
 */
export function keyLength(given: GivenAlgorithm): number | null {
  const { length } = given.parameters;
  const name = given.name.toUpperCase();
  if (/^AES-(CTR|CBC|GCM|KW|OCB)$/.test(name)) {
    if (length === 128 || length === 192 || length === 256) return length;
    throw webError(
      "OperationError",
      `a key of AES has 128, 192 or 256 bits, not ${String(length)}: give derivedKeyType.length`,
    );
  }
  if (name === "HKDF" || name === "PBKDF2") return null;
  if (name === "CHACHA20-POLY1305") return 256;
  if (name !== "HMAC") throw webError("NotSupportedError", `no key for ${quoteWord(given.name)} can be derived`);
  const hash = givenHash(given);
  if (length === undefined) return hash === "SHA-384" || hash === "SHA-512" ? 1024 : 512;
  if (typeof length === "number" && Number.isInteger(length) && length > 0) return length;
  throw new TypeError(`derivedKeyType.length is ${kindOf(length)}; give the bits of the key, at least 1`);
}
