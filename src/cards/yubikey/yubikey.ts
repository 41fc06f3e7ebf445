// SPDX-License-Identifier: MIT

import type { CardApplication, CardInterface } from "../applications/index.ts";
import { ManagementApplication } from "./management-application.ts";
import { OtpApplication } from "./otp-application.ts";
import type { TokenDescription } from "./token.ts";

/** The name that the reader of a YubiKey has, with its smart card interface alone: tools look for the first two words. */
export const YUBIKEY_READER_NAME = "Yubico YubiKey CCID 00 00";

/**
 * The ATR of a YubiKey 5: at its USB interface, or through the air.
 *
 * @see the package yubico-piv-tool, lib/ykpiv.h
 */
export function yubiKeyAtr(through: CardInterface = "contact"): Uint8Array {
  const historical = [0x80, 0x73, 0xc0, 0x21, 0xc0, 0x57, 0x59, 0x75, 0x62, 0x69, 0x4b, 0x65, 0x79];
  return through === "contact"
    ? Uint8Array.from([0x3b, 0xfd, 0x13, 0x00, 0x00, 0x81, 0x31, 0xfe, 0x15, ...historical, 0x40])
    : Uint8Array.from([0x3b, 0x8d, 0x80, 0x01, ...historical, 0xf9]);
}

/** The applications by which Yubico's programs learn what a token is: put them on the card beside the others. */
export function yubiKeyApplications(token: TokenDescription): readonly CardApplication[] {
  return [new ManagementApplication(token), new OtpApplication(token)];
}
