// SPDX-License-Identifier: MIT

import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";

/** Microseconds that a process stays awake where nothing else is said: the time between the calls of a busy client. */
export const DEFAULT_AWAKE_US = 200;

/** The same for this machine. Where there is one processor, a process that stays awake takes it from the program that it waits for. */
export function defaultAwakeUs(processors: number = availableParallelism()): number {
  return processors > 1 ? DEFAULT_AWAKE_US : 0;
}

/** The event loop, as this class uses it. */
interface EventLoop {
  /** Milliseconds that never go back. */
  now(): number;
  /** Calls once the loop has looked for events, without waiting for any. */
  nextTurn(callback: () => void): void;
}

const nodeLoop: EventLoop = {
  now: () => performance.now(),
  nextTurn: (callback) => {
    setImmediate(callback);
  },
};

/**
 * Keeps the event loop from sleeping for a moment after something has happened. A processor that has gone to sleep takes
 * tens of microseconds to wake, on a virtual machine above all; a program that talks to us request by request would pay
 * that for every answer. The loop looks for new events instead, without waiting for them, and goes to sleep when none
 * has come for a while.
 */
export class BusyPoll {
  readonly #awakeMs: number;
  readonly #loop: EventLoop;
  #until = 0;
  #looking = false;

  /** @param awakeMs how long the loop stays awake after the last event, in milliseconds; 0 for not at all */
  constructor(awakeMs: number, loop: EventLoop = nodeLoop) {
    this.#awakeMs = awakeMs;
    this.#loop = loop;
  }

  /** Something has happened: the next thing is likely to follow soon. */
  touch(): void {
    if (this.#awakeMs === 0) return;
    this.#until = this.#loop.now() + this.#awakeMs;
    if (this.#looking) return;
    this.#looking = true;
    this.#loop.nextTurn(this.#look);
  }

  readonly #look = (): void => {
    if (this.#loop.now() < this.#until) this.#loop.nextTurn(this.#look);
    else this.#looking = false;
  };
}
