// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { Pace } from "./event-loop-pace.ts";
import type { Clock } from "./runtime.ts";

/** A clock that a test moves, and that counts the turns that were asked for. */
function manualClock(): { clock: Clock; pass(ms: number): void; turns: number } {
  let now = 0;
  const manual = {
    turns: 0,
    pass: (ms: number) => {
      now += ms;
    },
    clock: {
      now: () => now,
      wallTime: () => 0,
      schedule: () => () => {},
      breathe: async () => {
        manual.turns++;
      },
    } satisfies Clock,
  };
  return manual;
}

describe("Pace", () => {
  it("gives the call itself as long as no turn is due", async () => {
    const manual = manualClock();
    const pace = new Pace(manual.clock);
    for (let count = 0; count < 1000; count++) {
      const call = Promise.resolve(count);
      expect(pace.settle(call)).toBe(call);
    }
    expect(manual.turns).toBe(0);
  });

  it("asks for a turn after 10 ms of calls, and not again before 10 more have passed", async () => {
    const manual = manualClock();
    const pace = new Pace(manual.clock);
    for (let count = 0; count < 320; count++) {
      manual.pass(0.5);
      expect(await pace.settle(Promise.resolve(count))).toBe(count);
    }
    // 160 ms; the clock is looked at every 8 ms, and 8 are too few.
    expect(manual.turns).toBeGreaterThanOrEqual(9);
    expect(manual.turns).toBeLessThanOrEqual(10);
  });

  it("has every call wait for a turn that is waited for, so that many loops do not keep it away", async () => {
    const manual = manualClock();
    let turn = (): void => {};
    const clock = { ...manual.clock, breathe: () => new Promise<void>((resolve) => (turn = resolve)) };
    const pace = new Pace(clock);
    manual.pass(100);
    for (let count = 0; count < 15; count++) await pace.settle(Promise.resolve());
    const done: number[] = [];
    const calls = [1, 2, 3].map((number) => pace.settle(Promise.resolve()).then(() => done.push(number)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toEqual([]);
    turn();
    await Promise.all(calls);
    expect(done).toEqual([1, 2, 3]);
    const call = Promise.resolve();
    expect(pace.settle(call)).toBe(call);
  });

  it("settles as the call does, and after the turn", async () => {
    const manual = manualClock();
    const pace = new Pace(manual.clock);
    manual.pass(100);
    for (let count = 0; count < 15; count++) await pace.settle(Promise.resolve());
    await expect(pace.settle(Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(manual.turns).toBe(1);
  });

  it("never asks where time is simulated, and leaves contexts as they are", async () => {
    const { breathe: _, ...clock } = manualClock().clock;
    const pace = new Pace(clock);
    const context = {} as Parameters<Pace["context"]>[0];
    expect(pace.context(context)).toBe(context);
    const call = Promise.resolve();
    for (let count = 0; count < 100; count++) expect(pace.settle(call)).toBe(call);
  });
});
