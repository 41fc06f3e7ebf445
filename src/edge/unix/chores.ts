// SPDX-License-Identifier: MIT

import type { Clock } from "../../pcsc/index.ts";

/** For so long chores are done before the event loop has a turn, in milliseconds. */
const AT_ONCE_MS = 0.25;

/**
 * Does what has no hurry, a little in each turn of the event loop, in the order in which it came: a thousand descriptors to
 * close at once must not keep those waiting who are served.
 */
export class Chores {
  readonly #clock: Clock;
  readonly #chores: (() => void)[] = [];
  #spentMs = 0;
  #waiting = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does it at once, unless much was done in this turn. It must not throw. */
  add(chore: () => void): void {
    if (this.#waiting) this.#chores.push(chore);
    else this.#do(chore);
  }

  #do(chore: () => void): void {
    const began = this.#clock.now();
    chore();
    this.#spentMs += this.#clock.now() - began;
    if (this.#spentMs >= AT_ONCE_MS) void this.#wait();
  }

  async #wait(): Promise<void> {
    this.#waiting = true;
    await this.#clock.breathe?.();
    this.#waiting = false;
    this.#spentMs = 0;
    // In their order; from the first that takes the time of this turn on they stay.
    let done = 0;
    while (!this.#waiting && done < this.#chores.length) {
      const chore = this.#chores[done++];
      if (chore !== undefined) this.#do(chore);
    }
    this.#chores.splice(0, done);
  }
}
