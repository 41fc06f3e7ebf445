// SPDX-License-Identifier: MIT

import {
  assert,
  type CancelTimer,
  type Clock,
  callback,
  optional,
  optionsOf,
  type Random,
  type Runtime,
  refuse,
  shown,
  type TraceEvent,
  wholeNumber,
} from "../../port/index.ts";
import { TimerQueue } from "./timer-queue.ts";

/** Options of a simulated runtime. */
export interface SimulatedRuntimeOptions {
  /**
   * Resolves when every promise callback that is due has run: `() => new Promise(setImmediate)` on Node. It is asked
   * between timers, so that what a timer sets off is over before the next one fires.
   */
  readonly settle: () => Promise<unknown>;
  /** Whole number that the random bytes follow from; 1 by default. */
  readonly seed?: number;
}

const simulatedOptions = optionsOf<SimulatedRuntimeOptions>({
  settle: callback<SimulatedRuntimeOptions["settle"]>("a function: () => new Promise(setImmediate)"),
  seed: optional(wholeNumber(-0x8000_0000, 0xffff_ffff)),
});

/**
 * A runtime whose time passes only when told, and whose random bytes follow from a seed: the same calls give the same
 * history.
 */
export class SimulatedRuntime implements Runtime {
  readonly clock: Clock;
  readonly random: Random;
  /** Everything traced so far. */
  readonly events: TraceEvent[] = [];
  readonly trace = (event: TraceEvent): void => {
    this.events.push(event);
  };
  readonly #settle: () => Promise<unknown>;
  readonly #timers = new TimerQueue();
  #now = 0;

  constructor(options: SimulatedRuntimeOptions) {
    const checked = simulatedOptions(options, { operation: "SimulatedRuntime", path: "options" });
    this.#settle = checked.settle;
    this.random = seededRandom(checked.seed ?? 1);
    this.clock = {
      now: () => this.#now,
      wallTime: () => 1_700_000_000_000 + this.#now,
      schedule: (delayMs, name, callback) => this.#schedule(delayMs, name, callback),
    };
  }

  /** Names of the timers that are set, soonest first: what is left when everything should be over is a leak. */
  get pendingTimers(): string[] {
    return this.#timers.inOrder().map((timer) => timer.name);
  }

  /** Lets everything run that is due now, without any time passing. */
  async settle(): Promise<void> {
    await this.#settle();
  }

  /** Lets `ms` milliseconds pass; timers fire in order, each when the one before has had its effect. */
  async advance(ms: number): Promise<void> {
    if (typeof ms !== "number" || !(ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
      refuse({ operation: "advance", path: "ms" }, shown(ms), "give milliseconds, 0 or more");
    }
    const end = this.#now + ms;
    await this.#settle();
    for (let next = this.#timers.takeBy(end); next !== undefined; next = this.#timers.takeBy(end)) {
      this.#now = Math.max(this.#now, next.due);
      next.callback();
      await this.#settle();
    }
    this.#now = end;
  }

  #schedule(delayMs: number, name: string, callback: () => void): CancelTimer {
    assert(delayMs >= 0, `the timer "${name}" is to fire in ${delayMs} ms`);
    return this.#timers.add(this.#now + delayMs, name, callback);
  }
}

/** Bytes that follow from a seed (the mulberry32 generator). For tests: they are predictable. */
export function seededRandom(seed: number): Random {
  wholeNumber(0, 0xffff_ffff)(seed, { operation: "seededRandom", path: "seed" });
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    bytes: (length) => {
      const bytes = new Uint8Array(length);
      for (let index = 0; index < length; index++) bytes[index] = next() >>> 24;
      return bytes;
    },
  };
}
