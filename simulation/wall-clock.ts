// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock, ScheduleOptions } from "../src/pcsc/index.ts";

/** The clocks of a machine whose wall clock is set, and goes wrong; the other one does what it did. */
export class WallClock implements Clock {
  readonly #inner: Clock;
  readonly #driftPpm: number;
  #offsetMs = 0;

  constructor(inner: Clock, driftPpm: number) {
    this.#inner = inner;
    this.#driftPpm = driftPpm;
  }

  now(): number {
    return this.#inner.now();
  }

  wallTime(): number {
    return this.#inner.wallTime() + this.#offsetMs + (this.#inner.now() * this.#driftPpm) / 1_000_000;
  }

  schedule(delayMs: number, name: string, callback: () => void, options?: ScheduleOptions): CancelTimer {
    return this.#inner.schedule(delayMs, name, callback, options);
  }

  jump(ms: number): void {
    this.#offsetMs += ms;
  }
}
