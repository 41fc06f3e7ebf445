// SPDX-License-Identifier: MIT

import { shown } from "../binary/index.ts";

/** The number that these bytes are, the most significant first; 0 for none. At most six of them make an exact number. */
export function bigEndianNumber(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/**
 * A number in as few bytes as hold it, the most significant first.
 *
 * @param least and `most` bytes
 * @param name what it is, for the message
 * @throws RangeError for what is not a whole number that these bytes hold
 */
export function bigEndianBytes(value: number, least: number, most: number, name: string): readonly number[] {
  if (!Number.isInteger(value) || value < 0 || value >= 256 ** most) {
    throw new RangeError(`${name} is 0 to ${256 ** most - 1}, not ${shown(value)}`);
  }
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length < least; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
}
