// SPDX-License-Identifier: MIT

import { BLOCK_BYTES } from "./classic-layout.ts";

/** A number in a value block, and the byte that programs keep an address in. */
export interface StoredValue {
  /** -2^31 to 2^31 - 1 */
  readonly value: number;
  readonly address: number;
}

const MIN_VALUE = -0x8000_0000;
const MAX_VALUE = 0x7fff_ffff;

/** A value stands three times, the second time inverted; its address four times, twice inverted. NXP MF1S50yyX data sheet, 8.6.2.1 */
export function encodeValue(value: number, address: number): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const view = new DataView(block.buffer);
  view.setInt32(0, value, true);
  view.setInt32(4, ~value, true);
  view.setInt32(8, value, true);
  block.set([address, address ^ 0xff, address, address ^ 0xff], 12);
  return block;
}

/** Undefined where the block does not hold a value. */
export function decodeValue(block: Uint8Array): StoredValue | undefined {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const [value, address = 0] = [view.getInt32(0, true), block[12]];
  return encodeValue(value, address).every((byte, at) => byte === block[at]) ? { value, address } : undefined;
}

/** Undefined where the sum is out of range. */
export function addToValue(value: number, change: number): number | undefined {
  const sum = value + change;
  return sum >= MIN_VALUE && sum <= MAX_VALUE ? sum : undefined;
}
