// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes, equalBytes, zeroBytes } from "../../base/binary/index.ts";
import { encodeDataObject } from "../../base/iso7816/index.ts";
import { withoutZeros } from "../../base/keys/index.ts";
import {
  bitLength,
  type CardCrypto,
  type CurveName,
  der,
  isWorkingRsaKey,
  type RsaKey,
  rsaKeyFromPrimes,
} from "../crypto/index.ts";
import { onlyObject, readDataObjects } from "../software-card/index.ts";
import { tags } from "./identifiers.ts";
import type { Mechanism } from "./mechanisms.ts";

/** A key in a file. */
export type GidsKey =
  | { readonly kind: "symmetric"; readonly value: Uint8Array }
  | { readonly kind: "rsa"; readonly rsa: RsaKey }
  | { readonly kind: "curve"; readonly curve: CurveName; readonly secret: Uint8Array };

/** Tags of a public key. GIDS 2.0, tables 44 and 45. */
const publicTags = { modulus: 0x81, exponent: 0x82, point: 0x86 } as const;
/** Types of a key that is imported. GIDS 2.0, table 65. */
const keyTypes = { symmetric: 0x01, rsa: 0x02, curve: 0x03 } as const;
/** Integers of an RSAPrivateKey. RFC 8017, A.1.2. */
const rsaParts = { version: 0, modulus: 1, exponent: 2, prime1: 4, prime2: 5, count: 9 } as const;
const EC_PRIVATE_KEY_VERSION = 1;

/**
 * Makes a key pair.
 *
 * @returns undefined for a mechanism that has none
 */
export async function generateKey(library: CardCrypto, mechanism: Mechanism): Promise<GidsKey | undefined> {
  switch (mechanism.kind) {
    case "symmetric":
      return undefined;
    case "rsa":
      return { kind: "rsa", rsa: await library.generateRsa(mechanism.bits) };
    case "curve": {
      const { curve } = mechanism;
      return { kind: "curve", curve, secret: library.curve(curve).generate() };
    }
  }
}

/** The type that a key of this mechanism is imported with. */
export function keyTypeOf({ kind }: Mechanism): number {
  return keyTypes[kind];
}

/**
 * Reads the value of a key that is imported.
 *
 * @returns undefined where it is malformed, has another length, or where its parts do not fit one another
 * @see GIDS 2.0, 13.13.2
 */
export function importKey(library: CardCrypto, mechanism: Mechanism, value: Uint8Array): GidsKey | undefined {
  switch (mechanism.kind) {
    case "symmetric":
      return value.length === mechanism.keyBytes ? { kind: "symmetric", value: copyBytes(value) } : undefined;
    case "rsa":
      return importRsa(library, mechanism.bits, value);
    case "curve":
      return importCurve(library, mechanism.curve, value);
  }
}

/** An RSAPrivateKey. The card works out the exponents itself, and so notices parts of another key. */
function importRsa(library: CardCrypto, bits: number, value: Uint8Array): GidsKey | undefined {
  const integers = readDataObjects(onlyObject(value, der.sequence) ?? new Uint8Array(0));
  if (integers?.length !== rsaParts.count || integers.some(({ tag }) => tag !== der.integer)) return undefined;
  const part = (at: number): Uint8Array => integers[at]?.value ?? new Uint8Array(0);
  if (bitLength(part(rsaParts.version)) !== 0) return undefined;
  const rsa = rsaOf(bits, part(rsaParts.prime1), part(rsaParts.prime2), part(rsaParts.exponent));
  if (rsa === undefined || !equalBytes(withoutZeros(part(rsaParts.modulus)), rsa.n)) return undefined;
  return isWorkingRsaKey(library, rsa) ? { kind: "rsa", rsa } : undefined;
}

/** The RSA key of this length that two primes make. */
export function rsaOf(bits: number, prime1: Uint8Array, prime2: Uint8Array, exponent: Uint8Array): RsaKey | undefined {
  const mostBytes = bits / 8;
  if ([prime1, prime2, exponent].some((part) => part.length > mostBytes)) return undefined;
  const rsa = rsaKeyFromPrimes(prime1, prime2, exponent);
  return rsa !== undefined && bitLength(rsa.n) === bits ? rsa : undefined;
}

/** An ECPrivateKey as GIDS has it: the version, the secret number and the point, in octet strings. */
function importCurve(library: CardCrypto, name: CurveName, value: Uint8Array): GidsKey | undefined {
  const parts = readDataObjects(onlyObject(value, der.sequence) ?? new Uint8Array(0)) ?? [];
  const [version, number, point, ...rest] = parts;
  if (version?.tag !== der.integer || version.value.length !== 1 || version.value[0] !== EC_PRIVATE_KEY_VERSION)
    return undefined;
  if (number?.tag !== der.octetString || point?.tag !== der.octetString || rest.length > 0) return undefined;
  const curve = library.curve(name);
  const digits = withoutZeros(number.value);
  if (digits.length > curve.bytes) return undefined;
  const secret = concatBytes(new Uint8Array(curve.bytes - digits.length), digits);
  const isKey = curve.isPrivateKey(secret) && equalBytes(curve.publicOf(secret), point.value);
  if (isKey) return { kind: "curve", curve: name, secret };
  zeroBytes(secret);
  return undefined;
}

/** The public key in its template 7F49; undefined for a symmetric key. */
export function publicTemplate(library: CardCrypto, key: GidsKey): Uint8Array | undefined {
  switch (key.kind) {
    case "symmetric":
      return undefined;
    case "rsa": {
      const { e, n } = key.rsa;
      return encodeDataObject(
        tags.publicKey,
        encodeDataObject(publicTags.modulus, n),
        encodeDataObject(publicTags.exponent, e),
      );
    }
    case "curve":
      return encodeDataObject(
        tags.publicKey,
        encodeDataObject(publicTags.point, library.curve(key.curve).publicOf(key.secret)),
      );
  }
}

/** Overwrites a key: it is used no more. */
export function clearKey(key: GidsKey): void {
  switch (key.kind) {
    case "symmetric":
      zeroBytes(key.value);
      return;
    case "curve":
      zeroBytes(key.secret);
      return;
    case "rsa":
      for (const part of [key.rsa.d, key.rsa.p, key.rsa.q, key.rsa.dp, key.rsa.dq, key.rsa.qinv]) zeroBytes(part);
  }
}

/** Whether a key is one of this mechanism. */
export function isKeyOf(mechanism: Mechanism, key: GidsKey): boolean {
  if (mechanism.kind === "symmetric") return key.kind === "symmetric" && key.value.length === mechanism.keyBytes;
  if (mechanism.kind === "rsa") return key.kind === "rsa" && bitLength(key.rsa.n) === mechanism.bits;
  return key.kind === "curve" && key.curve === mechanism.curve && key.secret.length === mechanism.bytes;
}
