// SPDX-License-Identifier: MIT

import type { Clock } from "../../../port/index.ts";

/** For so long tasks are done before the event loop has a turn, in milliseconds. */
const AT_ONCE_MS = 0.25;

/**
 * Does what has no hurry, a little in each turn of the event loop, in the order in which it came: a thousand descriptors to
 * close at once must not keep those waiting who are served.
 */
export class DeferredTasks {
  readonly #clock: Clock;
  readonly #tasks: (() => void)[] = [];
  #spentMs = 0;
  #waiting = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does it at once, unless much was done in this turn. It must not throw. */
  add(task: () => void): void {
    if (this.#waiting) this.#tasks.push(task);
    else this.#do(task);
  }

  #do(task: () => void): void {
    const began = this.#clock.now();
    task();
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
    while (!this.#waiting && done < this.#tasks.length) {
      const task = this.#tasks[done++];
      if (task !== undefined) this.#do(task);
    }
    this.#tasks.splice(0, done);
  }
}
