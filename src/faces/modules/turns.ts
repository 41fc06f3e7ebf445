// SPDX-License-Identifier: MIT

import { abortedError, type Clock, timedOut, type WaitOptions, within } from "../../port/index.ts";
import type { FailurePlace } from "./failures.ts";

/**
 * The outcome of work that others do, or an error as soon as the caller has waited enough. The work goes on.
 *
 * @throws cancelled (the signal), timeout, what the work throws
 */
export async function orGiveUp<T>(
  clock: Clock,
  work: Promise<T>,
  { signal, timeoutMs }: WaitOptions,
  place: FailurePlace,
): Promise<T> {
  const bounded =
    timeoutMs === undefined
      ? work
      : within(clock, timeoutMs, place.operation, work, () => {
          throw timedOut(place.operation, place);
        });
  if (signal === undefined) return bounded;
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(abortedError(place.operation, signal, { reader: place.reader }));
    if (signal.aborted) aborted();
    signal.addEventListener("abort", aborted, { once: true });
    bounded.finally(() => signal.removeEventListener("abort", aborted)).then(resolve, reject);
  });
}

/** One after the other, in the order of the calls. */
export class Turns {
  readonly #clock: Clock;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs work when all earlier work is over.
   *
   * @param work gets what is left of the wait
   * @throws cancelled, timeout (it did not begin), what the work throws
   */
  async run<T>(work: (wait: WaitOptions) => Promise<T>, wait: WaitOptions, place: FailurePlace): Promise<T> {
    const { timeoutMs, ...rest } = wait;
    const end = timeoutMs === undefined ? undefined : this.#clock.now() + timeoutMs;
    const before = this.#last;
    let leave = (): void => undefined;
    this.#last = new Promise((resolve) => {
      leave = resolve;
    });
    try {
      await orGiveUp(this.#clock, before, wait, place);
    } catch (error) {
      void before.then(leave);
      throw error;
    }
    try {
      const left = end === undefined ? {} : { timeoutMs: Math.max(0, Math.ceil(end - this.#clock.now())) };
      return await work({ ...rest, ...left });
    } finally {
      leave();
    }
  }

  /** Settles when there is no work, and none has come meanwhile. */
  async idle(): Promise<void> {
    for (let seen: Promise<void> | undefined; seen !== this.#last; ) {
      seen = this.#last;
      await seen;
    }
  }
}
