// SPDX-License-Identifier: MIT

/** The error detection code at the end of a block. ISO/IEC 7816-3:2006, 11.3.4. */
export type ErrorDetectionCode = "lrc" | "crc";

/** Length of the code, in bytes. */
export const edcBytes: Readonly<Record<ErrorDetectionCode, number>> = { lrc: 1, crc: 2 };

/** x^16 + x^12 + x^5 + 1, lowest bit first. */
const REFLECTED_POLYNOMIAL = 0x8408;

/**
 * Computes the code over prologue and information.
 *
 * The CRC starts with FFFF, is not complemented, and its high byte goes first. 7816-3 refers to ISO/IEC 13239, which leaves
 * room here: this is what libccid sends, what readers pass on unchanged, and what cards for it expect.
 */
export function errorDetection(kind: ErrorDetectionCode, bytes: Uint8Array): Uint8Array {
  if (kind === "lrc") return Uint8Array.of(bytes.reduce((sum, byte) => sum ^ byte, 0));
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >> 1 : (crc >> 1) ^ REFLECTED_POLYNOMIAL;
  }
  return Uint8Array.of(crc >> 8, crc & 0xff);
}
