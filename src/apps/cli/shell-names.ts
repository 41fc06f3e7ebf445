// SPDX-License-Identifier: MIT

import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import {
  gidsFileIds,
  gidsReferences,
  openPgpPasswords,
  openPgpTags,
  PIV_PIN_BYTES,
  PIV_PIN_PADDING,
  pivMainSlots,
  pivObjects,
  pivPinReferences,
  pivRetiredSlots,
} from "../../base/card-applications/index.ts";
import { applicationIdentifiers, MASTER_FILE_ID } from "../../base/iso7816/index.ts";

/** What people call things on cards, and what they stand for. */
type Names<T> = Readonly<Record<string, T>>;

/** Names that are spelled as people write them, and not as the table has them. */
const spelled: Names<string> = { openPgp: "openpgp", issuerSecurityDomain: "isd", gids2: "gids-2" };

/** Applications by their names, as {@link applicationIdentifiers} has them: `piv`, `openpgp`, `isd`, … */
export const applicationNames: Names<string> = Object.fromEntries(
  Object.entries(applicationIdentifiers).map(([name, aid]) => [spelled[name] ?? hyphened(name), aid]),
);

/** Files that have the same identifier on all cards. ISO/IEC 7816-4:2005, 5.3.1.1 and 8.2.1.1. */
export const fileNames: Names<number> = {
  mf: MASTER_FILE_ID,
  "ef.dir": gidsFileIds.directory,
  "ef.atr": gidsFileIds.answerToReset,
};

/** Data objects, and PINs, of one kind of application. */
export interface KnownApplication {
  readonly name: string;
  /** What its identifier begins with. */
  readonly aid: string;
  /** How a data object is asked for: by its tag in P1 P2, or by a tag list to the whole application. */
  readonly asks: "tag" | "tag-list";
  /** The tags of its data objects. */
  readonly objects: Names<number>;
  readonly pins: Names<number>;
  /** The usual PIN, where none is named. */
  readonly pin: number;
  /** How long a PIN is on the wire, and what it is filled up with. @default it is sent as it is */
  readonly padding?: { readonly bytes: number; readonly fill: number };
}

const slots = [...pivMainSlots, ...pivRetiredSlots];
const slotCertificates = slots.map(({ certificate, reference }) => [
  `certificate-${reference.toString(16)}`,
  certificate,
]);

/** The applications of which more is known than the name. */
const knownApplications: readonly KnownApplication[] = [
  {
    name: "piv",
    aid: applicationIdentifiers.piv,
    asks: "tag-list",
    objects: { ...hyphenedNames(pivObjects), ...Object.fromEntries(slotCertificates) },
    pins: pivPinReferences,
    pin: pivPinReferences.pin,
    padding: { bytes: PIV_PIN_BYTES, fill: PIV_PIN_PADDING },
  },
  {
    name: "openpgp",
    aid: applicationIdentifiers.openPgp,
    asks: "tag",
    objects: hyphenedNames(openPgpTags),
    pins: hyphenedNames(openPgpPasswords),
    pin: openPgpPasswords.pw1Signature,
  },
  {
    name: "gids",
    aid: applicationIdentifiers.gids,
    asks: "tag-list",
    objects: {},
    pins: { "global-pin": gidsReferences.globalPin, pin: gidsReferences.pin, puk: gidsReferences.puk },
    pin: gidsReferences.pin,
  },
];

/** What is known of a selected application. @param aid as it was selected: the whole, or its beginning */
export function knownApplication(aid: Uint8Array | undefined): KnownApplication | undefined {
  if (aid === undefined) return undefined;
  const digits = encodeHex(aid);
  return knownApplications.find((one) => digits.startsWith(one.aid) || one.aid.startsWith(digits));
}

/** What an application is called; undefined for one without a name here. */
export function applicationName(aid: Uint8Array): string | undefined {
  const digits = encodeHex(aid);
  return Object.entries(applicationNames).find(([, known]) => digits.startsWith(known))?.[0];
}

/** The identifier of an application by its name; case and hyphens do not matter. */
export function applicationByName(word: string): Uint8Array | undefined {
  const aid = byName(applicationNames, word);
  return aid === undefined ? undefined : hexBytes(aid);
}

/** What a name stands for; case and hyphens do not matter. */
export function byName<T>(names: Names<T>, word: string): T | undefined {
  const wanted = folded(word);
  return Object.entries(names).find(([name]) => folded(name) === wanted)?.[1];
}

function folded(name: string): string {
  return name.toLowerCase().replaceAll("-", "");
}

function hyphenedNames<T>(names: Readonly<Record<string, T>>): Names<T> {
  return Object.fromEntries(Object.entries(names).map(([name, value]) => [hyphened(name), value]));
}

/** `certificateOfSignature` as `certificate-of-signature`. */
function hyphened(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
