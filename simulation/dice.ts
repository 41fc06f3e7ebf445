// SPDX-License-Identifier: MIT

import { seededRandom } from "../src/testing/runtime/index.ts";

/** Random draws from a seed: the same seed gives the same draws, on every machine. */
export class Dice {
  readonly #bytes: (length: number) => Uint8Array;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#bytes = (length) => random.bytes(length);
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#bytes(4);
    return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) % limit;
  }

  /** True in so many of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }

  /** One of the entries, each as often as its weight says. */
  weighted<T>(entries: readonly (readonly [weight: number, value: T])[]): T {
    let rest = this.below(entries.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, value] of entries) {
      if (rest < weight) return value;
      rest -= weight;
    }
    throw new Error("nothing to pick from");
  }
}
