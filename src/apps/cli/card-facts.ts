// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { type CurveName, type PublicKey, readCertificate } from "../../base/keys/index.ts";
import type { KeyType } from "../../entry/modules.ts";
import type { HostCrypto } from "../../port/index.ts";

/** What a command tells: a text, bytes, or facts of its own. */
type Fact = string | Uint8Array | Facts;
/** Names and what there is to tell of each, in order; what is undefined is left out. */
export type Facts = readonly (readonly [name: string, fact: Fact | undefined])[];

/** Lines for people: names in a column, and what has parts below its name, as ykman prints it. */
export function factLines(facts: Facts, level = 0): string[] {
  const indent = "  ".repeat(level);
  const told = facts.flatMap(([name, fact]) => (fact === undefined ? [] : [[name, fact] as const]));
  const width = Math.max(0, ...told.map(([name, fact]) => (isNested(fact) ? 0 : name.length))) + 1;
  return told.flatMap(([name, fact], at) => {
    if (!isNested(fact))
      return [`${indent}${`${name}:`.padEnd(width)} ${typeof fact === "string" ? fact : lowerHex(fact)}`];
    const end = at === told.length - 1 ? [] : [""];
    return [`${indent}${name}:`, ...factLines(fact, level + 1), ...end];
  });
}

function isNested(fact: Fact): fact is Facts {
  return Array.isArray(fact);
}

/** Bytes as ykman and openssl print them. */
function lowerHex(bytes: Uint8Array): string {
  return encodeHex(bytes).toLowerCase();
}

const curves: Readonly<Partial<Record<CurveName, string>>> = {
  "P-256": "ECCP256",
  "P-384": "ECCP384",
  "P-521": "ECCP521",
};

/** What a key is, as Yubico's tools spell it. */
export function algorithmName(key: KeyType): string {
  switch (key.kind) {
    case "rsa":
      return `RSA${key.bits}`;
    case "ec":
      return curves[key.curve] ?? key.curve.toUpperCase();
    default:
      return key.kind.toUpperCase();
  }
}

/** The same of a public key. */
function publicKeyName(key: PublicKey): string {
  return algorithmName(key.kind === "rsa" ? { kind: "rsa", bits: bitsOf(key.modulus) } : key);
}

function bitsOf(modulus: Uint8Array): number {
  return 8 * modulus.length - (Math.clz32(modulus[0] ?? 0) - 24);
}

/** What a certificate says, as JSON has it. */
export interface CertificateForPrograms {
  readonly algorithm: string | undefined;
  readonly subject: string;
  readonly issuer: string;
  /** In hexadecimal. */
  readonly serialNumber: string;
  /** SHA-256 of the certificate. */
  readonly fingerprint: string;
  readonly notBefore: string | undefined;
  readonly notAfter: string | undefined;
}

/** Reads a certificate; undefined where the bytes are none. */
export function certificateForPrograms(
  certificate: Uint8Array,
  crypto: HostCrypto,
): CertificateForPrograms | undefined {
  const fields = readCertificate(certificate);
  if (fields === undefined) return undefined;
  const { issuer, notAfter, notBefore, publicKey, serialNumber, subject } = fields;
  return {
    algorithm: publicKey && publicKeyName(publicKey),
    subject,
    issuer,
    serialNumber: encodeHex(serialNumber),
    fingerprint: encodeHex(crypto.hash("sha256", certificate)),
    notBefore,
    notAfter,
  };
}

/** What a certificate says, for people. */
export function certificateFacts(certificate: Uint8Array, crypto: HostCrypto): Facts {
  const read = certificateForPrograms(certificate, crypto);
  if (read === undefined) return [["Error", "Failed to parse certificate"]];
  return [
    ["Public key type", read.algorithm ?? "Unsupported"],
    ["Subject DN", read.subject],
    ["Issuer DN", read.issuer],
    ["Serial", serialText(read.serialNumber)],
    ["Fingerprint", read.fingerprint.toLowerCase()],
    ["Not before", read.notBefore],
    ["Not after", read.notAfter],
  ];
}

const SHORT_DIGITS = 16;
const LONG_DIGITS = 40;

/** A number of up to 64 bits in both bases; a longer one as 20 bytes. */
function serialText(digits: string): string {
  const lower = digits.toLowerCase().replace(/^0+(?=.)/, "");
  if (lower.length <= SHORT_DIGITS) return `${BigInt(`0x${lower || "0"}`)} (0x${lower || "0"})`;
  return (lower.padStart(LONG_DIGITS, "0").match(/../g) ?? []).join(":");
}
