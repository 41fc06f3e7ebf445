// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock } from "../../port/index.ts";

/** What is done when the answers are out. It keeps bytes until then. */
export interface LaterWork {
  /** How many bytes it keeps. */
  readonly bytes: number;
  /** Whether it tells an event. */
  readonly tells: boolean;
  run(): void;
  /** There is no room: it is not done, and gives up its bytes. */
  drop(): void;
}

/** What a backlog may keep, and when it is worked off. */
export interface BacklogLimits {
  readonly works: number;
  readonly bytes: number;
  /** How long work is gathered, in milliseconds. */
  readonly gatherMs: number;
  /** With so much of it there is no more gathering. */
  readonly gathered: number;
  /** So much is done in one turn of the event loop. */
  readonly slice: number;
}

export const defaultBacklogLimits: BacklogLimits = {
  works: 8192,
  bytes: 4_194_304,
  gatherMs: 50,
  gathered: 1024,
  slice: 16,
};

/** Work that waits, in its order: it is gathered and done in one go. Of more than there is room for, the oldest is dropped. */
export class Backlog {
  readonly #clock: Clock;
  readonly #limits: BacklogLimits;
  readonly #dropped: () => void;
  readonly #done: () => void;
  /** The oldest is at `#start`. */
  #works: LaterWork[] = [];
  #start = 0;
  #bytes = 0;
  #cancelTimer: CancelTimer | undefined;
  #isWorking = false;

  /**
   * @param dropped is called for each event that was dropped
   * @param done is called when all of it is done
   */
  constructor(clock: Clock, limits: BacklogLimits, dropped: () => void, done: () => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#dropped = dropped;
    this.#done = done;
  }

  get size(): number {
    return this.#works.length - this.#start;
  }

  add(work: LaterWork): void {
    const { bytes, gatherMs, gathered, works } = this.#limits;
    this.#works.push(work);
    this.#bytes += work.bytes;
    while (this.size > works || this.#bytes > bytes) {
      const oldest = this.#take();
      oldest?.drop();
      if (oldest?.tells) this.#dropped();
    }
    if (this.#isWorking) return;
    if (this.size >= gathered) this.#begin();
    else this.#cancelTimer ??= this.#clock.schedule(gatherMs, "observer", () => this.#begin(), { background: true });
  }

  /** Does all of it at once. */
  drain(): void {
    if (this.size === 0) return;
    for (let work = this.#take(); work !== undefined; work = this.#take()) work.run();
    this.#settled();
  }

  /** Drops all of it: there is no listener any more. */
  clear(): void {
    for (let work = this.#take(); work !== undefined; work = this.#take()) work.drop();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #begin(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#isWorking = true;
    void this.#work();
  }

  async #work(): Promise<void> {
    try {
      while (this.size > 0) {
        for (let count = 0; count < this.#limits.slice; count++) this.#take()?.run();
        if (this.size > 0) await this.#clock.breathe?.();
      }
    } finally {
      this.#isWorking = false;
    }
    this.#settled();
  }

  #settled(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#done();
  }

  #take(): LaterWork | undefined {
    const work = this.#works[this.#start];
    if (work === undefined) return undefined;
    this.#start++;
    this.#bytes -= work.bytes;
    // What was taken is given up now and then, so that taking one costs the same however many there are.
    if (this.#start === this.#works.length) {
      this.#works = [];
      this.#start = 0;
    } else if (this.#start > this.#limits.works) {
      this.#works = this.#works.slice(this.#start);
      this.#start = 0;
    }
    return work;
  }
}
