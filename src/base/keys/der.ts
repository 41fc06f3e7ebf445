// SPDX-License-Identifier: MIT

import { concatBytes } from "../binary/index.ts";

/** Tags of DER. ITU-T X.690, 8. */
export const TAG_INTEGER = 0x02;
export const TAG_BIT_STRING = 0x03;
export const TAG_NULL = 0x05;
export const TAG_OBJECT_IDENTIFIER = 0x06;
export const TAG_SEQUENCE = 0x30;

/** A number without leading zeros. */
export function withoutZeros(bytes: Uint8Array): Uint8Array {
  const from = bytes.findIndex((byte) => byte !== 0);
  return from < 0 ? new Uint8Array(0) : bytes.subarray(from);
}

/** The value of an INTEGER: the number without leading zeros, and with one where it would be negative. */
export function integerValue(number: Uint8Array): Uint8Array {
  const digits = withoutZeros(number);
  const needsZero = digits.length === 0 || ((digits[0] ?? 0) & 0x80) !== 0;
  return needsZero ? concatBytes(Uint8Array.of(0), digits) : digits;
}
