// SPDX-License-Identifier: MIT

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CoarseTimers } from "./coarse-timers.ts";
import { nodeClock } from "./runtime.ts";

/** As the test sets the time. */
const faked = (): CoarseTimers =>
  new CoarseTimers({ now: () => globalThis.performance.now(), setTimeout: globalThis.setTimeout });

describe("timers that may be late", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  test("fire once, not before their time, and not at all where they were cancelled", () => {
    const timers = faked();
    const fired: string[] = [];
    const cancel = timers.add(1000, () => fired.push("never"), false);
    const cancelLate = timers.add(1000, () => fired.push("cancelled by the one before"), false);
    timers.add(1000, () => fired.push("limit"), false);
    cancel();
    cancel();
    cancelLate();
    vi.advanceTimersByTime(999);
    expect(fired).toEqual([]);
    vi.advanceTimersByTime(1001);
    expect(fired).toEqual(["limit"]);
    timers.add(60_000, () => fired.push("late"), true);
    vi.advanceTimersByTime(59_999);
    expect(fired).toEqual(["limit"]);
    vi.advanceTimersByTime(1001);
    expect(fired).toEqual(["limit", "late"]);
  });

  test("one that cancels another due one at the same look keeps it from firing", () => {
    const timers = faked();
    const fired: string[] = [];
    let cancelSecond = (): void => {};
    timers.add(
      1000,
      () => {
        fired.push("first");
        cancelSecond();
      },
      false,
    );
    cancelSecond = timers.add(1000, () => fired.push("second"), false);
    vi.advanceTimersByTime(10_000);
    expect(fired).toEqual(["first"]);
  });
});

describe("timers that may be late, on this machine", () => {
  test("are what the clock takes where it is allowed and the delay is long enough", async () => {
    const start = nodeClock.now();
    await new Promise<void>((done) => void nodeClock.schedule(20, "short", done, { coarse: true }));
    expect(nodeClock.now() - start).toBeGreaterThanOrEqual(18);
    await new Promise<void>((done) => void nodeClock.schedule(1000, "long", done, { coarse: true }));
    expect(nodeClock.now() - start).toBeGreaterThanOrEqual(1018);
  });

  test("keep the process as long as one is under way that is not in the background", () => {
    const keeping = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const timers = new CoarseTimers();
    const before = keeping();
    const counts: number[] = [];
    const count = (): void => void counts.push(keeping() - before);
    const background = timers.add(1000, () => {}, true);
    count();
    const one = timers.add(1000, () => {}, false);
    const other = timers.add(1000, () => {}, false);
    count();
    one();
    one();
    count();
    other();
    background();
    count();
    timers.add(1000, () => {}, false)();
    count();
    expect(counts).toEqual([0, 1, 1, 0, 0]);
  });
});
