// SPDX-License-Identifier: MIT

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

/** The discovery object, and the group template of biometric information: they are read and written without the tag 53. */
export const TAG_DISCOVERY = 0x7e;
export const TAG_BIOMETRIC_GROUP = 0x7f61;

/** The objects that the card makes answers with. */
export const objectTags = { chuid: 0x5fc102, capability: 0x5fc107, attestation: 0x5fff01 } as const;

const retired = Array.from({ length: 20 }, (_, index): Container => {
  const name = `X.509 Certificate for Retired Key Management ${index + 1}`;
  return { tag: 0x5fc10d + index, name, read: "always", contactless: false };
});

/** All containers of the standard, with their access rules. NIST SP 800-73-4 part 1, tables 2 and 3. */
const containers: readonly Container[] = [
  { tag: 0x5fc107, name: "Card Capability Container", read: "always", contactless: false },
  { tag: 0x5fc102, name: "Card Holder Unique Identifier", read: "always", contactless: true },
  { tag: 0x5fc105, name: "X.509 Certificate for PIV Authentication", read: "always", contactless: false },
  { tag: 0x5fc103, name: "Cardholder Fingerprints", read: "pin", contactless: false },
  { tag: 0x5fc106, name: "Security Object", read: "always", contactless: false },
  { tag: 0x5fc108, name: "Cardholder Facial Image", read: "pin", contactless: false },
  { tag: 0x5fc101, name: "X.509 Certificate for Card Authentication", read: "always", contactless: true },
  { tag: 0x5fc10a, name: "X.509 Certificate for Digital Signature", read: "always", contactless: false },
  { tag: 0x5fc10b, name: "X.509 Certificate for Key Management", read: "always", contactless: false },
  { tag: 0x5fc109, name: "Printed Information", read: "pin", contactless: false },
  { tag: TAG_DISCOVERY, name: "Discovery Object", read: "always", contactless: true },
  { tag: 0x5fc10c, name: "Key History Object", read: "always", contactless: false },
  ...retired,
  { tag: 0x5fc121, name: "Cardholder Iris Images", read: "pin", contactless: false },
  {
    tag: TAG_BIOMETRIC_GROUP,
    name: "Biometric Information Templates Group Template",
    read: "always",
    contactless: true,
  },
  { tag: 0x5fc122, name: "Secure Messaging Certificate Signer", read: "always", contactless: true },
  { tag: 0x5fc123, name: "Pairing Code Reference Data Container", read: "pin", contactless: false },
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
