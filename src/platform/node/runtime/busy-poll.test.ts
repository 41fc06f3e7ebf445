// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { BusyPoll, DEFAULT_AWAKE_US, defaultAwakeUs } from "./busy-poll.ts";

/** A loop whose turns take a millisecond each. */
class TestLoop {
  time = 0;
  #next: (() => void)[] = [];

  now(): number {
    return this.time;
  }

  nextTurn(callback: () => void): void {
    this.#next.push(callback);
  }

  /** Turns until none is wanted any more: how many there were. */
  run(most: number): number {
    for (let count = 0; count < most; count++) {
      if (this.#next.length === 0) return count;
      this.time++;
      for (const callback of this.#next.splice(0)) callback();
    }
    return most;
  }
}

test("the loop is awake for a while after the last event, and goes to sleep then", () => {
  const loop = new TestLoop();
  const busyPoll = new BusyPoll(60, loop);
  expect(loop.run(1)).toBe(0);
  busyPoll.touch();
  busyPoll.touch();
  expect(loop.run(40)).toBe(40);
  busyPoll.touch();
  expect(loop.run(1000)).toBe(60);
  busyPoll.touch();
  expect(loop.run(1000)).toBe(60);
});

test("it can be turned off", () => {
  const loop = new TestLoop();
  new BusyPoll(0, loop).touch();
  expect(loop.run(10)).toBe(0);
});

test("a process that has one processor to share does not stay awake by default", () => {
  expect([1, 2, 16].map((processors) => defaultAwakeUs(processors))).toEqual([0, DEFAULT_AWAKE_US, DEFAULT_AWAKE_US]);
});
