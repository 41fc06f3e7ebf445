// SPDX-License-Identifier: MIT

import { randomFillSync } from "node:crypto";
import { performance } from "node:perf_hooks";
import {
  type CancelTimer,
  type Clock,
  callback,
  optional,
  optionsOf,
  type Random,
  type Runtime,
  type Trace,
} from "../../pcsc/index.ts";

/** Node fires longer timers at once; they are waited for in steps. */
const maxTimerMs = 2 ** 31 - 1;

/** Taken before a test can put a clock of its own in its place: that one stands still. */
const nextTurn = setImmediate;

/** This machine's clock. */
export const nodeClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  schedule(delayMs, _name, callback, { background = false } = {}): CancelTimer {
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
  breathe: () => new Promise((resolve) => void nextTurn(resolve)),
};

/** The system's randomness, asked for in blocks: a call costs more than the bytes. */
class SystemRandom implements Random {
  readonly #block = new Uint8Array(1024);
  #used: number = this.#block.length;

  bytes(length: number): Uint8Array {
    if (length > this.#block.length) return randomFillSync(new Uint8Array(length));
    if (this.#used + length > this.#block.length) {
      randomFillSync(this.#block);
      this.#used = 0;
    }
    const bytes = this.#block.slice(this.#used, this.#used + length);
    // Nobody gets them twice, nor finds them in memory.
    this.#block.fill(0, this.#used, this.#used + length);
    this.#used += length;
    return bytes;
  }
}

const runtimeOptions = optionsOf<{ readonly trace?: Trace }>({
  trace: optional(callback<Trace>("a function that is told what happens")),
});

/** The runtime of a Node process: its clock, the system's randomness, and a trace that goes where `trace` sends it. */
export function nodeRuntime(options: { readonly trace?: Trace } = {}): Runtime {
  const checked = runtimeOptions(options, { operation: "nodeRuntime", path: "options" });
  return {
    clock: nodeClock,
    random: new SystemRandom(),
    trace: checked.trace ?? (() => {}),
  };
}
