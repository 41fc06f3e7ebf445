// SPDX-License-Identifier: MIT

import {
  type CancelTimer,
  type Clock,
  MAX_TIMER_MS,
  type Random,
  type Runtime,
  type RuntimeOptions,
  runtimeOf,
} from "../../port/index.ts";

/** The most bytes that a browser gives in one call. Web Cryptography API, getRandomValues. */
const MAX_RANDOM_BYTES = 65_536;

const clock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  schedule(delayMs, _name, callback): CancelTimer {
    let timer: ReturnType<typeof setTimeout>;
    const arm = (remainingMs: number): void => {
      // A browser fires longer timers at once; they are waited for in steps.
      const stepMs = Math.min(remainingMs, MAX_TIMER_MS);
      timer = setTimeout(() => (remainingMs > stepMs ? arm(remainingMs - stepMs) : callback()), stepMs);
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  },
  breathe: () => new Promise((resolve) => void setTimeout(resolve)),
};

const random: Random = {
  bytes(length) {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += MAX_RANDOM_BYTES) {
      crypto.getRandomValues(bytes.subarray(at, at + MAX_RANDOM_BYTES));
    }
    return bytes;
  },
};

/**
 * The runtime of a page or a worker: its clock, the browser's randomness, and a trace that goes where `trace` sends it.
 *
 * Portability: a browser delays the timers of a page in the background, up to a second and more, so that a card that is
 * awaited there may be seen late.
 */
export function browserRuntime(options: RuntimeOptions = {}): Runtime {
  return runtimeOf({ clock, random }, options, "browserRuntime");
}
