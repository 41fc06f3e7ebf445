// SPDX-License-Identifier: MIT

import { performance } from "node:perf_hooks";

/**
 * Keeps the event loop from sleeping for a moment after something has happened. A processor that has gone to sleep takes
 * tens of microseconds to wake, on a virtual machine above all; a program that talks to us request by request would pay
 * that for every answer. The loop looks for new events instead, without waiting for them, and goes to sleep when none
 * has come for a while.
 */
export class Wakefulness {
  readonly #awakeMs: number;
  #until = 0;
  #looking = false;

  /** @param awakeMs how long the loop stays awake after the last event, in milliseconds; 0 for not at all */
  constructor(awakeMs: number) {
    this.#awakeMs = awakeMs;
  }

  /** Something has happened: the next thing is likely to follow soon. */
  stir(): void {
    if (this.#awakeMs === 0) return;
    this.#until = performance.now() + this.#awakeMs;
    if (this.#looking) return;
    this.#looking = true;
    setImmediate(this.#look);
  }

  readonly #look = (): void => {
    if (performance.now() < this.#until) setImmediate(this.#look);
    else this.#looking = false;
  };
}
