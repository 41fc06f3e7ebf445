// SPDX-License-Identifier: MIT

import { concatBytes } from "../../src/base/binary/index.ts";
import type { Dice } from "./dice.ts";
import type { FuzzTarget } from "./target.ts";

/** Numbers at whose edges code goes wrong. */
const edges = [0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0xfe, 0xff];

/**
 * Changes an input in one to eight ways: bits and bytes, numbers of one to four bytes, pieces taken out, doubled, moved or taken
 * from another input, words of the target's dictionary.
 */
export function mutate(
  input: Uint8Array,
  others: readonly Uint8Array[],
  target: Pick<FuzzTarget, "dictionary" | "maxBytes">,
  dice: Dice,
): Uint8Array {
  let bytes: Uint8Array = input.slice();
  for (let count = 1 << dice.below(4); count > 0; count--) bytes = mutateOnce(bytes, others, target, dice);
  return bytes.length > target.maxBytes ? bytes.slice(0, target.maxBytes) : bytes;
}

function mutateOnce(
  bytes: Uint8Array,
  others: readonly Uint8Array[],
  { dictionary = [], maxBytes }: Pick<FuzzTarget, "dictionary" | "maxBytes">,
  dice: Dice,
): Uint8Array {
  const { length } = bytes;
  const at = dice.below(length + 1);
  const span = 1 + dice.below(dice.chance(80) ? 8 : Math.max(1, length));
  if (length === 0) return dice.bytes(1 + dice.below(16));
  switch (dice.below(12)) {
    case 0:
      return changed(bytes, at, (byte) => byte ^ (1 << dice.below(8)));
    case 1:
      return changed(bytes, at, () => dice.below(256));
    case 2:
      return changed(bytes, at, () => dice.pick(edges));
    case 3:
      return changed(bytes, at, (byte) => byte + dice.below(9) - 4);
    case 4:
      return spliced(bytes, at, span, new Uint8Array(0));
    case 5:
      return spliced(bytes, at, 0, dice.bytes(span));
    case 6:
      return spliced(bytes, at, 0, bytes.subarray(dice.below(length)).subarray(0, span));
    case 7:
      return number(bytes, at, dice);
    case 8:
      return dictionary.length === 0 ? bytes : spliced(bytes, at, dice.chance(50) ? span : 0, dice.pick(dictionary));
    case 9:
      return others.length === 0 ? bytes : crossed(bytes, dice.pick(others), dice);
    case 10:
      return bytes.slice(0, at);
    default:
      return repeated(bytes, at, Math.min(dice.pick([2, 4, 16, 64, 300]), maxBytes), dice);
  }
}

function changed(bytes: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const index = at % bytes.length;
  bytes[index] = change(bytes[index] ?? 0);
  return bytes;
}

function spliced(bytes: Uint8Array, at: number, without: number, put: Uint8Array): Uint8Array {
  return concatBytes(bytes.subarray(0, at), put, bytes.subarray(at + without));
}

/** Writes a number of two or four bytes over what is there, in either byte order: often one that is a length here. */
function number(bytes: Uint8Array, at: number, dice: Dice): Uint8Array {
  const size = dice.pick([2, 4]);
  if (bytes.length < size) return bytes;
  const value = dice.pick([0, 1, bytes.length, bytes.length - 1, 0x7fff_ffff, 0xffff_ffff, 0x8000, 65_548, 65_549]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offset = at % (bytes.length - size + 1);
  if (size === 2) view.setUint16(offset, value & 0xffff, dice.chance(50));
  else view.setUint32(offset, value, dice.chance(50));
  return bytes;
}

/** The beginning of one and the end of another. */
function crossed(bytes: Uint8Array, other: Uint8Array, dice: Dice): Uint8Array {
  return concatBytes(bytes.subarray(0, dice.below(bytes.length + 1)), other.subarray(dice.below(other.length + 1)));
}

function repeated(bytes: Uint8Array, at: number, times: number, dice: Dice): Uint8Array {
  const piece = bytes.subarray(at, at + 1 + dice.below(4));
  const run = new Uint8Array(piece.length * times);
  for (let offset = 0; offset < run.length; offset += piece.length) run.set(piece, offset);
  return spliced(bytes, at, 0, run);
}
