// SPDX-License-Identifier: MIT

import { encodeHex, hexBytes, hexWord } from "../../base/binary/index.ts";
import {
  openPgpCurve25519 as curve25519,
  type OpenPgpKeyUse,
  openPgpCurveIn,
  openPgpKeys,
} from "../../base/card-applications/index.ts";
import type { BerTlvInit } from "../../base/iso7816/index.ts";
import { type CurveName, curveIds } from "../../base/keys/index.ts";
import type { FirmwareVersion } from "../software-card/index.ts";

/** The uses of the specification, in the order of the card's lists. */
export const keyUses: readonly OpenPgpKeyUse[] = ["signature", "decryption", "authentication"];
/** Those of Yubico's keys, in the order of their lists. */
const yubicoKeyUses: readonly OpenPgpKeyUse[] = [...keyUses, "attestation"];

/** The uses of the keys on a card. */
export function usesOn(isYubico: boolean): readonly OpenPgpKeyUse[] {
  return isYubico ? yubicoKeyUses : keyUses;
}

/** What a key is. */
export type KeyAlgorithm =
  | { readonly kind: "rsa"; readonly modulusBits: number }
  | { readonly kind: "ecdsa" | "ecdh"; readonly curve: CurveName }
  | { readonly kind: "ed25519" }
  | { readonly kind: "x25519" };

/** First byte of algorithm attributes: RFC 4880, 9.1, and RFC 9580, 9.1. */
const ALGORITHM_RSA = 0x01;
const ALGORITHM_ECDH = 0x12;
const ALGORITHM_ECDSA = 0x13;
const ALGORITHM_EDDSA = 0x16;

const rsaModulusBits: readonly number[] = [2048, 3072, 4096];
/** The length of an exponent, in bits: 17 where only 65537 is meant, 32 where there is room. */
const LEAST_EXPONENT_BITS = 17;
const MOST_EXPONENT_BITS = 32;
/** Import formats: standard, standard with modulus, CRT, CRT with modulus. OpenPGP card 3.4.1, 4.4.3.9. */
const LAST_IMPORT_FORMAT = 0x03;

const curves = Object.keys(curveIds) as CurveName[];

/** What each key of an empty card begins with: RSA 2048, imported with e, p and q. */
export function defaultAttributes(isYubico = false): Uint8Array {
  return hexBytes(rsaAttributes(2048, isYubico));
}

/** Yubico's keys take 65537 alone. */
function rsaAttributes(modulusBits: number, isYubico: boolean): string {
  const exponentBits = isYubico ? LEAST_EXPONENT_BITS : MOST_EXPONENT_BITS;
  return `01${hexWord(modulusBits)}${hexWord(exponentBits)}00`;
}

/**
 * Reads algorithm attributes, as PUT DATA brings them.
 *
 * @returns undefined for an algorithm that the card has not, or not for this use
 * @see OpenPGP card 3.4.1, 4.4.3.9
 */
export function decodeAttributes(use: OpenPgpKeyUse, attributes: Uint8Array): KeyAlgorithm | undefined {
  const [algorithm] = attributes;
  if (algorithm === ALGORITHM_RSA) return decodeRsa(attributes);
  const curve = openPgpCurveIn(attributes);
  if (use === "decryption") return algorithm === ALGORITHM_ECDH ? decodeEcdh(curve) : undefined;
  if (algorithm === ALGORITHM_EDDSA)
    return use !== "attestation" && curve === "ed25519" ? { kind: "ed25519" } : undefined;
  const isEcdsa = algorithm === ALGORITHM_ECDSA && curve !== undefined && curve !== "ed25519" && curve !== "x25519";
  return isEcdsa ? { kind: "ecdsa", curve } : undefined;
}

function decodeRsa(attributes: Uint8Array): KeyAlgorithm | undefined {
  const [, high = 0, low = 0, exponentHigh = 0, exponentLow = 0, format = 0] = attributes;
  const modulusBits = high * 256 + low;
  const exponentBits = exponentHigh * 256 + exponentLow;
  if (attributes.length !== 6 || !rsaModulusBits.includes(modulusBits) || format > LAST_IMPORT_FORMAT) return undefined;
  if (exponentBits < LEAST_EXPONENT_BITS || exponentBits > MOST_EXPONENT_BITS) return undefined;
  return { kind: "rsa", modulusBits };
}

function decodeEcdh(curve: ReturnType<typeof openPgpCurveIn>): KeyAlgorithm | undefined {
  if (curve === undefined || curve === "ed25519") return undefined;
  return curve === "x25519" ? { kind: "x25519" } : { kind: "ecdh", curve };
}

/** Names of algorithms, in messages and on command lines. */
const curveNames: Readonly<Record<CurveName, string>> = {
  "P-256": "p256",
  "P-384": "p384",
  "P-521": "p521",
  secp256k1: "secp256k1",
  brainpoolP256r1: "brainpoolp256r1",
  brainpoolP384r1: "brainpoolp384r1",
  brainpoolP512r1: "brainpoolp512r1",
};

/** The names of the algorithms that a key can have. */
export function keyNames(use: OpenPgpKeyUse): readonly string[] {
  return [...namedAttributes(use, false).keys()];
}

/** The attributes of the algorithm with a name; undefined where the key cannot have it. */
export function attributesNamed(use: OpenPgpKeyUse, name: string, isYubico: boolean): string | undefined {
  return namedAttributes(use, isYubico).get(name);
}

/** The name of the algorithm that these attributes are of; empty for those of no key. */
export function nameOf(use: OpenPgpKeyUse, attributes: Uint8Array): string {
  const algorithm = decodeAttributes(use, attributes);
  if (algorithm === undefined) return "";
  if (algorithm.kind === "rsa") return `rsa${algorithm.modulusBits}`;
  return "curve" in algorithm ? curveNames[algorithm.curve] : algorithm.kind;
}

function namedAttributes(use: OpenPgpKeyUse, isYubico: boolean): ReadonlyMap<string, string> {
  const algorithm = use === "decryption" ? "12" : "13";
  const edwards =
    use === "decryption" ? ["x25519", `12${curve25519.x25519[0]}`] : ["ed25519", `16${curve25519.ed25519[0]}`];
  return new Map([
    ...rsaModulusBits.map((bits): [string, string] => [`rsa${bits}`, rsaAttributes(bits, isYubico)]),
    ...curves.map((name): [string, string] => [curveNames[name], algorithm + curveIds[name]]),
    edwards as [string, string],
  ]);
}

/**
 * All attributes that each key can have, as the algorithm information FA lists them. OpenPGP card 3.4.1, 4.4.3.11.
 *
 * @param yubico the firmware, on Yubico's keys
 */
export function algorithmInformation(yubico: FirmwareVersion | undefined): readonly BerTlvInit[] {
  return usesOn(yubico !== undefined).flatMap((use) =>
    attributesFor(use, yubico).map((attributes) => ({ tag: openPgpKeys[use].attributes, value: hexBytes(attributes) })),
  );
}

function attributesFor(use: OpenPgpKeyUse, yubico: FirmwareVersion | undefined): readonly string[] {
  const rsa = rsaModulusBits.map((bits) => rsaAttributes(bits, yubico !== undefined));
  const algorithm = use === "decryption" ? "12" : "13";
  return [...rsa, ...curves.map((name) => algorithm + curveIds[name]), ...curve25519For(use, yubico)];
}

/** Firmware before 5.6.1 lists both curves for each key, with the number of EdDSA. Yubico's programs put it right. */
function curve25519For(use: OpenPgpKeyUse, yubico: FirmwareVersion | undefined): readonly string[] {
  const [ed25519] = curve25519.ed25519;
  const [x25519] = curve25519.x25519;
  if (yubico !== undefined && isBefore(yubico, [5, 6, 1])) return [`16${ed25519}`, `16${x25519}`];
  if (use === "attestation") return [];
  return [use === "decryption" ? `12${x25519}` : `16${ed25519}`];
}

function isBefore(version: FirmwareVersion, other: FirmwareVersion): boolean {
  const at = version.findIndex((number, index) => number !== other[index]);
  return at >= 0 && (version[at] ?? 0) < (other[at] ?? 0);
}

/**
 * The attributes that are stored for those that came. Old tools of Yubico's ask for X25519 with the number of EdDSA; the
 * key is an ECDH key all the same.
 */
export function storedAttributes(use: OpenPgpKeyUse, attributes: Uint8Array): Uint8Array {
  const mistaken = use === "decryption" && attributes[0] === ALGORITHM_EDDSA;
  if (!mistaken || !isX25519(attributes.subarray(1))) return attributes;
  return Uint8Array.of(ALGORITHM_ECDH, ...attributes.subarray(1));
}

function isX25519(identifier: Uint8Array): boolean {
  const digits = encodeHex(identifier);
  return curve25519.x25519.some((one) => one === digits);
}
