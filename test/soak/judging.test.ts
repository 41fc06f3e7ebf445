// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { CalmClock } from "./calm-clock.ts";
import { type MemorySample, trendOf } from "./memory.ts";
import { isExpected } from "./results.ts";

/** A sample each second and each thousand calls. */
const samples = (kiB: (second: number) => number): MemorySample[] =>
  Array.from({ length: 100 }, (_, second) => ({ at: second * 1000, calls: second * 1000, kiB: kiB(second) }));

describe("the trend of memory", () => {
  it("is the growth with the calls, regardless of single samples", () => {
    const trend = trendOf(
      samples((second) => 5_000 + second * 40 + (second % 10 === 0 ? 90_000 : 0)),
      0,
    );
    expect(trend?.slopeKiB).toBeCloseTo(40);
    expect(trend?.growthKiB).toBeCloseTo(40 * 59);
  });

  it("takes no offence at what comes before the daemon is warm, nor at a heap that swings", () => {
    const trend = trendOf(
      samples((second) => (second < 35 ? second * 1_000 : 40_000 + (second % 7) * 2_000)),
      0,
    );
    expect(Math.abs(trend?.growthKiB ?? Number.NaN)).toBeLessThan(1_000);
  });

  it("is not told from a life that was too short", () => {
    expect(trendOf(samples(() => 5_000).slice(0, 18), 0)).toBeUndefined();
    expect(trendOf([], 0)).toBeUndefined();
  });
});

describe("the calm clock", () => {
  it("leaves out the time in which a client was stopped, once", () => {
    let now = 0;
    const calm = new CalmClock(() => now);
    const ends = [100, 150].map((at) => {
      now = at;
      return calm.disturb();
    });
    now = 200;
    ends[0]?.();
    ends[0]?.();
    expect(calm.since(0)).toBe(100);
    now = 300;
    ends[1]?.();
    now = 400;
    expect(calm.since(0)).toBe(200);
    expect(calm.since(250)).toBe(100);
    expect(calm.since(350)).toBe(50);
  });
});

describe("results of calls", () => {
  it("may be those of cards that come and go, and without a daemon only then", () => {
    const [success, removed, noService] = ["00000000", "80100069", "8010001D"];
    expect(isExpected("transmit", success, false)).toBe(true);
    expect(isExpected("transmit", removed, false)).toBe(true);
    expect(isExpected("establish", removed, false)).toBe(false);
    expect(isExpected("transmit", noService, false)).toBe(false);
    expect(isExpected("transmit", noService, true)).toBe(true);
    expect(isExpected("unheard", removed, true)).toBe(false);
  });
});
