// SPDX-License-Identifier: MIT

import { checkBytes, hexBytes } from "../../base/binary/index.ts";
import {
  type ApplicationKind,
  applicationOf,
  nameOfNumber,
  openPgpInstructions,
  openPgpYubicoInstructions,
  pivYubicoInstructions,
} from "../../base/card-applications/index.ts";
import { decodeClassByte, describeCommandBytes, instructionName, instructions } from "../../base/iso7816/index.ts";

/** Names by instruction. */
type Names = Readonly<Record<number, string>>;

/** PERFORM SECURITY OPERATION by P1 and P2: what comes out, and what goes in. ISO/IEC 7816-8:2004, 4.4 to 4.11. */
const securityOperations: Names = {
  0x9e9a: "COMPUTE DIGITAL SIGNATURE",
  0x8086: "DECIPHER",
  0x8680: "ENCIPHER",
  0x9080: "HASH",
  0x90a0: "HASH",
  0x00a8: "VERIFY DIGITAL SIGNATURE",
  0x00ae: "VERIFY CERTIFICATE",
  0x00be: "VERIFY CERTIFICATE",
};

/** NIST SP 800-73-4 part 2, 3; the others are Yubico's. */
const piv: Names = { 0x87: "PIV GENERAL AUTHENTICATE", 0x47: "PIV GENERATE ASYMMETRIC KEY PAIR" };

/** EMV book 3, 6.5; EMV book C-2, 5. */
const emv: Names = {
  0x16: "CARD BLOCK",
  0x18: "APPLICATION UNBLOCK",
  0x1e: "APPLICATION BLOCK",
  0x24: "PIN CHANGE/UNBLOCK",
  0x2a: "COMPUTE CRYPTOGRAPHIC CHECKSUM",
  0xa8: "GET PROCESSING OPTIONS",
  0xae: "GENERATE AC",
  0xd0: "RECOVER AC",
  0xea: "EXCHANGE RELAY RESISTANCE DATA",
};

/** GlobalPlatform 2.3.1, 11, and for secure channels D.4 and E.5. */
const globalPlatform: Names = {
  0x50: "INITIALIZE UPDATE",
  0x82: "EXTERNAL AUTHENTICATE",
  0xca: "GET DATA",
  0xcb: "GET DATA",
  0xd8: "PUT KEY",
  0xe2: "STORE DATA",
  0xe4: "DELETE",
  0xe6: "INSTALL",
  0xe8: "LOAD",
  0xf0: "SET STATUS",
  0xf2: "GET STATUS",
};

/** In the class 80. ETSI TS 102 221, 10.1.2. */
const usimProprietary: Names = {
  0x10: "TERMINAL PROFILE",
  0x12: "FETCH",
  0x14: "TERMINAL RESPONSE",
  0x32: "INCREASE",
  0x76: "SUSPEND UICC",
  0x78: "GET IDENTITY",
  0xaa: "TERMINAL CAPABILITY",
  0xc2: "ENVELOPE",
  0xcb: "RETRIEVE DATA",
  0xdb: "SET DATA",
  0xf2: "STATUS",
};

/** In an interindustry class. ETSI TS 102 221, 10.1.2 and 11.1. */
const usim: Names = {
  0x20: "VERIFY PIN",
  0x24: "CHANGE PIN",
  0x26: "DISABLE PIN",
  0x28: "ENABLE PIN",
  0x2c: "UNBLOCK PIN",
  0x73: "MANAGE SECURE CHANNEL",
  0x88: "AUTHENTICATE",
  0x89: "AUTHENTICATE",
};

/** In the class A0. 3GPP TS 51.011, 9.2. */
const sim: Names = {
  0x04: "INVALIDATE",
  0x10: "TERMINAL PROFILE",
  0x12: "FETCH",
  0x14: "TERMINAL RESPONSE",
  0x20: "VERIFY CHV",
  0x24: "CHANGE CHV",
  0x26: "DISABLE CHV",
  0x28: "ENABLE CHV",
  0x2c: "UNBLOCK CHV",
  0x32: "INCREASE",
  0x44: "REHABILITATE",
  0x88: "RUN GSM ALGORITHM",
  0xa2: "SEEK",
  0xf2: "STATUS",
  0xfa: "SLEEP",
};

/** MANAGE SECURITY ENVIRONMENT of travel documents by P1 and P2. ICAO Doc 9303-11, 4.4.4.1 and 6.2; BSI TR-03110-3, B.11. */
const travelEnvironments: Names = {
  0xc1a4: "MSE:SET AT (PACE)",
  0x41a4: "MSE:SET AT (chip authentication)",
  0x41a6: "MSE:SET KAT (chip authentication)",
  0x81a4: "MSE:SET AT (terminal authentication)",
  0x81b6: "MSE:SET DST",
};

/** ISO/IEC 7816-8:2004, 4.3, as travel documents use it. */
const travelDocument: Names = { 0x82: "MUTUAL AUTHENTICATE", 0x88: "INTERNAL AUTHENTICATE (active authentication)" };

/** The package yubikey-manager: yubikit/management, yubiotp, oath, hsmauth. */
const yubicoManagement: Names = { 0x16: "SET MODE", 0x1c: "WRITE CONFIG", 0x1d: "READ CONFIG", 0x1f: "DEVICE RESET" };
const yubicoOtp: Names = { 0x01: "OTP SLOT COMMAND", 0x03: "OTP READ STATUS" };
const yubicoOath: Names = {
  0x01: "OATH PUT",
  0x02: "OATH DELETE",
  0x03: "OATH SET CODE",
  0x04: "OATH RESET",
  0x05: "OATH RENAME",
  0xa1: "OATH LIST",
  0xa2: "OATH CALCULATE",
  0xa3: "OATH VALIDATE",
  0xa4: "OATH CALCULATE ALL",
  0xa5: "OATH SEND REMAINING",
};
const yubicoHsmAuth: Names = {
  0x01: "HSMAUTH PUT",
  0x02: "HSMAUTH DELETE",
  0x03: "HSMAUTH CALCULATE",
  0x04: "HSMAUTH GET CHALLENGE",
  0x05: "HSMAUTH LIST",
  0x06: "HSMAUTH RESET",
  0x07: "HSMAUTH GET VERSION",
  0x08: "HSMAUTH PUT MANAGEMENT KEY",
  0x09: "HSMAUTH GET MANAGEMENT KEY RETRIES",
  0x0a: "HSMAUTH GET PUBLIC KEY",
  0x0b: "HSMAUTH CHANGE CREDENTIAL PASSWORD",
};

/** FIDO U2F raw message formats, 3.1; Client to Authenticator Protocol 2.1, 11.3. */
const fido: Names = {
  0x01: "U2F REGISTER",
  0x02: "U2F AUTHENTICATE",
  0x03: "U2F VERSION",
  0x10: "CTAP MSG",
  0x11: "CTAP GET RESPONSE",
  0x12: "CTAP CONTROL",
};

/** TRANSPARENT EXCHANGE by P2. PC/SC part 3, supplement, 2.1. */
const transparent: Names = { 0: "MANAGE SESSION", 1: "TRANSPARENT EXCHANGE", 2: "SWITCH PROTOCOL" };

const UNKNOWN = "unknown instruction";

/**
 * Names a command, for the application that is selected.
 *
 * A name is made of nothing but what a redacted command shows of the header, and of an instruction of the application that is
 * selected. So it tells no byte of a PIN that was sent in place of a command.
 *
 * @param command the bytes of a command APDU
 * @param application identifier of the application that is selected, where it is known
 * @returns the name that the application's standard has for it; `unknown instruction` where there is none
 */
export function commandName(command: Uint8Array, application: Uint8Array | undefined): string {
  checkBytes(command, "commandName: command");
  if (application !== undefined) checkBytes(application, "commandName: application");
  return nameOfShown(command, describeCommandBytes(command), application);
}

/** The part of the header that is shown: `00 20 00 81`, or less. @param shown the command as it may be shown */
export function shownHeader(shown: string): string {
  const [digits = ""] = /^(?:[0-9A-F]{2}(?: |$)){0,4}/.exec(shown) ?? [];
  return digits.trimEnd();
}

/** @param shown the command as it may be shown: `00 20 00 81 [4 bytes withheld]` */
export function nameOfShown(command: Uint8Array, shown: string, application: Uint8Array | undefined): string {
  const [cla, ins, p1, p2] = hexBytes(shownHeader(shown).replaceAll(" ", ""));
  const p1p2 = p1 === undefined || p2 === undefined ? undefined : (p1 << 8) | p2;
  const isKnown = cla !== undefined && ins !== undefined;
  if (isKnown && cla === 0xff) return `reader: ${readerName(ins, p2) ?? UNKNOWN}`;
  if (isKnown && cla === 0xa0) return sim[ins] ?? instructionName(0, ins) ?? UNKNOWN;
  const [sentCla = 0, sentIns = 0] = command;
  const kind = application && applicationOf(application)?.kind;
  // Where no application is known, bytes that are not shown may be a frame of a tag, or anything else.
  const own = isKnown || kind !== undefined ? ofApplication(kind, sentIns, p1p2, sentCla) : undefined;
  return own ?? (isKnown ? standardName(cla, ins, p1p2) : undefined) ?? UNKNOWN;
}

function readerName(ins: number, p2: number | undefined): string | undefined {
  return (ins === 0xc2 ? transparent[p2 ?? 1] : undefined) ?? instructionName(0xff, ins);
}

function standardName(cla: number, ins: number, p1p2: number | undefined): string | undefined {
  const name = instructionName(cla, ins);
  if (ins !== instructions.PERFORM_SECURITY_OPERATION || p1p2 === undefined) return name;
  const operation = securityOperations[p1p2];
  return operation === undefined ? name : `PSO: ${operation}`;
}

function ofApplication(
  kind: ApplicationKind | undefined,
  ins: number,
  p1p2: number | undefined,
  cla: number,
): string | undefined {
  const classByte = decodeClassByte(cla);
  const isProprietary = classByte.kind === "proprietary";
  if (!isProprietary && classByte.kind !== "interindustry") return undefined;
  switch (kind) {
    case "piv":
      return piv[ins] ?? inWords("PIV", nameOfNumber(pivYubicoInstructions, ins));
    case "openpgp":
      return (
        inWords("OpenPGP", nameOfNumber(openPgpInstructions, ins)) ??
        inWords("OpenPGP", nameOfNumber(openPgpYubicoInstructions, ins))
      );
    case "emv":
      return isProprietary ? emv[ins] : undefined;
    case "travel-document":
      return (
        (ins === instructions.MANAGE_SECURITY_ENVIRONMENT ? travelEnvironments[p1p2 ?? 0] : undefined) ??
        travelDocument[ins]
      );
    case "usim":
      return (isProprietary ? usimProprietary : usim)[ins];
    case "yubico-management":
      return yubicoManagement[ins];
    case "yubico-otp":
      return yubicoOtp[ins];
    case "yubico-oath":
      return ins === 0xa4 && (p1p2 ?? 0) >> 8 === 0x04 ? undefined : yubicoOath[ins];
    case "yubico-hsm-auth":
      return yubicoHsmAuth[ins];
    case "fido":
      return fido[ins];
    case "global-platform":
    case undefined:
      // Where no application is known, what has the class is mostly for the manager of the card.
      return isProprietary ? globalPlatform[ins] : undefined;
    default:
      return undefined;
  }
}

function inWords(application: string, name: string | undefined): string | undefined {
  return name && `${application} ${name.replaceAll("_", " ")}`;
}
