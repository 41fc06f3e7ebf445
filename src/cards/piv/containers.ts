// SPDX-License-Identifier: MIT

import { pivRetiredSlots, pivObjects as tags } from "../../base/card-applications/index.ts";

/** Who may read a container. Those with a certificate of the card authentication key are free on every interface. */
type ReadRule = "always" | "pin";

/** A container: one data object of the PIV card application. */
export interface Container {
  /** The tag of the data object in GET DATA and PUT DATA. */
  readonly tag: number;
  readonly name: string;
  readonly read: ReadRule;
  /** Whether the standard lets it be read through the air without a virtual contact interface. */
  readonly contactless: boolean;
}

const retired = pivRetiredSlots.map(({ certificate }, index): Container => {
  const name = `X.509 Certificate for Retired Key Management ${index + 1}`;
  return { tag: certificate, name, read: "always", contactless: false };
});

/**
 * All containers of the standard, with their access rules; the discovery object and the group template of biometric information
 * are read and written without the tag 53. NIST SP 800-73-4 part 1, tables 2 and 3.
 */
const containers: readonly Container[] = [
  { tag: tags.capability, name: "Card Capability Container", read: "always", contactless: false },
  { tag: tags.chuid, name: "Card Holder Unique Identifier", read: "always", contactless: true },
  {
    tag: tags.certificateOfAuthentication,
    name: "X.509 Certificate for PIV Authentication",
    read: "always",
    contactless: false,
  },
  { tag: tags.fingerprints, name: "Cardholder Fingerprints", read: "pin", contactless: false },
  { tag: tags.security, name: "Security Object", read: "always", contactless: false },
  { tag: tags.facialImage, name: "Cardholder Facial Image", read: "pin", contactless: false },
  {
    tag: tags.certificateOfCardAuthentication,
    name: "X.509 Certificate for Card Authentication",
    read: "always",
    contactless: true,
  },
  {
    tag: tags.certificateOfSignature,
    name: "X.509 Certificate for Digital Signature",
    read: "always",
    contactless: false,
  },
  {
    tag: tags.certificateOfKeyManagement,
    name: "X.509 Certificate for Key Management",
    read: "always",
    contactless: false,
  },
  { tag: tags.printedInformation, name: "Printed Information", read: "pin", contactless: false },
  { tag: tags.discovery, name: "Discovery Object", read: "always", contactless: true },
  { tag: tags.keyHistory, name: "Key History Object", read: "always", contactless: false },
  ...retired,
  { tag: tags.irisImages, name: "Cardholder Iris Images", read: "pin", contactless: false },
  {
    tag: tags.biometricGroup,
    name: "Biometric Information Templates Group Template",
    read: "always",
    contactless: true,
  },
  { tag: tags.secureMessagingSigner, name: "Secure Messaging Certificate Signer", read: "always", contactless: true },
  { tag: tags.pairingCode, name: "Pairing Code Reference Data Container", read: "pin", contactless: false },
];

const byTag = new Map(containers.map((container) => [container.tag, container]));

/** Yubico's tokens keep other objects too, under any tag of this range, free to read. */
const FIRST_OWN_TAG = 0x5f0000;
const LAST_OWN_TAG = 0x5fffff;

/** The container with this tag; for tags of the holder's own, where there are such. */
export function containerOf(tag: number, { ownTags }: { readonly ownTags: boolean }): Container | undefined {
  const standard = byTag.get(tag);
  if (standard !== undefined) return standard;
  const isOwn = ownTags && tag >= FIRST_OWN_TAG && tag <= LAST_OWN_TAG;
  return isOwn ? { tag, name: "Object of the holder", read: "always", contactless: false } : undefined;
}
