// SPDX-License-Identifier: MIT

import { bytes, pad, type Result, struct, success, u8 } from "../../base/binary/index.ts";

/** GET_FIRMWARE_FEATURES of Gemalto readers: escape command 6A. libccid, src/ccid.h, GEMALTO_FIRMWARE_FEATURES. */
const layout = struct("GEMALTO_FIRMWARE_FEATURES", {
  bLogicalLCDLineNumber: u8,
  bLogicalLCDRowNumber: u8,
  bLcdInfo: u8,
  bEntryValidationCondition: u8,
  features: bytes(4),
  flags: u8,
  rfu3: pad(3),
  versionNumber: u8,
  minimumPinSize: u8,
  maximumPinSize: u8,
  firewall: u8,
  firewalledCommand: bytes(2),
  rfu6: pad(3),
});

/** In hexadecimal: the command, and the one that tells the firmware's name. */
export const GET_FIRMWARE_FEATURES = "6A";
export const GET_FIRMWARE_NAME = "02";

/** Bit of the flags: bNumberMessage of PIN modification is read as CCID says. */
const NUMBER_MESSAGE_FIX = 0x04;

/** What a Gemalto reader tells of its PIN pad. */
export interface FirmwareFeatures {
  /** Bits of bEntryValidationCondition that it takes. */
  readonly entryValidationCondition: number;
  readonly numberMessageFix: boolean;
  readonly minDigits: number;
  readonly maxDigits: number;
}

/** Reads the answer to {@link GET_FIRMWARE_FEATURES}. */
export function decodeFirmwareFeatures(answer: Uint8Array): Result<FirmwareFeatures> {
  const decoded = layout.decode(answer);
  if (!decoded.ok) return decoded;
  const { bEntryValidationCondition, flags, minimumPinSize, maximumPinSize } = decoded.value;
  return success({
    entryValidationCondition: bEntryValidationCondition,
    numberMessageFix: (flags & NUMBER_MESSAGE_FIX) !== 0,
    minDigits: minimumPinSize,
    maxDigits: maximumPinSize,
  });
}
