// SPDX-License-Identifier: MIT

import type { ObservedEvent } from "./events.ts";

/** Events that wait for a slow reader by default. */
export const DEFAULT_KEPT_EVENTS = 10_000;

/** The events from now on, for a `for await` loop. */
export interface ObservedEvents extends AsyncIterable<ObservedEvent> {
  /** How many events were dropped so far because the loop was slower than they came. */
  readonly dropped: number;
}

/** Events that wait to be read: so many at most, and the oldest are dropped. */
export class EventQueue implements AsyncIterator<ObservedEvent, undefined> {
  readonly #limit: number;
  readonly #ended: () => void;
  /** A ring: the oldest is at `#start`. */
  #kept: ObservedEvent[] = [];
  #start = 0;
  #dropped = 0;
  #isOver = false;
  readonly #waiting: ((result: IteratorResult<ObservedEvent, undefined>) => void)[] = [];

  /** @param ended is called once, when nothing is to come any more */
  constructor(limit: number, ended: () => void) {
    this.#limit = limit;
    this.#ended = ended;
  }

  get dropped(): number {
    return this.#dropped;
  }

  add(event: ObservedEvent): void {
    if (this.#isOver) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting({ done: false, value: event });
      return;
    }
    if (this.#kept.length - this.#start >= this.#limit) {
      this.#dropped++;
      this.#start++;
    }
    this.#kept.push(event);
    // What was read is given up now and then, so that taking one costs the same however many there are.
    if (this.#start > this.#limit) this.#giveUpRead();
  }

  async next(): Promise<IteratorResult<ObservedEvent, undefined>> {
    const event = this.#kept[this.#start];
    if (event !== undefined) {
      this.#start++;
      if (this.#start === this.#kept.length) this.#giveUpRead();
      return { done: false, value: event };
    }
    if (this.#isOver) return { done: true, value: undefined };
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** What is there is still read, then the loop ends. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended();
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  async return(): Promise<IteratorResult<ObservedEvent, undefined>> {
    this.end();
    this.#kept = [];
    this.#start = 0;
    return { done: true, value: undefined };
  }

  #giveUpRead(): void {
    this.#kept = this.#kept.slice(this.#start);
    this.#start = 0;
  }
}
