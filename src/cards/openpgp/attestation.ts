// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import {
  type OpenPgpKeyUse,
  openPgpCertificateOrder,
  openPgpKeys,
  openPgpTags as tags,
} from "../../base/card-applications/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import {
  attestationAuthority,
  attestedCertificate,
  type CardCrypto,
  type Extension,
  octetString,
  smallInteger,
  utf8String,
} from "../crypto/index.ts";
import { type Answer, type FirmwareVersion, status, sw } from "../software-card/index.ts";
import { keyUses } from "./key-attributes.ts";
import type { OpenPgpSession } from "./openpgp-session.ts";
import type { OpenPgpSource } from "./openpgp-shape.ts";
import type { StoredKey } from "./openpgp-state.ts";
import { keyFor } from "./security-operations.ts";

/** ECDSA with P-256. */
const ATTESTATION_ATTRIBUTES = "132A8648CE3D030107";
const ATTESTATION_NAME = "scard OpenPGP Attestation";
/** What tools look for in the name of an attested key, before its place. */
const SUBJECT_PREFIX = "YubiKey OPGP Attestation ";
const places: Readonly<Record<OpenPgpKeyUse, string>> = {
  signature: "SIG",
  decryption: "DEC",
  authentication: "AUT",
  attestation: "ATT",
};
/** Yubico's extensions of attestations. */
const extensionIds = {
  cardholder: "1.3.6.1.4.1.41482.5.1",
  source: "1.3.6.1.4.1.41482.5.2",
  version: "1.3.6.1.4.1.41482.5.3",
  fingerprint: "1.3.6.1.4.1.41482.5.4",
  generationTime: "1.3.6.1.4.1.41482.5.5",
  signatureCounter: "1.3.6.1.4.1.41482.5.6",
  serialNumber: "1.3.6.1.4.1.41482.5.7",
  userInteraction: "1.3.6.1.4.1.41482.5.8",
  formFactor: "1.3.6.1.4.1.41482.5.9",
} as const;
/** The key was made on the card. */
const SOURCE_GENERATED = 0x01;
/** USB-A keychain. */
const FORM_FACTOR = 0x01;

/** What one of Yubico's keys brings from the factory: the key that signs its attestations, with the certificate of that. */
export async function attestationFrom(library: CardCrypto, version: FirmwareVersion): Promise<OpenPgpSource> {
  const material = library.curve("P-256").generate();
  const extensions = [{ id: extensionIds.version, value: octetString(Uint8Array.from(version)) }];
  const authority = { key: { algorithm: "P-256", material }, name: ATTESTATION_NAME, extensions } as const;
  const certificate = await attestationAuthority(library, authority);
  return {
    attestation: { attributes: ATTESTATION_ATTRIBUTES, origin: "imported", secret: encodeHex(material) },
    objects: [{ tag: tags.attestationCertificate.toString(16), value: encodeHex(certificate) }],
  };
}

/**
 * GET ATTESTATION of Yubico's keys, after VERIFY of PW1 for signatures: a certificate which says that the card has made a key
 * itself, in the place of the key's own certificate.
 *
 * @see Yubico, "PGP Attestation"
 */
export async function attestKey(session: OpenPgpSession, command: ApplicationCommand): Promise<Answer> {
  const { p1, p2, data } = command;
  const { crypto, state, verified } = session;
  const use = keyUses.find((one) => openPgpKeys[one].reference === p1);
  if (use === undefined || p2 !== 0x00) return status(sw.wrongOffset);
  if (data.length > 0) return status(sw.wrongData);
  if (!verified.signature) return status(sw.securityNotSatisfied);
  const stored = state.keys[use];
  if (stored === undefined) return status(sw.referenceNotFound);
  if (stored.origin !== "generated") return status(sw.conditionsNotSatisfied);
  const signer = await keyFor(session, "attestation", command);
  if ("status" in signer) return signer;
  const certificate = await attestedCertificate(crypto, {
    key: stored.key.certified(),
    subject: SUBJECT_PREFIX + places[use],
    extensions: extensionsOf(session, use, stored),
    signer: signer.certified(),
    issuer: state.object(tags.attestationCertificate),
  });
  if (command.abandoned) return status(sw.noDiagnosis);
  if (certificate === undefined) return status(sw.referenceNotFound);
  state.certificates[openPgpCertificateOrder.indexOf(use)] = certificate;
  session.changed();
  return status(sw.success);
}

function extensionsOf(
  { identity, state }: OpenPgpSession,
  use: OpenPgpKeyUse,
  { origin }: StoredKey,
): readonly Extension[] {
  const { fingerprint, generationTime, userInteraction } = openPgpKeys[use];
  const [interaction = 0] = state.object(userInteraction);
  return [
    { id: extensionIds.cardholder, value: utf8String(state.object(tags.name)) },
    { id: extensionIds.source, value: smallInteger(origin === "generated" ? SOURCE_GENERATED : 0) },
    { id: extensionIds.version, value: octetString(Uint8Array.from(identity.yubico?.version ?? [])) },
    { id: extensionIds.fingerprint, value: octetString(state.object(fingerprint)) },
    { id: extensionIds.generationTime, value: octetString(state.object(generationTime)) },
    ...(use === "signature" ? [{ id: extensionIds.signatureCounter, value: smallInteger(state.signatures) }] : []),
    { id: extensionIds.serialNumber, value: smallInteger(serialNumber(identity.aid)) },
    { id: extensionIds.userInteraction, value: octetString(Uint8Array.of(interaction)) },
    { id: extensionIds.formFactor, value: octetString(Uint8Array.of(FORM_FACTOR)) },
  ];
}

/** It stands in the identifier in decimal digits. */
function serialNumber(aid: Uint8Array): number {
  const digits = encodeHex(aid.subarray(10, 14));
  return /^[0-9]+$/.test(digits) ? Number(digits) : Number.parseInt(digits, 16);
}
