// SPDX-License-Identifier: MIT

import {
  encodePivCertificate,
  pivKeyReferences,
  pivObjects,
  pivPinPolicies,
  pivTouchPolicies,
} from "../../base/card-applications/index.ts";
import { attestationAuthority, attestedCertificate, type CardCrypto, smallInteger } from "../crypto/index.ts";
import { certificateIn } from "./certificate-object.ts";
import type { PivImage, PivKey } from "./piv-image.ts";
import { certifiedKey } from "./private-key.ts";

const ATTESTATION_NAME = "scard PIV Attestation";
/** What tools look for in the name of an attested key, before its slot. */
const SUBJECT_PREFIX = "YubiKey PIV Attestation ";
/** Yubico's extensions of attestations. */
const yubicoExtensions = {
  firmware: "1.3.6.1.4.1.41482.3.3",
  serialNumber: "1.3.6.1.4.1.41482.3.7",
  policies: "1.3.6.1.4.1.41482.3.8",
  formFactor: "1.3.6.1.4.1.41482.3.9",
} as const;
/** USB-A keychain. */
const FORM_FACTOR = 0x01;

/** Gives a new card its attestation key F9, with a certificate that the root has signed. */
export async function addAttestationKey(library: CardCrypto, image: PivImage): Promise<void> {
  const material = library.curve("P-256").generate();
  const key: PivKey = { algorithm: "p256", material, pinPolicy: "once", touchPolicy: "never", origin: "imported" };
  const extensions = [{ id: yubicoExtensions.firmware, value: Uint8Array.from(image.firmware) }];
  const authority = { key: certifiedKey(key), name: ATTESTATION_NAME, extensions };
  image.keys.set(pivKeyReferences.attestation, key);
  image.objects.set(pivObjects.attestation, encodePivCertificate(await attestationAuthority(library, authority)));
}

/**
 * The certificate by which the card says that it has made the key in this slot itself; undefined where its own key F9, or
 * the certificate of that, is missing.
 *
 * @see Yubico, "PIV Attestation"
 */
export async function attest(
  library: CardCrypto,
  image: PivImage,
  slot: number,
  key: PivKey,
): Promise<Uint8Array | undefined> {
  const signer = image.keys.get(pivKeyReferences.attestation);
  const issuer = certificateIn(image.objects.get(pivObjects.attestation) ?? new Uint8Array(0));
  if (signer === undefined || issuer === undefined) return undefined;
  const policies = [pivPinPolicies[key.pinPolicy], pivTouchPolicies[key.touchPolicy]];
  return attestedCertificate(library, {
    key: certifiedKey(key),
    subject: `${SUBJECT_PREFIX}${slot.toString(16)}`,
    extensions: [
      { id: yubicoExtensions.firmware, value: Uint8Array.from(image.firmware) },
      { id: yubicoExtensions.serialNumber, value: smallInteger(image.serialNumber) },
      { id: yubicoExtensions.policies, value: Uint8Array.from(policies) },
      { id: yubicoExtensions.formFactor, value: Uint8Array.of(FORM_FACTOR) },
    ],
    signer: certifiedKey(signer),
    issuer,
  });
}
