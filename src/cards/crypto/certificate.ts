// SPDX-License-Identifier: MIT

import { dataObject, onlyObject, readDataObjects } from "../software-card/index.ts";
import type { CardCrypto } from "./card-crypto.ts";
import {
  bitString,
  contextTag,
  der,
  derTrue,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  smallInteger,
} from "./der.ts";

const KEY_USAGE = "2.5.29.15";
const SERIAL_BYTES = 16;

/** An extension of a certificate. */
export interface Extension {
  readonly id: string;
  readonly critical?: boolean;
  readonly value: Uint8Array;
}

/** What a certificate says. Names, validity and the key are in DER. */
export interface CertificateInit {
  /** A positive number, big-endian. */
  readonly serialNumber: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly validity: Uint8Array;
  /** SubjectPublicKeyInfo of the key that the certificate is of. */
  readonly publicKey: Uint8Array;
  readonly extensions: readonly Extension[];
}

/** What signs certificates. */
export interface CertificateSigner {
  /** The AlgorithmIdentifier of its signatures, in DER. */
  readonly algorithm: Uint8Array;
  /** Its own SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** Signs what stands before the signature. */
  sign(toBeSigned: Uint8Array): Promise<Uint8Array>;
}

/** Writes and signs a certificate. RFC 5280, 4.1. */
export async function signedCertificate(init: CertificateInit, signer: CertificateSigner): Promise<Uint8Array> {
  const toBeSigned = sequence(
    contextTag(0, smallInteger(2)),
    integer(init.serialNumber),
    signer.algorithm,
    init.issuer,
    init.validity,
    init.subject,
    init.publicKey,
    contextTag(3, sequence(...init.extensions.map(extension))),
  );
  return sequence(toBeSigned, signer.algorithm, bitString(await signer.sign(toBeSigned)));
}

/** A serial number that is random and positive, and has all its bytes. RFC 5280, 4.1.2.2. */
export function randomSerialNumber(library: CardCrypto): Uint8Array {
  const number = library.randomBytes(SERIAL_BYTES);
  number[0] = ((number[0] ?? 0) & 0x3f) | 0x40;
  return number;
}

function extension({ id, critical = false, value }: Extension): Uint8Array {
  return sequence(objectIdentifier(id), critical ? derTrue() : new Uint8Array(0), octetString(value));
}

/** The extensions of a certificate authority that signs at most so many levels of others. RFC 5280, 4.2.1. */
export function authorityExtensions(pathLength: number): readonly Extension[] {
  return [
    { id: "2.5.29.19", critical: true, value: sequence(derTrue(), smallInteger(pathLength)) },
    // Digital signature, keyCertSign, cRLSign.
    { id: KEY_USAGE, critical: true, value: bitString(Uint8Array.of(0x86), 1) },
  ];
}

/** Uses of a key. RFC 5280, 4.2.1.3. */
export const keyUsages = {
  digitalSignature: 0x80,
  nonRepudiation: 0x40,
  keyEncipherment: 0x20,
  keyAgreement: 0x08,
} as const;

/** The extension that says what a key is for. */
export function keyUsageExtension(bits: number): Extension {
  return { id: KEY_USAGE, critical: true, value: bitString(Uint8Array.of(bits), Math.clz32(bits & -bits) ^ 31) };
}

const EXTENDED_KEY_USAGE = "2.5.29.37";
const CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2";

/** The extension that says that a key logs its holder in to servers. RFC 5280, 4.2.1.12. */
export const clientAuthentication: Extension = {
  id: EXTENDED_KEY_USAGE,
  value: sequence(objectIdentifier(CLIENT_AUTHENTICATION)),
};

/** The extensions that name the key of a certificate, and the key that signed it. RFC 5280, 4.2.1.1 and 4.2.1.2. */
export function keyIdentifiers(library: CardCrypto, key: Uint8Array, signer: Uint8Array): readonly Extension[] {
  return [
    { id: "2.5.29.14", value: octetString(keyIdentifier(library, key)) },
    { id: "2.5.29.35", value: sequence(dataObject(0x80, keyIdentifier(library, signer))) },
  ];
}

/** SHA-1 of the public key, as in the first method of RFC 5280, 4.2.1.2. */
function keyIdentifier(library: CardCrypto, publicKey: Uint8Array): Uint8Array {
  const [, bits] = children(publicKey);
  return library.hash("sha1", bits?.value.subarray(1) ?? new Uint8Array(0));
}

/** Subject and validity of a certificate, in DER; undefined where it is not one. */
export function subjectAndValidity(
  encoded: Uint8Array,
): { readonly subject: Uint8Array; readonly validity: Uint8Array } | undefined {
  const [tbs] = children(encoded);
  if (tbs?.tag !== der.sequence) return undefined;
  const fields = readDataObjects(tbs.value) ?? [];
  // The version may be left out, and stands first where there is one.
  const [, , , validity, subject] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  if (validity?.tag !== der.sequence || subject?.tag !== der.sequence) return undefined;
  return { subject: sequence(subject.value), validity: sequence(validity.value) };
}

function children(encoded: Uint8Array): ReturnType<typeof readDataObjects> & object {
  const content = onlyObject(encoded, der.sequence);
  return (content && readDataObjects(content)) ?? [];
}
