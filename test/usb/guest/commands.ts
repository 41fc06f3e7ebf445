// SPDX-License-Identifier: MIT

/** A command that the models' card answers with its data field: short where it can be. */
export function echo(data: Uint8Array): Uint8Array {
  if (data.length === 0) return Uint8Array.of(0, 0xec, 0, 0);
  if (data.length < 255) return Uint8Array.of(0, 0xec, 0, 0, data.length, ...data, 0);
  return Uint8Array.of(0, 0xec, 0, 0, 0, data.length >> 8, data.length & 0xff, ...data, 0, 0);
}
