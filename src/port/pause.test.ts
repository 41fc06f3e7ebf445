// SPDX-License-Identifier: MIT

import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { SimulatedRuntime } from "../testing/runtime/index.ts";
import { type Clock, GrowingPause, pause, pauseOrFail, SmartCardError, within } from "./index.ts";

/** A clock on which time passes by calls alone, and which counts the timers that are left. */
function handClock() {
  const timers = new Set<() => void>();
  const { clock: base } = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const clock: Clock = {
    now: base.now,
    wallTime: base.wallTime,
    schedule: (_ms, _name, callback) => {
      timers.add(callback);
      return () => void timers.delete(callback);
    },
  };
  const fire = (): void => {
    for (const timer of [...timers]) {
      timers.delete(timer);
      timer();
    }
  };
  return { clock, fire, timers };
}

describe("a pause", () => {
  it("is over after its time, or early with its signal, and leaves no timer", async () => {
    const { clock, fire, timers } = handClock();
    const stop = new AbortController();
    const full = pause(clock, 5, "test", { signal: stop.signal });
    fire();
    expect(await full).toBe(true);
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
    const cut = pause(clock, 5, "test", { signal: stop.signal });
    const failed = pauseOrFail(clock, 5, "wait", stop.signal);
    stop.abort();
    expect(await cut).toBe(false);
    await expect(failed).rejects.toMatchObject({ code: "cancelled", details: { operation: "wait" } });
    expect(await pause(clock, 5, "test", { signal: stop.signal })).toBe(false);
    expect(timers.size).toBe(0);
  });
});

describe("work within a limit", () => {
  const late = (): never => {
    throw new SmartCardError("timeout", "late");
  };

  it("is its own outcome where it comes in time", async () => {
    const { clock, timers } = handClock();
    expect(await within(clock, 5, "test", Promise.resolve("done"), late)).toBe("done");
    await expect(within(clock, 5, "test", Promise.reject(new Error("own")), late)).rejects.toThrow("own");
    expect(timers.size).toBe(0);
  });

  it("is what is said of late work otherwise, whatever comes of it", async () => {
    const { clock, fire } = handClock();
    let fail!: (error: Error) => void;
    const slow = new Promise<string>((_resolve, reject) => {
      fail = reject;
    });
    const failed = within(clock, 5, "test", slow, late);
    const instead = within(clock, 5, "test", slow, () => "instead");
    fire();
    await expect(failed).rejects.toMatchObject({ code: "timeout" });
    expect(await instead).toBe("instead");
    fail(new Error("later"));
  });
});

it("growing pauses double up to the longest one, and start again after a success", () => {
  const pauses = new GrowingPause(50, 300);
  expect([pauses.next(), pauses.next(), pauses.next(), pauses.next(), pauses.next()]).toEqual([50, 100, 200, 300, 300]);
  pauses.restart();
  expect(pauses.next()).toBe(50);
});
