// SPDX-License-Identifier: MIT

/**
 * Draws that follow from a seed (the mulberry32 generator). The simulator has dice of its own; these draw several times for
 * each input, a hundred thousand times a second.
 */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    const state = this.#state;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** True in so many of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error("nothing to pick from");
    // Undefined may be one of the choices.
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) bytes[index] = this.below(256);
    return bytes;
  }
}

/** A number that follows from bytes (FNV-1a, 32 bits): for draws that belong to an input. */
export function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c_9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x0100_0193) >>> 0;
  return hash;
}

/** Cuts bytes into pieces, the same pieces for the same bytes: most of them short, some empty. */
export function piecesOf(bytes: Uint8Array): Uint8Array[] {
  const dice = new Dice(hashOf(bytes));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = dice.chance(80) ? dice.below(12) : dice.below(bytes.length - at + 1);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}
