// SPDX-License-Identifier: MIT

import {
  authorityExtensions,
  type CardCrypto,
  type CertificateSigner,
  certificateSigner,
  commonName,
  type Extension,
  keyIdentifiers,
  publicKeyInfo,
  randomSerialNumber,
  sequence,
  signedCertificate,
  smallInteger,
  subjectAndValidity,
  time,
} from "../crypto/index.ts";
import { certificateIn, certificateObject } from "./certificate-object.ts";
import { objectTags } from "./containers.ts";
import { keyReferences, pinPolicyNumbers, touchPolicyNumbers } from "./key-references.ts";
import type { PivImage, PivKey } from "./piv-image.ts";
import { certifiedKey } from "./private-key.ts";

/** What the root's key is made from. It is public: its certificates show only that software made them. */
const ROOT_SEED = "scard: root of PIV attestation in tests, version 1";
const ROOT_NAME = "scard PIV test root";
const ATTESTATION_NAME = "scard PIV Attestation";
/** What tools look for in the name of an attested key, before its slot. */
const SUBJECT_PREFIX = "YubiKey PIV Attestation ";
const NOT_BEFORE = "20160314000000";
const NOT_AFTER = "20520417000000";
/** Yubico's extensions of attestations. */
const yubicoExtensions = {
  firmware: "1.3.6.1.4.1.41482.3.3",
  serialNumber: "1.3.6.1.4.1.41482.3.7",
  policies: "1.3.6.1.4.1.41482.3.8",
  formFactor: "1.3.6.1.4.1.41482.3.9",
} as const;
/** USB-A keychain. */
const FORM_FACTOR = 0x01;

function rootSigner(library: CardCrypto): CertificateSigner {
  const material = library.hash("sha256", new TextEncoder().encode(ROOT_SEED));
  return certificateSigner(library, { algorithm: "P-256", material });
}

/**
 * The certificate, in DER, that the attestations of all new cards lead up to. Its key is no secret: a test that trusts it
 * accepts cards of software. It is the same on each machine.
 */
export async function attestationRoot(library: CardCrypto): Promise<Uint8Array> {
  const signer = rootSigner(library);
  const { publicKey } = signer;
  const name = commonName(ROOT_NAME);
  const extensions = [...authorityExtensions(1), ...keyIdentifiers(library, publicKey, publicKey)];
  const serialNumber = Uint8Array.of(1);
  return signedCertificate(
    { serialNumber, issuer: name, subject: name, validity: validity(), publicKey, extensions },
    signer,
  );
}

/** Gives a new card its attestation key F9, with a certificate that the root has signed. */
export async function addAttestationKey(library: CardCrypto, image: PivImage): Promise<void> {
  const root = rootSigner(library);
  const material = library.curve("P-256").generate();
  const key: PivKey = { algorithm: "p256", material, pinPolicy: "once", touchPolicy: "never", origin: "imported" };
  const publicKey = publicKeyInfo(library, certifiedKey(key));
  const extensions: Extension[] = [
    ...authorityExtensions(0),
    ...keyIdentifiers(library, publicKey, root.publicKey),
    { id: yubicoExtensions.firmware, value: Uint8Array.from(image.firmware) },
  ];
  const init = {
    serialNumber: randomSerialNumber(library),
    issuer: commonName(ROOT_NAME),
    subject: commonName(ATTESTATION_NAME),
    validity: validity(),
    publicKey,
    extensions,
  };
  image.keys.set(keyReferences.attestation, key);
  image.objects.set(objectTags.attestation, certificateObject(await signedCertificate(init, root)));
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
  const signer = image.keys.get(keyReferences.attestation);
  const issuer = certificateIn(image.objects.get(objectTags.attestation) ?? new Uint8Array(0));
  const from = issuer && subjectAndValidity(issuer);
  if (signer === undefined || signer.algorithm === "x25519" || from === undefined) return undefined;
  const policies = [pinPolicyNumbers[key.pinPolicy], touchPolicyNumbers[key.touchPolicy]];
  const init = {
    serialNumber: randomSerialNumber(library),
    issuer: from.subject,
    subject: commonName(`${SUBJECT_PREFIX}${slot.toString(16)}`),
    validity: from.validity,
    publicKey: publicKeyInfo(library, certifiedKey(key)),
    extensions: [
      { id: yubicoExtensions.firmware, value: Uint8Array.from(image.firmware) },
      { id: yubicoExtensions.serialNumber, value: smallInteger(image.serialNumber) },
      { id: yubicoExtensions.policies, value: Uint8Array.from(policies) },
      { id: yubicoExtensions.formFactor, value: Uint8Array.of(FORM_FACTOR) },
    ],
  };
  return signedCertificate(init, certificateSigner(library, certifiedKey(signer)));
}

function validity(): Uint8Array {
  return sequence(time(NOT_BEFORE), time(NOT_AFTER));
}
