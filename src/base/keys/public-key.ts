// SPDX-License-Identifier: MIT

import { concatBytes, decoding, encodeHex, hexBytes, type Result } from "../binary/index.ts";
import { type BerTlv, type BerTlvInit, decodeBerTlv, encodeBerTlv } from "../iso7816/index.ts";
import { der, integerValue, withoutZeros } from "./der-values.ts";
import { type CurveName, curveBytes } from "./names.ts";

/** A public key. Numbers are big-endian without leading zeros. */
export type PublicKey =
  | { readonly kind: "rsa"; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
  /** The point is not compressed: 04, then x and y. SEC 1, 2.3.3. */
  | { readonly kind: "ec"; readonly curve: CurveName; readonly point: Uint8Array }
  /** The point has 32 bytes. RFC 8032, 5.1.5; RFC 7748, 5. */
  | { readonly kind: "ed25519" | "x25519"; readonly point: Uint8Array };

/** Object identifiers of keys, encoded. RFC 3279, 2.3.1; RFC 5480, 2.1.1; RFC 8410, 3. */
const keyIds = {
  rsa: "2A864886F70D010101",
  ec: "2A8648CE3D0201",
  ed25519: "2B6570",
  x25519: "2B656E",
} as const;

/** Object identifiers of curves, encoded. RFC 5480, 2.1.1.1; SEC 2, A.2; RFC 5639, 3. */
export const curveIds: Readonly<Record<CurveName, string>> = {
  "P-256": "2A8648CE3D030107",
  "P-384": "2B81040022",
  "P-521": "2B81040023",
  secp256k1: "2B8104000A",
  brainpoolP256r1: "2B2403030208010107",
  brainpoolP384r1: "2B240303020801010B",
  brainpoolP512r1: "2B240303020801010D",
};

const CURVE25519_BYTES = 32;
const POINT_UNCOMPRESSED = 0x04;
/** In a certificate: the version, the serial number, the signature's algorithm, the issuer, the validity, the subject, the key. */
const TAG_VERSION = 0xa0;
const KEY_AFTER_VERSION = 5;

/** The curve with this object identifier, given as the bytes of its encoding. */
export function curveOfId(id: Uint8Array): CurveName | undefined {
  const hex = encodeHex(id);
  return (Object.keys(curveIds) as CurveName[]).find((name) => curveIds[name] === hex);
}

/** Writes a public key as SubjectPublicKeyInfo, in DER. RFC 5280, 4.1.2.7. */
export function encodePublicKey(key: PublicKey): Uint8Array {
  const parameters: BerTlvInit[] = [];
  if (key.kind === "rsa") parameters.push({ tag: der.null, value: new Uint8Array(0) });
  if (key.kind === "ec") parameters.push({ tag: der.objectIdentifier, value: hexBytes(curveIds[key.curve]) });
  const algorithm = [{ tag: der.objectIdentifier, value: hexBytes(keyIds[key.kind]) }, ...parameters];
  const bits = concatBytes(Uint8Array.of(0), key.kind === "rsa" ? rsaPublicKey(key) : key.point);
  const children = [
    { tag: der.sequence, children: algorithm },
    { tag: der.bitString, value: bits },
  ];
  return encodeBerTlv([{ tag: der.sequence, children }]);
}

/** RSAPublicKey. RFC 8017, A.1.1. */
function rsaPublicKey({ modulus, exponent }: PublicKey & { readonly kind: "rsa" }): Uint8Array {
  const children = [modulus, exponent].map((number) => ({ tag: der.integer, value: integerValue(number) }));
  return encodeBerTlv([{ tag: der.sequence, children }]);
}

/** Reads a SubjectPublicKeyInfo. An algorithm or a curve that is not in {@link PublicKey} is an error. */
export function decodePublicKey(bytes: Uint8Array): Result<PublicKey> {
  return reading(bytes, "a public key", (object) => publicKeyIn(object));
}

/** The public key that a certificate is about. RFC 5280, 4.1. */
export function certificatePublicKey(certificate: Uint8Array): Result<PublicKey> {
  return reading(certificate, "a certificate", (object) => {
    const fields = object.children?.[0]?.children ?? [];
    return publicKeyIn(fields[fields[0]?.tag === TAG_VERSION ? KEY_AFTER_VERSION + 1 : KEY_AFTER_VERSION]);
  });
}

function reading(bytes: Uint8Array, what: string, read: (object: BerTlv) => PublicKey | undefined): Result<PublicKey> {
  return decoding(bytes, (cursor) => {
    const decoded = decodeBerTlv(bytes);
    if (!decoded.ok) return cursor.fail(`${what} in DER: ${decoded.error.message}`, decoded.error.offset);
    const [object] = decoded.value;
    const key = object?.tag === der.sequence ? read(object) : undefined;
    if (key === undefined) return cursor.fail(`${what} with a key of no known kind`, 0);
    cursor.bytes(cursor.remaining, what);
    return key;
  });
}

function publicKeyIn(info: BerTlv | undefined): PublicKey | undefined {
  const [algorithm, key] = info?.children ?? [];
  const [id, parameters] = algorithm?.children ?? [];
  if (id?.tag !== der.objectIdentifier || key?.tag !== der.bitString || key.value[0] !== 0) return undefined;
  const bits = key.value.slice(1);
  switch (encodeHex(id.value)) {
    case keyIds.rsa:
      return readRsa(bits);
    case keyIds.ec:
      return parameters?.tag === der.objectIdentifier ? ecKey(curveOfId(parameters.value), bits) : undefined;
    case keyIds.ed25519:
      return bits.length === CURVE25519_BYTES ? { kind: "ed25519", point: bits } : undefined;
    case keyIds.x25519:
      return bits.length === CURVE25519_BYTES ? { kind: "x25519", point: bits } : undefined;
    default:
      return undefined;
  }
}

function ecKey(curve: CurveName | undefined, point: Uint8Array): PublicKey | undefined {
  if (curve === undefined || point.length !== 1 + 2 * curveBytes[curve]) return undefined;
  return point[0] === POINT_UNCOMPRESSED ? { kind: "ec", curve, point } : undefined;
}

function readRsa(bits: Uint8Array): PublicKey | undefined {
  const decoded = decodeBerTlv(bits);
  const [modulus, exponent] = (decoded.ok ? decoded.value[0]?.children : undefined) ?? [];
  if (modulus?.tag !== der.integer || exponent?.tag !== der.integer) return undefined;
  const numbers = [modulus.value, exponent.value].map((value) => withoutZeros(value).slice());
  const [n = new Uint8Array(0), e = new Uint8Array(0)] = numbers;
  return n.length === 0 || e.length === 0 ? undefined : { kind: "rsa", modulus: n, exponent: e };
}
