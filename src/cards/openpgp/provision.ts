// SPDX-License-Identifier: MIT

import { bigEndianBytes, hexBytes, quoteWord } from "../../base/binary/index.ts";
import { type OpenPgpKeyUse, openPgpCertificateOrder, openPgpKeys } from "../../base/card-applications/index.ts";
import { listOfWords, refuse } from "../../port/index.ts";
import {
  type CardCrypto,
  type CertificateContent,
  type CertifiedKey,
  checkCertificateContent,
  clientAuthentication,
  type Extension,
  issueCertificate,
  keyUsageExtension,
  keyUsages,
} from "../crypto/index.ts";
import { CardKey } from "./card-key.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { attributesNamed, decodeAttributes, keyNames } from "./key-attributes.ts";
import type { OpenPgpImage } from "./openpgp-image.ts";

/** A key with a certificate, for a card. */
export interface OpenPgpProvision extends CertificateContent {
  /** What the key is for: `signature`, `decryption`, `authentication`. */
  readonly slot: string;
  /** `rsa2048`, `p256`, `ed25519` and the like. */
  readonly algorithm: string;
}

const place = { operation: "provisionOpenPgp", path: "provision" };
type Slot = Exclude<OpenPgpKeyUse, "attestation">;
const slots: readonly Slot[] = ["signature", "decryption", "authentication"];

/**
 * Generates a key, and puts it, its fingerprint and its time, and a certificate for it into a card. The time is the one from
 * which the certificate is valid.
 *
 * @returns the certificate, in DER; undefined for X25519 without an authority, as such a key signs nothing, not even for itself
 * @throws invalid-parameter for a slot that there is not, an algorithm that it does not take, a name that is too long, times of
 * another form, and an authority whose certificate is not one
 */
export async function provisionOpenPgp(
  library: CardCrypto,
  { identity, state }: OpenPgpImage,
  provision: OpenPgpProvision,
): Promise<Uint8Array | undefined> {
  const slot = slots.find((name) => name === provision.slot.toLowerCase());
  if (slot === undefined) {
    const reason = `${quoteWord(provision.slot)}, which is no key of an OpenPGP card`;
    return refuse({ ...place, path: "provision.slot" }, reason, `use ${listOfWords(slots, "or")}`);
  }
  const attributes = hexBytes(attributesFor(slot, provision.algorithm, identity.yubico !== undefined));
  const algorithm = decodeAttributes(slot, attributes);
  if (algorithm === undefined) throw new TypeError("attributes that the card does not read");
  const isCertified = algorithm.kind !== "x25519" || provision.authority !== undefined;
  checkCertificateContent(provision, isCertified && algorithm.kind === "x25519" ? "x25519" : "rsa", place);
  const key = await CardKey.generate(library, algorithm);
  const certified = key.certified();
  const certificate = isCertified
    ? await issueCertificate(library, certified, provision, usesOf(slot, certified), place)
    : undefined;
  const time = Uint8Array.from(bigEndianBytes(secondsOf(provision.notBefore), 4, 4, "a time"));
  state.attributes[slot] = attributes;
  state.setKey(slot, { origin: "generated", key });
  state.setObject(openPgpKeys[slot].fingerprint, fingerprintOf(library, certified, attributes, time));
  state.setObject(openPgpKeys[slot].generationTime, time);
  state.certificates[openPgpCertificateOrder.indexOf(slot)] = certificate ?? new Uint8Array(0);
  return certificate;
}

function attributesFor(slot: Slot, name: string, isYubico: boolean): string {
  const attributes = attributesNamed(slot, name.toLowerCase(), isYubico);
  const known = keyNames(slot);
  const reason = `${quoteWord(name)}, which is no algorithm of the ${slot} key`;
  return attributes ?? refuse({ ...place, path: "provision.algorithm" }, reason, `use ${listOfWords(known, "or")}`);
}

/** Seconds since 1970 of a time in 14 digits. */
function secondsOf(digits: string): number {
  const at = (from: number, to: number): number => Number(digits.slice(from, to));
  const days = daysSince1970(at(0, 4), at(4, 6), at(6, 8));
  return ((days * 24 + at(8, 10)) * 60 + at(10, 12)) * 60 + at(12, 14);
}

/** Of the Gregorian calendar; years begin in March, so that the day of a leap year is their last. */
function daysSince1970(year: number, month: number, day: number): number {
  const years = month > 2 ? year : year - 1;
  const months = (month + 9) % 12;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  const DAYS_TO_1970 = 719_468;
  return years * 365 + leapDays + Math.floor((months * 153 + 2) / 5) + day - 1 - DAYS_TO_1970;
}

/** What the key of a slot is for. */
function usesOf(slot: Slot, { algorithm }: CertifiedKey): readonly Extension[] {
  const { digitalSignature, keyAgreement, keyEncipherment, nonRepudiation } = keyUsages;
  switch (slot) {
    case "signature":
      return [keyUsageExtension(digitalSignature | nonRepudiation)];
    case "decryption":
      return [keyUsageExtension(algorithm === "rsa" ? keyEncipherment : keyAgreement)];
    case "authentication":
      return [keyUsageExtension(digitalSignature), clientAuthentication];
  }
}
