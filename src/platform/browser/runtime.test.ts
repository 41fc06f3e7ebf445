// SPDX-License-Identifier: MIT

import { afterEach, expect, test, vi } from "vitest";
import { MAX_TIMER_MS } from "../../port/index.ts";
import { browserRuntime } from "./runtime.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("the clock goes on, and a timer fires once, when it is due", async () => {
  const { clock } = browserRuntime();
  vi.useFakeTimers();
  const fired: string[] = [];
  clock.schedule(50, "one", () => fired.push("one"));
  const cancel = clock.schedule(50, "two", () => fired.push("two"));
  cancel();
  await vi.advanceTimersByTimeAsync(49);
  expect(fired).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(fired).toEqual(["one"]);
  cancel();
});

test("a timer longer than the browser's longest is waited for in steps, and cancelled in the second", async () => {
  const { clock } = browserRuntime();
  vi.useFakeTimers();
  const fired: string[] = [];
  clock.schedule(MAX_TIMER_MS + 10, "one", () => fired.push("one"));
  const cancel = clock.schedule(MAX_TIMER_MS + 10, "two", () => fired.push("two"));
  await vi.advanceTimersByTimeAsync(MAX_TIMER_MS + 5);
  expect(fired).toEqual([]);
  cancel();
  await vi.advanceTimersByTimeAsync(10);
  expect(fired).toEqual(["one"]);
});

test("the clocks tell the time, and a breath lets the event loop turn", async () => {
  const { clock } = browserRuntime();
  const before = clock.now();
  expect(Math.abs(clock.wallTime() - Date.now())).toBeLessThan(60_000);
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  while (!turned) await clock.breathe?.();
  expect(clock.now()).toBeGreaterThanOrEqual(before);
});

test("random bytes come in any number", () => {
  const { random } = browserRuntime();
  expect(random.bytes(0)).toHaveLength(0);
  const bytes = random.bytes(200_000);
  expect(bytes).toHaveLength(200_000);
  // The last piece was filled too: 64 zeros in a row come once in 2^512 trials.
  expect(bytes.subarray(-64).some((byte) => byte !== 0)).toBe(true);
});

test("what happens is told to the trace", () => {
  const events: unknown[] = [];
  browserRuntime({ trace: (event) => events.push(event) }).trace({ at: 1, kind: "card-reset" });
  expect(events).toEqual([{ at: 1, kind: "card-reset" }]);
  expect(() => browserRuntime().trace({ at: 1, kind: "card-reset" })).not.toThrow();
});
