// SPDX-License-Identifier: MIT

import { type ByteCursor, concatBytes } from "../../base/binary/index.ts";

/** uint32. RFC 4251, 5. */
export function sshNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** string: its length, then its bytes; text is UTF-8. RFC 4251, 5. */
export function sshString(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return concatBytes(sshNumber(bytes.length), bytes);
}

/** mpint of a number without sign, given as big-endian bytes. RFC 4251, 5. */
export function sshInteger(number: Uint8Array): Uint8Array {
  const start = number.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? new Uint8Array(0) : number.subarray(start);
  const isNegative = ((digits[0] ?? 0) & 0x80) !== 0;
  return sshString(concatBytes(new Uint8Array(isNegative ? 1 : 0), digits));
}

/** Reads a uint32. */
export function readSshNumber(cursor: ByteCursor, what: string): number {
  return cursor.u16be(what) * 0x1_0000 + cursor.u16be(what);
}

/** Reads a string. */
export function readSshString(cursor: ByteCursor, what: string): Uint8Array {
  return cursor.bytes(readSshNumber(cursor, `the length of ${what}`), what);
}
