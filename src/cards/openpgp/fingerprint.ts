// SPDX-License-Identifier: MIT

import { concatBytes, hexBytes } from "../../base/binary/index.ts";
import { bitLength, type CardCrypto, type CertifiedKey } from "../crypto/index.ts";

/** Public key packets of version 4. RFC 4880, 5.5.2 and 12.2. */
const PREFIX = 0x99;
const VERSION = 4;
/** The key derivation of ECDH, by the bytes of a coordinate, as GnuPG writes it: a hash and a cipher. RFC 6637, 8 and 13. */
const derivations: Readonly<Record<number, string>> = {
  32: "03010807",
  48: "03010908",
  64: "03010A09",
  66: "03010A09",
};
/** What stands before the native point of Curve25519. RFC 9580, 11.2.2. */
const POINT_NATIVE = 0x40;
const ALGORITHM_ECDH = 0x12;

/**
 * The fingerprint by which OpenPGP knows a key. RFC 4880, 12.2.
 *
 * @param attributes of the key: the algorithm, and for curves its identifier
 * @param time in which the key was made, four bytes
 */
export function fingerprintOf(
  library: CardCrypto,
  key: CertifiedKey,
  attributes: Uint8Array,
  time: Uint8Array,
): Uint8Array {
  const [algorithm = 0] = attributes;
  const parts = key.algorithm === "rsa" ? rsaParts(key) : curveParts(library, key, attributes);
  const body = concatBytes(Uint8Array.of(VERSION), time, Uint8Array.of(algorithm), ...parts);
  const header = Uint8Array.of(PREFIX, body.length >> 8, body.length & 0xff);
  return library.hash("sha1", concatBytes(header, body));
}

function rsaParts({ material }: Extract<CertifiedKey, { algorithm: "rsa" }>): readonly Uint8Array[] {
  return [integer(material.n), integer(material.e)];
}

function curveParts(
  library: CardCrypto,
  { algorithm, material }: Exclude<CertifiedKey, { algorithm: "rsa" }>,
  attributes: Uint8Array,
): readonly Uint8Array[] {
  const oid = attributes.subarray(1);
  const point = integer(publicPoint(library, algorithm, material));
  const derivation =
    attributes[0] === ALGORITHM_ECDH ? hexBytes(derivations[material.length] ?? "") : new Uint8Array(0);
  return [Uint8Array.of(oid.length), oid, point, derivation];
}

function publicPoint(
  library: CardCrypto,
  algorithm: Exclude<CertifiedKey["algorithm"], "rsa">,
  secret: Uint8Array,
): Uint8Array {
  if (algorithm === "ed25519" || algorithm === "x25519") {
    return concatBytes(Uint8Array.of(POINT_NATIVE), library[algorithm].publicOf(secret));
  }
  return library.curve(algorithm).publicOf(secret);
}

/** A multiprecision integer: its length in bits, and its bytes. RFC 4880, 3.2. */
function integer(number: Uint8Array): Uint8Array {
  const bits = bitLength(number);
  const bytes = number.subarray(number.length - Math.ceil(bits / 8));
  return concatBytes(Uint8Array.of(bits >> 8, bits & 0xff), bytes);
}
