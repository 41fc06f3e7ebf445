// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import {
  type CurveName,
  curveBytes,
  decodePublicKey,
  ecdsaToDer,
  type HashName,
  hashBytes,
  type PublicKey,
} from "../../base/keys/index.ts";
import {
  byteString,
  type HostCrypto,
  type Members,
  optional,
  SmartCardError,
  truth,
  type WaitOptions,
  waitMembers,
  wholeNumber,
  word,
} from "../../port/index.ts";
import type { DecryptRequest, KeyContainer, KeyType, KeyUse, SignRequest } from "./card-module.ts";
import type { FailurePlace } from "./failures.ts";

/** Hash functions for signatures. */
export type SignatureHash = Exclude<HashName, "md5">;

/** How to sign. */
export interface SignOptions extends WaitOptions {
  /** The padding of an RSA signature: PKCS #1 v1.5 or PSS. Other keys have one scheme each. @default "pkcs1" */
  readonly scheme?: "pkcs1" | "pss" | undefined;
  /** What the data is hashed with; Ed25519 hashes itself. @default sha256; sha384 with P-384, sha512 with P-521 and 512 bits */
  readonly hash?: SignatureHash | undefined;
  /** True where `data` is the digest already. Not for Ed25519. @default false */
  readonly isDigest?: boolean | undefined;
  /** Bytes of the salt of PSS, 0 to 512. @default as long as the digest */
  readonly saltBytes?: number | undefined;
  /** The form of an ECDSA signature: as certificates and OpenSSL have it, or r and s as JOSE and WebCrypto have them. @default "der" */
  readonly format?: "der" | "raw" | undefined;
}

/** How to decrypt. */
export interface DecryptOptions extends WaitOptions {
  /** The padding. @default "pkcs1" */
  readonly scheme?: "pkcs1" | "oaep" | undefined;
  /** The hash of OAEP, also for its mask. @default "sha256" */
  readonly hash?: SignatureHash | undefined;
  /** The label of OAEP. @default empty */
  readonly label?: Uint8Array | undefined;
}

/** Bytes of a number of Ed25519, and of a secret of X25519. RFC 8032, 5.1.6; RFC 7748, 6.1. */
const CURVE25519_BYTES = 32;
const hashes = { sha1: 0, sha224: 0, sha256: 0, sha384: 0, sha512: 0 } as const;
/** Longer than any that fits a key of 4096 bits. */
const MOST_SALT_BYTES = 512;

export const signMembers: Members<SignOptions> = {
  ...waitMembers,
  scheme: optional(word({ pkcs1: 0, pss: 0 }, "scheme of an RSA signature")),
  hash: optional(word(hashes, "hash function")),
  isDigest: optional(truth),
  saltBytes: optional(wholeNumber(0, MOST_SALT_BYTES, "bytes")),
  format: optional(word({ der: 0, raw: 0 }, "form of a signature")),
};

export const decryptMembers: Members<DecryptOptions> = {
  ...waitMembers,
  scheme: optional(word({ pkcs1: 0, oaep: 0 }, "padding")),
  hash: optional(word(hashes, "hash function")),
  label: optional((value, place) => copyBytes(byteString(value, place))),
};

/** @throws unsupported-feature (the key cannot do this) */
export function checkUse({ label, name, uses }: KeyContainer, use: KeyUse, place: FailurePlace): void {
  if (uses.includes(use)) return;
  const message = `the key ${name} (${label}) cannot ${use}; it can ${uses.join(" and ") || "do nothing"}`;
  throw new SmartCardError("unsupported-feature", message, place);
}

/** What the card is asked to sign. @throws invalid-value (options or a digest that do not fit the key) */
export function signRequest(
  { key, name }: KeyContainer,
  data: Uint8Array,
  options: SignOptions,
  library: HostCrypto,
  place: FailurePlace,
): SignRequest {
  const refused = (what: string): SmartCardError =>
    new SmartCardError("invalid-value", `${what} does not fit the key ${name}, which is ${keyText(key)}`, place);
  if (key.kind !== "rsa" && options.scheme !== undefined) throw refused(`the scheme ${options.scheme}`);
  if (options.saltBytes !== undefined && options.scheme !== "pss") throw refused("saltBytes without the scheme pss");
  if (key.kind === "ed25519") {
    if (options.isDigest === true) throw refused("a digest");
    if (options.hash !== undefined && options.hash !== "sha512") throw refused(`the hash ${options.hash}`);
    return { scheme: "ed25519", message: copyBytes(data) };
  }
  const hash = options.hash ?? usualHash(key);
  const digest = options.isDigest === true ? copyBytes(data) : library.hash(hash, data);
  if (digest.length !== hashBytes[hash]) {
    const message = `a digest of ${hash} has ${hashBytes[hash]} bytes, not ${digest.length}; name its hash function with hash`;
    throw new SmartCardError("invalid-value", message, place);
  }
  if (key.kind === "ec") return { scheme: "ecdsa", hash, digest };
  if (options.scheme !== "pss") return { scheme: "rsa-pkcs1", hash, digest };
  return { scheme: "rsa-pss", hash, digest, saltBytes: options.saltBytes ?? digest.length };
}

/** The signature as the caller wants it. */
export function signatureIn(
  signature: Uint8Array,
  { key, name }: KeyContainer,
  format: "der" | "raw",
  place: FailurePlace,
): Uint8Array {
  const length = signatureBytes(key);
  if (signature.length !== length) {
    const form = key.kind === "ec" ? ", r and s after one another: see rawSignature of ModuleHost" : "";
    const message = `the module gave ${signature.length} bytes as a signature with the key ${name}; it has ${length}${form}`;
    throw new SmartCardError("comm-error", message, place);
  }
  return key.kind === "ec" && format === "der" ? ecdsaToDer(signature) : signature;
}

function signatureBytes(key: KeyType): number {
  if (key.kind === "rsa") return Math.ceil(key.bits / 8);
  return 2 * (key.kind === "ec" ? curveBytes[key.curve] : CURVE25519_BYTES);
}

function usualHash(key: KeyType): SignatureHash {
  if (key.kind !== "ec") return "sha256";
  const bytes = curveBytes[key.curve];
  if (bytes <= 32) return "sha256";
  return bytes <= 48 ? "sha384" : "sha512";
}

/** What the card is asked to decrypt. @throws invalid-value (the length does not fit the key, OAEP's parts without OAEP) */
export function decryptRequest(
  { key, name }: KeyContainer,
  data: Uint8Array,
  { hash, label, scheme }: DecryptOptions,
  place: FailurePlace,
): DecryptRequest {
  const length = key.kind === "rsa" ? Math.ceil(key.bits / 8) : 0;
  if (data.length !== length) {
    const message = `the key ${name} is ${keyText(key)}: it decrypts ${length} bytes, not ${data.length}`;
    throw new SmartCardError("invalid-value", message, place);
  }
  if (scheme === "oaep") {
    return { scheme: "rsa-oaep", data: copyBytes(data), hash: hash ?? "sha256", label: label ?? new Uint8Array(0) };
  }
  if (hash !== undefined || label !== undefined) {
    const message = 'hash and label are those of OAEP: leave them out, or ask for scheme "oaep"';
    throw new SmartCardError("invalid-value", message, place);
  }
  return { scheme: "rsa-pkcs1", data: copyBytes(data) };
}

/**
 * The other side's public key, from SubjectPublicKeyInfo or from its bare point.
 *
 * @throws invalid-value (another curve than the key's, or no key)
 */
export function otherKey({ key, name }: KeyContainer, given: Uint8Array, place: FailurePlace): PublicKey {
  const decoded = decodePublicKey(given);
  const other = decoded.ok ? decoded.value : bareKey(key, given);
  const fits = other?.kind === key.kind && (other?.kind !== "ec" || key.kind !== "ec" || other.curve === key.curve);
  if (other !== undefined && fits) return other;
  const came =
    other === undefined ? `${given.length} bytes that are no public key` : `a key that is ${typeText(other)}`;
  const message = `the key ${name} is ${keyText(key)}; the other side's is ${came}; give SubjectPublicKeyInfo in DER, or the point`;
  throw new SmartCardError("invalid-value", message, place);
}

/** A secret, as long as it has to be. @throws comm-error: a short one is easy to guess */
export function secretIn(secret: Uint8Array, { key, name }: KeyContainer, place: FailurePlace): Uint8Array {
  const length = key.kind === "ec" ? curveBytes[key.curve] : CURVE25519_BYTES;
  if (secret.length === length) return secret;
  zeroBytes(secret);
  const message = `the card gave ${secret.length} bytes as the secret of the key ${name}; it has ${length}`;
  throw new SmartCardError("comm-error", message, place);
}

function bareKey(key: KeyType, point: Uint8Array): PublicKey | undefined {
  if (key.kind === "x25519" && point.length === 32) return { kind: "x25519", point: copyBytes(point) };
  if (key.kind !== "ec" || point.length !== 1 + 2 * curveBytes[key.curve] || point[0] !== 0x04) return undefined;
  return { kind: "ec", curve: key.curve, point: copyBytes(point) };
}

function typeText(key: PublicKey): string {
  return key.kind === "ec" ? curveText(key.curve) : key.kind;
}

function keyText(key: KeyType): string {
  if (key.kind === "rsa") return `RSA with ${key.bits} bits`;
  return key.kind === "ec" ? curveText(key.curve) : key.kind;
}

function curveText(curve: CurveName): string {
  return `on the curve ${curve}`;
}
