// SPDX-License-Identifier: MIT

import { checkBytes, encodeHex } from "../binary/index.ts";
import { applicationIdentifiers as identifiers, applicationProviders as providers } from "../iso7816/index.ts";

/** The kinds of applications whose commands have names of their own. */
export type ApplicationKind =
  | "piv"
  | "openpgp"
  | "gids"
  | "emv"
  | "travel-document"
  | "usim"
  | "global-platform"
  | "yubico-management"
  | "yubico-otp"
  | "yubico-oath"
  | "yubico-hsm-auth"
  | "fido"
  | "pkcs15"
  | "ndef";

/** What an application identifier says. */
interface KnownApplication {
  /** As people of the field say it: `PIV`, `EMV (Visa)`. */
  readonly name: string;
  /** Undefined where its commands are those of ISO/IEC 7816-4, or not known. */
  readonly kind: ApplicationKind | undefined;
}

/** By what an identifier begins with; the first that fits counts. */
const applications: readonly (readonly [beginning: string, name: string, kind?: ApplicationKind])[] = [
  [identifiers.piv, "PIV", "piv"],
  [identifiers.openPgp, "OpenPGP", "openpgp"],
  [identifiers.gids, "GIDS", "gids"],
  [identifiers.plugAndPlay, "Windows' Plug and Play"],
  [identifiers.pkcs15, "PKCS #15", "pkcs15"],
  [identifiers.issuerSecurityDomain, "the issuer security domain", "global-platform"],
  [`${providers.visa}000000`, "the issuer security domain (Visa)", "global-platform"],
  [identifiers.ndef, "NDEF", "ndef"],
  [identifiers.yubicoManagement, "Yubico's management", "yubico-management"],
  [identifiers.yubicoOtp, "Yubico's OTP", "yubico-otp"],
  [identifiers.yubicoOath, "Yubico's OATH", "yubico-oath"],
  [identifiers.yubicoHsmAuth, "YubiHSM Auth", "yubico-hsm-auth"],
  [identifiers.fido, "FIDO", "fido"],
  [identifiers.travelDocument, "eMRTD", "travel-document"],
  [identifiers.usim, "USIM", "usim"],
  [identifiers.isim, "ISIM", "usim"],
  [identifiers.paymentSystemEnvironment, "EMV (payment system environment)", "emv"],
  [identifiers.contactlessPaymentEnvironment, "EMV (contactless payment environment)", "emv"],
  [providers.visa, "EMV (Visa)", "emv"],
  [providers.mastercard, "EMV (Mastercard)", "emv"],
  [providers.americanExpress, "EMV (American Express)", "emv"],
  [providers.jcb, "EMV (JCB)", "emv"],
  [providers.discover, "EMV (Discover)", "emv"],
  [providers.interac, "EMV (Interac)", "emv"],
  [providers.unionPay, "EMV (UnionPay)", "emv"],
];

/** A name of an application that is shorter than this may be the beginning of many. ISO/IEC 7816-4:2005, 8.2.1.2. */
const LEAST_IDENTIFIER_BYTES = 5;

/**
 * Names an application by its identifier; undefined for one that is not in the table. An identifier may be given in part, as SELECT
 * takes it, with 5 bytes or more.
 *
 * @param identifier 5 to 16 bytes, as SELECT has it
 * @see ISO/IEC 7816-4:2005, 8.2.1.2
 */
export function applicationOf(identifier: Uint8Array): KnownApplication | undefined {
  checkBytes(identifier, "applicationOf: identifier");
  if (identifier.length < LEAST_IDENTIFIER_BYTES) return undefined;
  const digits = encodeHex(identifier);
  const found =
    applications.find(([beginning]) => digits.startsWith(beginning)) ??
    applications.find(([beginning]) => beginning.startsWith(digits));
  return found && { name: found[1], kind: found[2] };
}
