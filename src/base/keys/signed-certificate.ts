// SPDX-License-Identifier: MIT

import { decodeBerTlv, encodeDataObject } from "../iso7816/index.ts";
import {
  bitString,
  contextTag,
  derNull,
  derTrue,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  smallInteger,
} from "./der-values.ts";
import type { HashFunction } from "./mask.ts";
import type { CurveName, HashName } from "./names.ts";

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

/** What signs certificates and requests for them. */
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
  return signed(toBeSigned, signer);
}

/**
 * Writes and signs a request for a certificate of the signer's own key, without attributes. RFC 2986, 4.
 *
 * @param subject the name that the certificate is to have, in DER
 */
export function signedRequest(subject: Uint8Array, signer: CertificateSigner): Promise<Uint8Array> {
  return signed(sequence(smallInteger(0), subject, signer.publicKey, contextTag(0)), signer);
}

async function signed(toBeSigned: Uint8Array, signer: CertificateSigner): Promise<Uint8Array> {
  return sequence(toBeSigned, signer.algorithm, bitString(await signer.sign(toBeSigned)));
}

function extension({ id, critical = false, value }: Extension): Uint8Array {
  return sequence(objectIdentifier(id), critical ? derTrue() : new Uint8Array(0), octetString(value));
}

/** The extensions that name the key of a certificate, and the key that signed it. RFC 5280, 4.2.1.1 and 4.2.1.2. */
export function keyIdentifiers(sha1: HashFunction, key: Uint8Array, signer: Uint8Array): readonly Extension[] {
  return [
    { id: "2.5.29.14", value: octetString(keyIdentifier(sha1, key)) },
    { id: "2.5.29.35", value: sequence(encodeDataObject(0x80, keyIdentifier(sha1, signer))) },
  ];
}

/** SHA-1 of the public key, as in the first method of RFC 5280, 4.2.1.2. */
function keyIdentifier(sha1: HashFunction, publicKey: Uint8Array): Uint8Array {
  const decoded = decodeBerTlv(publicKey);
  const bits = decoded.ok ? decoded.value[0]?.children?.[1]?.value : undefined;
  return sha1(bits?.subarray(1) ?? new Uint8Array(0));
}

const ED25519 = "1.3.101.112";
/** RFC 4055, 5; RFC 3279, 2.2.1. */
const rsaSignatures: Readonly<Partial<Record<HashName, string>>> = {
  sha1: "1.2.840.113549.1.1.5",
  sha224: "1.2.840.113549.1.1.14",
  sha256: "1.2.840.113549.1.1.11",
  sha384: "1.2.840.113549.1.1.12",
  sha512: "1.2.840.113549.1.1.13",
};
/** RFC 5758, 3.2; RFC 3279, 2.2.3. */
const ecdsaSignatures: Readonly<Partial<Record<HashName, string>>> = {
  sha1: "1.2.840.10045.4.1",
  sha224: "1.2.840.10045.4.3.1",
  sha256: "1.2.840.10045.4.3.2",
  sha384: "1.2.840.10045.4.3.3",
  sha512: "1.2.840.10045.4.3.4",
};

/**
 * The AlgorithmIdentifier of a signature: PKCS #1 v1.5 with RSA, ECDSA, Ed25519.
 *
 * @returns undefined for a key that signs nothing, and a hash that has no identifier
 */
export function signatureAlgorithm(kind: "rsa" | "ec" | "ed25519" | "x25519", hash: HashName): Uint8Array | undefined {
  if (kind === "x25519") return undefined;
  if (kind === "ed25519") return sequence(objectIdentifier(ED25519));
  const id = (kind === "rsa" ? rsaSignatures : ecdsaSignatures)[hash];
  if (id === undefined) return undefined;
  return kind === "rsa" ? sequence(objectIdentifier(id), derNull()) : sequence(objectIdentifier(id));
}

/** The hash that goes with the size of a curve in certificates. RFC 5480, 4. */
export function hashOfCurve(curve: CurveName): "sha256" | "sha384" | "sha512" {
  if (curve === "P-521" || curve === "brainpoolP512r1") return "sha512";
  return curve === "P-384" || curve === "brainpoolP384r1" ? "sha384" : "sha256";
}
