// SPDX-License-Identifier: MIT

import { hexByte } from "../../base/binary/index.ts";
import { encodePivCertificate, pivKeyReferences } from "../../base/card-applications/index.ts";
import { refuse } from "../../port/index.ts";
import {
  type CardCrypto,
  type CertificateContent,
  checkCertificateContent,
  clientAuthentication,
  type Extension,
  issueCertificate,
  keyUsageExtension,
  keyUsages,
} from "../crypto/index.ts";
import { type KeyAlgorithm, keyAlgorithm } from "./algorithms.ts";
import { certificateObjectOf, defaultPinPolicy } from "./key-references.ts";
import type { PivImage, PivKey } from "./piv-image.ts";
import { certifiedKey, generateMaterial } from "./private-key.ts";

/** A key with a certificate, for a card. */
export interface PivProvision extends CertificateContent {
  /** The key reference: 9A, 9C, 9D, 9E, or 82 to 95. */
  readonly slot: number;
  readonly algorithm: KeyAlgorithm;
}

const place = { operation: "provisionPiv", path: "provision" } as const;

/** Whether a key of the card's holder, with a certificate, goes into this slot. */
export function hasPivCertificate(slot: number): boolean {
  return certificateObjectOf(slot) !== undefined && slot !== pivKeyReferences.attestation;
}

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
  if (object === undefined || !hasPivCertificate(slot))
    refuse({ ...place, path: "provision.slot" }, hexByte(slot), "use 9A, 9C, 9D, 9E, or 82 to 95");
  const { family } = keyAlgorithm(algorithm);
  checkCertificateContent(provision, family === "x25519" ? "x25519" : "rsa", place);
  const material = await generateMaterial(library, algorithm);
  const pinPolicy = defaultPinPolicy(slot);
  const key: PivKey = { algorithm, material, pinPolicy, touchPolicy: "never", origin: "generated" };
  const certificate = await issueCertificate(library, certifiedKey(key), provision, usesOf(slot, key), place);
  image.keys.set(slot, key);
  image.objects.set(object, encodePivCertificate(certificate));
  return certificate;
}

/** What the key of a slot is for. NIST SP 800-73-4 part 1, 3.1. */
function usesOf(slot: number, { algorithm }: PivKey): readonly Extension[] {
  const { digitalSignature, keyAgreement, keyEncipherment, nonRepudiation } = keyUsages;
  switch (slot) {
    case pivKeyReferences.authentication:
      return [keyUsageExtension(digitalSignature), clientAuthentication];
    case pivKeyReferences.cardAuthentication:
      return [keyUsageExtension(digitalSignature)];
    case pivKeyReferences.signature:
      return [keyUsageExtension(digitalSignature | nonRepudiation)];
    default:
      return [keyUsageExtension(keyAlgorithm(algorithm).family === "rsa" ? keyEncipherment : keyAgreement)];
  }
}
