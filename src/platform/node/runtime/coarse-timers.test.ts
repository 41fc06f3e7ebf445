// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { CoarseTimers } from "./coarse-timers.ts";
import { nodeClock } from "./runtime.ts";

describe("timers that may be late", () => {
  test.concurrent("fire once, not before their time, and not at all where they were cancelled", async () => {
    const timers = new CoarseTimers();
    const fired: string[] = [];
    const start = performance.now();
    const cancel = timers.add(1000, () => fired.push("never"), false);
    const cancelLate = timers.add(1000, () => fired.push("cancelled by the one before"), false);
    await new Promise<void>((done) => {
      timers.add(
        1000,
        () => {
          fired.push("limit");
          done();
        },
        false,
      );
      cancel();
      cancel();
      cancelLate();
    });
    expect(performance.now() - start).toBeGreaterThanOrEqual(999);
    timers.add(60_000, () => fired.push("too early"), true);
    await new Promise<void>((done) => void timers.add(1000, done, false));
    expect(fired).toEqual(["limit"]);
  });

  test.concurrent("one that cancels another due one at the same look keeps it from firing", async () => {
    const timers = new CoarseTimers();
    const fired: string[] = [];
    let cancelSecond = (): void => {};
    await new Promise<void>((done) => {
      timers.add(
        1000,
        () => {
          fired.push("first");
          cancelSecond();
          setImmediate(done);
        },
        false,
      );
      cancelSecond = timers.add(1000, () => fired.push("second"), false);
    });
    expect(fired).toEqual(["first"]);
  });

  test.concurrent("the clock takes them where it is allowed and the delay is long enough", async () => {
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
