// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock, ScheduleOptions } from "../src/port/index.ts";

/** The clocks of a machine whose wall clock is set and drifts; the monotonic one is not affected. */
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

  /** The same clock, on which the event loop has turns: what comes after one comes when all that is due has happened. */
  breathing(): Clock {
    return {
      now: () => this.now(),
      wallTime: () => this.wallTime(),
      schedule: (delayMs, name, callback, options) => this.schedule(delayMs, name, callback, options),
      breathe: () => new Promise((resolve) => this.schedule(0, "turn of the event loop", resolve)),
    };
  }

  jump(ms: number): void {
    this.#offsetMs += ms;
  }
}
