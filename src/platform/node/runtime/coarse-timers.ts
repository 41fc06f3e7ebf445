// SPDX-License-Identifier: MIT

import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers";
import type { CancelTimer } from "../../../port/index.ts";

/** How often it is looked which are due. */
const LOOK_MS = 500;

/** Where the time of these timers comes from. */
interface TimeSource {
  readonly now: () => number;
  readonly setTimeout: (callback: () => void, delayMs: number) => NodeJS.Timeout;
}

/** A timer that was not cancelled yet. */
interface Entry {
  readonly delayMs: number;
  readonly background: boolean;
  readonly callback: () => void;
  /** By the clock, in milliseconds; from the first look on. */
  due: number | undefined;
}

/**
 * Timers for limits that are hardly ever reached: an exchange with a card has three, and ends them after a moment. To begin
 * and to end one of these reads no clock and calls nothing of the system. One timer of Node's looks which are due, twice a second as long as
 * there are any, so that each may fire up to a second late.
 */
export class CoarseTimers {
  /** For shorter delays half a second is too much. In milliseconds. */
  static readonly leastMs = 1000;
  readonly #entries = new Set<Entry>();
  #foreground = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #source: TimeSource;

  constructor(source: TimeSource = { now: () => performance.now(), setTimeout }) {
    this.#source = source;
  }

  /** @param background whether the process may end meanwhile */
  add(delayMs: number, callback: () => void, background: boolean): CancelTimer {
    const entry: Entry = { delayMs, background, callback, due: undefined };
    this.#entries.add(entry);
    const timer = this.#timer ?? this.#arm();
    if (!background && ++this.#foreground === 1) timer.ref();
    return () => this.#remove(entry);
  }

  #remove(entry: Entry): void {
    if (!this.#entries.delete(entry) || entry.background) return;
    if (--this.#foreground === 0) this.#timer?.unref();
  }

  #arm(): NodeJS.Timeout {
    const timer = this.#source.setTimeout(this.#look, LOOK_MS);
    if (this.#foreground === 0) timer.unref();
    this.#timer = timer;
    return timer;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (this.#entries.size === 0) return;
    this.#arm();
    const now = this.#source.now();
    for (const entry of [...this.#entries]) {
      // How long before this look it began is not known: less than the time between two.
      entry.due ??= now + entry.delayMs;
      if (now < entry.due || !this.#entries.has(entry)) continue;
      this.#remove(entry);
      entry.callback();
    }
  };
}
