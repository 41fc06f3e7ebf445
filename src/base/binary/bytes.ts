// SPDX-License-Identifier: MIT

import { checkBytes } from "./check-bytes.ts";

/** Joins parts into one new array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) {
    checkBytes(part, "concatBytes: a part");
    length += part.length;
  }
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Copies bytes into an array of their own, so that neither side can change the other's. */
export function copyBytes(bytes: Uint8Array): Uint8Array {
  checkBytes(bytes, "copyBytes: bytes");
  // Not bytes.slice(): on a Node Buffer that is a view, not a copy.
  return new Uint8Array(bytes);
}

/** Tells whether two arrays hold the same bytes. Not constant in time: do not compare secrets with it. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  checkBytes(a, "equalBytes: a");
  checkBytes(b, "equalBytes: b");
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Overwrites bytes with zeros: for buffers that held a PIN or a key. */
export function zeroBytes(bytes: Uint8Array): void {
  checkBytes(bytes, "zeroBytes: bytes");
  bytes.fill(0);
}
