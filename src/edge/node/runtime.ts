// SPDX-License-Identifier: MIT

import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { CancelTimer, Clock, Runtime, Trace } from "../../pcsc/index.ts";

/** Node fires longer timers at once; they are waited for in steps. */
const maxTimerMs = 2 ** 31 - 1;

/** This machine's clock. */
export const nodeClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  schedule(delayMs, _name, callback, background = false): CancelTimer {
    const due = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      timer = setTimeout(
        () => {
          const leftMs = due - performance.now();
          if (leftMs > 1) arm(leftMs);
          else callback();
        },
        Math.min(remainingMs, maxTimerMs),
      );
      if (background) timer.unref();
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  },
};

/** The runtime of a Node process: its clock, the system's randomness, and a trace that goes where `trace` sends it. */
export function nodeRuntime(options: { readonly trace?: Trace } = {}): Runtime {
  return {
    clock: nodeClock,
    random: { bytes: (length) => new Uint8Array(randomBytes(length)) },
    trace: options.trace ?? (() => {}),
  };
}
