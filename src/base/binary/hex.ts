// SPDX-License-Identifier: MIT

import { checkBytes } from "./check-bytes.ts";
import { checkText, checkWhole } from "./check-values.ts";
import { failure, type Result, success } from "./result.ts";

const digits: readonly string[] = Array.from({ length: 256 }, (_, value) =>
  value.toString(16).padStart(2, "0").toUpperCase(),
);

/**
 * Writes bytes as upper-case hexadecimal, two digits a byte, with `separator` between bytes (none by default).
 *
 * @throws TypeError (bytes that are no Uint8Array, a separator that is no string)
 */
export function encodeHex(bytes: Uint8Array, separator = ""): string {
  checkBytes(bytes, "encodeHex: bytes");
  checkText(separator, "encodeHex: separator");
  let text = "";
  for (let index = 0; index < bytes.length; index++) {
    if (index > 0) text += separator;
    text += digits[bytes[index] as number];
  }
  return text;
}

/** Writes one byte as two upper-case hexadecimal digits. @throws RangeError (not 0 to 255), TypeError (not a number) */
export function hexByte(value: number): string {
  checkWhole(value, 0, 0xff, "hexByte: value");
  return digits[value] as string;
}

/** Writes 16 bits as four upper-case hexadecimal digits. @throws RangeError (not 0 to 65535), TypeError (not a number) */
export function hexWord(value: number): string {
  checkWhole(value, 0, 0xffff, "hexWord: value");
  return value.toString(16).toUpperCase().padStart(4, "0");
}

/**
 * Writes a number of 32 bits as `0x` and eight upper-case digits: how messages show return codes, control codes and attributes.
 *
 * @param value unsigned, or signed as C code may have it
 * @throws RangeError (not a number of 32 bits), TypeError (not a number)
 */
export function hexDword(value: number): string {
  checkWhole(value, -0x8000_0000, 0xffff_ffff, "hexDword: value");
  return `0x${(value >>> 0).toString(16).toUpperCase().padStart(8, "0")}`;
}

/**
 * Reads hexadecimal text, in either case. Blanks, colons and hyphens between bytes and a leading `0x` are accepted,
 * as people paste them. The error gives the position in the text, and never the text itself: it may hold a PIN.
 */
export function decodeHex(text: string): Result<Uint8Array> {
  checkText(text, "decodeHex: text");
  const start = /^\s*0x/i.exec(text)?.[0].length ?? 0;
  const bytes = new Uint8Array((text.length - start) >> 1);
  let length = 0;
  let high = -1;
  for (let index = start; index < text.length; index++) {
    const character = text.charCodeAt(index);
    const value = hexValue(character);
    if (value >= 0) {
      if (high < 0) high = value;
      else {
        bytes[length++] = (high << 4) | value;
        high = -1;
      }
    } else if (!isSeparator(character) || high >= 0) {
      return failure(`not a hexadecimal digit at position ${index + 1}`, index);
    }
  }
  if (high >= 0) return failure("an odd number of hexadecimal digits: the last byte has one digit only", text.length);
  return success(bytes.slice(0, length));
}

/**
 * The bytes of hexadecimal text in a program: {@link decodeHex} that throws instead of returning an error.
 * `decodeHex` of the package's root, `scard`, is this function.
 *
 * @throws TypeError (not a string); SyntaxError, with the position and never the text: it may hold a PIN
 */
export function hexBytes(text: string): Uint8Array {
  checkText(text, "the hexadecimal text");
  const decoded = decodeHex(text);
  if (decoded.ok) return decoded.value;
  throw new SyntaxError(`the text is not hexadecimal: ${decoded.error.message}`);
}

function hexValue(character: number): number {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  const lower = character | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function isSeparator(character: number): boolean {
  return character === 0x20 || character === 0x3a || character === 0x2d || (character >= 0x09 && character <= 0x0d);
}
