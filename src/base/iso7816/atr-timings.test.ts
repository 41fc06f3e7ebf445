// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { hexBytes } from "../binary/index.ts";
import { type Atr, decodeAtr } from "./atr.ts";
import { buildAtr } from "./atr-builder.ts";
import { type AtrTimings, atrTimings, type LineSetting } from "./atr-timings.ts";

function timings(init: Parameters<typeof buildAtr>[0], setting?: LineSetting): AtrTimings {
  const atr = decodeAtr(buildAtr(init));
  if (!atr.ok) throw new Error(atr.error.message);
  return atrTimings(atr.value, setting);
}

describe("waiting times, ISO/IEC 7816-3:2006, 10.2 and 11.4.3", () => {
  test("at 3.72 MHz with Fd and Dd, one etu is 0.1 ms", () => {
    const { etuMs, bitsPerSecond, waitingTime } = timings({}, { clockHz: 3_720_000 });
    expect(etuMs).toBeCloseTo(0.1, 12);
    expect(bitsPerSecond).toBeCloseTo(10_000, 8);
    // WI 10: 9600 etu, as the initial waiting time of the ATR is.
    expect(waitingTime?.etu).toBeCloseTo(9600, 8);
    expect(waitingTime?.ms).toBeCloseTo(960, 8);
  });

  test("WT is a number of clocks: D makes it more etu and not more time", () => {
    const slow = timings({ factors: 0x13, wi: 10 }, { clockHz: 3_720_000 });
    const fast = timings({ factors: 0x13, wi: 10 }, { clockHz: 3_720_000, factors: { f: 372, d: 4 } });
    expect(fast.waitingTime?.etu).toBeCloseTo(4 * 9600, 8);
    expect(fast.waitingTime?.ms).toBeCloseTo(slow.waitingTime?.ms ?? 0, 8);
  });

  test("T=1 with the defaults BWI 4 and CWI 13: about 1.6 s a block at 3.57 MHz, and 8203 etu a character", () => {
    const { blockWaitingTime, characterWaitingTime, waitingTime } = timings({ protocols: [1] }, { clockHz: 3_571_200 });
    expect(characterWaitingTime?.etu).toBe(11 + 8192);
    expect(blockWaitingTime?.etu).toBeCloseTo(11 + 16 * 960, 8);
    expect(blockWaitingTime?.ms).toBeCloseTo(1601.15, 1);
    expect(waitingTime).toBeUndefined();
  });

  test("BWT counts by Fd even where F is another", () => {
    const setting = { clockHz: 4_000_000, factors: { f: 512, d: 32 } };
    const { blockWaitingTime, etuMs } = timings({ protocols: [1], factors: 0x96, bwi: 0 }, setting);
    expect(blockWaitingTime?.ms).toBeCloseTo(11 * etuMs + (960 * 372) / 4000, 8);
  });

  test("guard times follow N", () => {
    const { t0GuardTime, t1GuardTime } = timings({ protocols: [0, 1], extraGuardTime: 255 });
    expect([t0GuardTime.etu, t1GuardTime.etu]).toEqual([12, 11]);
  });

  test.each([
    [{ clockHz: 0 }, "the clock is above 0, not 0"],
    [{ factors: { f: 372, d: 0 } }, "D is above 0"],
    [{ clockHz: Number.NaN }, "not NaN"],
  ])("refuses %j", (setting, message) => {
    expect(() => timings({}, setting)).toThrow(message);
  });
});

describe("guard time where the ATR offers T=15, ISO/IEC 7816-3:2006, 8.3 (TC1)", () => {
  function atrOf(hex: string): Atr {
    const atr = decodeAtr(hexBytes(hex));
    if (!atr.ok) throw new Error(atr.error.message);
    return atr.value;
  }

  test.each(["3BD09510801FC70D", "3BD0951080811FC78C"])("%s: N counts Fi / Di of TA1, not what is in use", (hex) => {
    const atr = atrOf(hex);
    const gt = 12 + (16 * 512) / 16 / 372;
    expect(atr.guardTimeFactors).toEqual({ f: 512, d: 16 });
    expect(atr.extraGuardTime).toEqual({ n: 16, t0Etu: gt, t1Etu: gt });
    expect(atrTimings(atr).t0GuardTime.etu).toBeCloseTo(13.376, 3);
    expect(atrTimings(atr).t0GuardTime.ms).toBeCloseTo(1.244, 3);
    // After PPS the factors in use are those of TA1.
    expect(atrTimings(atr, { factors: { f: 512, d: 16 } }).t1GuardTime.etu).toBe(28);
  });

  test("without T=15 it counts F / D in use, and N = 255 is the shortest in any case", () => {
    expect(atrTimings(atrOf("3B509510")).t0GuardTime.etu).toBe(28);
    expect(atrOf("3B509510").guardTimeFactors).toBeUndefined();
    const shortest = atrTimings(atrOf("3BD095FF801FC7E2"));
    expect([shortest.t0GuardTime.etu, shortest.t1GuardTime.etu]).toEqual([12, 11]);
  });

  test("a reserved TA1 leaves what is in use", () => {
    expect(atrOf("3BD07510801FC7ED").extraGuardTime).toEqual({ n: 16, t0Etu: 28, t1Etu: 28 });
  });

  test("without a setting the times are those that the card starts with", () => {
    const specific = atrOf("3B90969181B1FE551FC7D4");
    expect(atrTimings(specific).bitsPerSecond).toBeCloseTo(250_000, 6);
    expect(atrTimings(specific, { factors: { f: 372, d: 1 } }).bitsPerSecond).toBeCloseTo(10_752.688, 3);
  });
});
