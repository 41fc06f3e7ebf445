// SPDX-License-Identifier: MIT

import { checkBytes } from "./check-bytes.ts";
import { checkText, checkWhole } from "./check-values.ts";

/** More bytes do not make an exact number. */
const MAX_BYTES = 6;

/**
 * The number that these bytes are, the most significant first; 0 for none. At most six of them make an exact number.
 *
 * @throws TypeError (not bytes)
 */
export function bigEndianNumber(bytes: Uint8Array): number {
  checkBytes(bytes, "bigEndianNumber: bytes");
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/**
 * A number in as few bytes as hold it, the most significant first.
 *
 * @param least fewest bytes, 0 to 6
 * @param most most bytes, 0 to 6
 * @param name what it is, for the message
 * @throws RangeError for what is not a whole number that these bytes hold; TypeError for another kind of value
 */
export function bigEndianBytes(value: number, least: number, most: number, name: string): readonly number[] {
  checkText(name, "bigEndianBytes: name");
  checkWhole(least, 0, MAX_BYTES, "bigEndianBytes: least");
  checkWhole(most, 0, MAX_BYTES, "bigEndianBytes: most");
  checkWhole(value, 0, 256 ** most - 1, name);
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length < least; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
}
