// SPDX-License-Identifier: MIT

import { hexByte } from "../../base/binary/index.ts";
import { refuse } from "../../port/index.ts";
import type { CardCrypto } from "../crypto/index.ts";
import { type KeyAlgorithm, keyAlgorithm } from "./algorithms.ts";
import {
  certificateObject,
  type Extension,
  keyIdentifiers,
  keyUsageExtension,
  keyUsages,
  randomSerialNumber,
  signedCertificate,
  subjectAndValidity,
} from "./certificate.ts";
import { commonName, objectIdentifier, sequence, time } from "./der.ts";
import { certificateObjectOf, defaultPinPolicy, keyReferences } from "./key-references.ts";
import type { PivImage, PivKey } from "./piv-image.ts";
import { certificateSigner, generateMaterial, publicKeyInfo } from "./private-key.ts";

/** Who signs a card's certificates. */
export interface CertificateAuthority {
  /** Its own certificate, in DER. */
  readonly certificate: Uint8Array;
  readonly key: PivKey;
}

/** A key with a certificate, for a card. */
export interface PivProvision {
  /** The key reference: 9A, 9C, 9D, 9E, or 82 to 95. */
  readonly slot: number;
  readonly algorithm: KeyAlgorithm;
  /** The common name in the certificate, 1 to 64 characters. */
  readonly subject: string;
  /** From when the certificate is valid, in UTC: year, month, day, hour, minute and second, in 14 digits. */
  readonly notBefore: string;
  /** Until when. */
  readonly notAfter: string;
  /** Who signs it. @default the key itself */
  readonly authority?: CertificateAuthority | undefined;
}

const MAX_NAME = 64;

/**
 * Generates a key, and puts it and a certificate for it into a card.
 *
 * @returns the certificate, in DER
 * @throws invalid-parameter for a slot that takes no such key, a name that is too long, times of another form, an authority
 * whose certificate is not one, and X25519 without an authority: such a key signs nothing
 */
export async function provisionPiv(library: CardCrypto, image: PivImage, provision: PivProvision): Promise<Uint8Array> {
  const { algorithm, slot } = provision;
  const object = certificateObjectOf(slot);
  check(provision, object);
  const material = await generateMaterial(library, algorithm);
  const pinPolicy = defaultPinPolicy(slot);
  const key: PivKey = { algorithm, material, pinPolicy, touchPolicy: "never", origin: "generated" };
  const certificate = await certificateOf(library, key, provision);
  image.keys.set(slot, key);
  if (object !== undefined) image.objects.set(object, certificateObject(certificate));
  return certificate;
}

function place(path: keyof PivProvision): { readonly operation: string; readonly path: string } {
  return { operation: "provisionPiv", path: `provision.${path}` };
}

function check(given: PivProvision, object: number | undefined): void {
  if (object === undefined || given.slot === keyReferences.attestation)
    refuse(place("slot"), hexByte(given.slot), "use 9A, 9C, 9D, 9E, or 82 to 95");
  if (given.subject.length < 1 || given.subject.length > MAX_NAME)
    refuse(place("subject"), `${given.subject.length} characters`, `use 1 to ${MAX_NAME}`);
  for (const path of ["notBefore", "notAfter"] as const) {
    if (!/^[0-9]{14}$/.test(given[path]))
      refuse(place(path), "a time of another form", "use 14 digits: 20300131235959");
  }
  const signs = given.authority?.key.algorithm ?? given.algorithm;
  if (signs === "x25519") refuse(place("authority"), "a key of X25519, which signs nothing", "pass another authority");
}

function certificateOf(library: CardCrypto, key: PivKey, provision: PivProvision): Promise<Uint8Array> {
  const { authority, notAfter, notBefore, slot, subject } = provision;
  const name = commonName(subject);
  const signer = certificateSigner(library, authority?.key ?? key);
  const issuer = authority === undefined ? name : subjectAndValidity(authority.certificate)?.subject;
  if (issuer === undefined) refuse(place("authority"), "no certificate", "pass one in DER");
  const publicKey = publicKeyInfo(library, key);
  const init = {
    serialNumber: randomSerialNumber(library),
    issuer,
    subject: name,
    validity: sequence(time(notBefore), time(notAfter)),
    publicKey,
    extensions: [...usesOf(slot, key), ...keyIdentifiers(library, publicKey, signer.publicKey)],
  };
  return signedCertificate(init, signer);
}

const EXTENDED_KEY_USAGE = "2.5.29.37";
const CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2";

/** What the key of a slot is for. NIST SP 800-73-4 part 1, 3.1. */
function usesOf(slot: number, { algorithm }: PivKey): readonly Extension[] {
  const { digitalSignature, keyAgreement, keyEncipherment, nonRepudiation } = keyUsages;
  switch (slot) {
    case keyReferences.authentication: {
      const value = sequence(objectIdentifier(CLIENT_AUTHENTICATION));
      return [keyUsageExtension(digitalSignature), { id: EXTENDED_KEY_USAGE, value }];
    }
    case keyReferences.cardAuthentication:
      return [keyUsageExtension(digitalSignature)];
    case keyReferences.signature:
      return [keyUsageExtension(digitalSignature | nonRepudiation)];
    default:
      return [keyUsageExtension(keyAlgorithm(algorithm).family === "rsa" ? keyEncipherment : keyAgreement)];
  }
}
