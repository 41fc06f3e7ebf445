// SPDX-License-Identifier: MIT

import { randomFillSync } from "node:crypto";
import { performance } from "node:perf_hooks";
// Node's own, even where a test has replaced it with a clock that stands still.
import { setImmediate as nextTurn, setTimeout as nodeTimeout } from "node:timers";
import {
  type CancelTimer,
  type Clock,
  MAX_TIMER_MS,
  type Random,
  type Runtime,
  type RuntimeOptions,
  runtimeOf,
} from "../../../port/index.ts";
import { CoarseTimers } from "./coarse-timers.ts";

/** Node's timers count whole milliseconds, and can fire that much before their time by the clock. */
const GRAIN_MS = 2;

/**
 * This machine's clock, or that of the test that has replaced `setTimeout`. Fake timers have their own clock, and most of them
 * replace `performance` with it: this clock then follows that one. Where they do not, a timer that fires long before
 * its time takes the clock along, so that what is due by the timers is due by the clock as well.
 */
function makeClock(): Clock {
  let source: { now(): number } = performance;
  /** What this clock is ahead of its source, in milliseconds. */
  let aheadMs = 0;
  /** It is at least so late: the clock has said so, or a timer that was due then has fired. */
  let atLeast = 0;
  const now = (): number => {
    const current = globalThis.performance;
    if (current !== source) {
      // Fake clocks begin at 0, and this machine's has gone on meanwhile.
      source = current;
      aheadMs = atLeast - source.now();
    }
    atLeast = Math.max(source.now() + aheadMs, atLeast);
    return atLeast;
  };
  const passed = (due: number): void => {
    const earlyMs = due - now();
    if (earlyMs > GRAIN_MS) aheadMs += earlyMs;
    atLeast = Math.max(atLeast, due);
  };
  const coarseTimers = new CoarseTimers();
  return {
    now,
    wallTime: () => Date.now(),
    schedule(delayMs, _name, callback, { background = false, coarse = false } = {}): CancelTimer {
      // Fake timers have to know of each.
      const mayBeLate = coarse && delayMs >= CoarseTimers.leastMs && globalThis.setTimeout === nodeTimeout;
      if (mayBeLate) return coarseTimers.add(delayMs, callback, background);
      // A program that compares a deadline with this timer has read the clock before, so that the last reading is enough.
      const due = atLeast + delayMs;
      // A timer is ended by the functions that made it, also where `clearTimeout` was replaced since.
      let end = (): void => {};
      const arm = (remainingMs: number): void => {
        const { clearTimeout, setTimeout } = globalThis;
        const stepMs = Math.min(remainingMs, MAX_TIMER_MS);
        const fire = (): void => {
          if (remainingMs > stepMs) {
            arm(remainingMs - stepMs);
            return;
          }
          passed(due);
          callback();
        };
        const timer = setTimeout(fire, stepMs);
        end = () => clearTimeout(timer);
        // Not every fake timer knows it.
        if (background) timer.unref?.();
      };
      arm(delayMs);
      return () => end();
    },
    breathe: () => new Promise((resolve) => void nextTurn(resolve)),
    ...(loopTurns() !== undefined && { turns: () => loopTurns() ?? 0 }),
  };
}

/** Since Node 20.18 and 22.8. Counts while the loop runs. */
function loopTurns(): number | undefined {
  const { uvMetricsInfo } = performance.nodeTiming as { readonly uvMetricsInfo?: { readonly loopCount: number } };
  return uvMetricsInfo?.loopCount;
}

/** This machine's clock. */
export const nodeClock: Clock = makeClock();

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
    // They are used once, and then cleared.
    this.#block.fill(0, this.#used, this.#used + length);
    this.#used += length;
    return bytes;
  }
}

/** The runtime of a Node process: its clock, the system's randomness, and a trace that goes where `trace` sends it. */
export function nodeRuntime(options: RuntimeOptions = {}): Runtime {
  return runtimeOf({ clock: nodeClock, random: new SystemRandom() }, options, "nodeRuntime");
}
