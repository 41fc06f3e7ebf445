// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import { type Atr, decodeAtr, decodeTransmissionFactors, etuFactorsOf } from "../../base/iso7816/index.ts";
import { confirmTransmission, lineTimes, planTransmission, type ReaderSpeeds } from "./index.ts";

function atrOf(text: string): Atr {
  const decoded = decodeAtr(hexBytes(text));
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
}

/** T=1 with TA1 = 96, that is 512 / 32; T=0 and T=1 with TA1 = 97; and TA1 = 95. */
const card96 = atrOf("3B D5 96 02 80 71 FE 65 01 4F 73 45 49 44 5E");
const card97 = atrOf("3B 90 97 80 81 31 FE 45 E4");
const card95 = atrOf("3B 10 95");
const plainCard = atrOf("3B 00");

const fast: ReaderSpeeds = { clockKHz: 4000, maxDataRate: 400_000 };

describe("the choice of F and D", () => {
  test.each([
    // 4 MHz × 32 / 512.
    ["a reader that can do all", card96, 0, fast, "FF 10 96 79", 250_000],
    [
      "a reader that is too slow for D = 32",
      card96,
      0,
      { clockKHz: 4000, maxDataRate: 230_400 },
      "FF 10 95 7A",
      125_000,
    ],
    ["a reader with a list", card96, 0, { ...fast, dataRates: [10_752, 62_500, 125_000] }, "FF 10 95 7A", 125_000],
    ["rates that are rounded", card96, 0, { ...fast, dataRates: [10_752, 62_501] }, "FF 10 94 7B", 62_500],
    ["T=1 of a card with both", card97, 1, { clockKHz: 4000, maxDataRate: 500_000 }, "FF 11 97 79", 500_000],
    [
      "T=1 of a card with both, and a reader without its rates",
      card97,
      1,
      { ...fast, dataRates: [9600] },
      "FF 01 FE",
      10_752,
    ],
  ] as const)("%s", (_, atr, protocol, reader, request, rate) => {
    const plan = planTransmission(atr, protocol, reader);
    if (plan.kind !== "pps") return expect.unreachable(plan.kind);
    expect(plan.bytes).toEqual(hexBytes(request));
    expect(Math.floor((reader.clockKHz * 1000 * plan.factors.d) / plan.factors.f)).toBe(rate);
  });

  test("no PPS where nothing is faster and the protocol is the first", () => {
    const asIs = { kind: "as-is", factors: { f: 372, d: 1 } };
    expect(planTransmission(plainCard, 0, fast)).toEqual(asIs);
    expect(planTransmission(card95, 0, { ...fast, maxDataRate: 10_753 })).toEqual(asIs);
    expect(planTransmission(card95, 0, { ...fast, dataRates: [9600] })).toEqual(asIs);
    // TA1 with a reserved value says nothing of what the card can do.
    expect(planTransmission(atrOf("3B 10 7F"), 0, fast)).toEqual(asIs);
  });

  test("only the protocol where the reader chooses the speed itself", () => {
    expect(planTransmission(card97, 0)).toEqual({ kind: "as-is", factors: { f: 372, d: 1 } });
    expect(planTransmission(card97, 1)).toMatchObject({ kind: "pps", bytes: hexBytes("FF 01 FE") });
  });

  test("specific mode leaves no choice", () => {
    // TA2 = 01: T=1 with the F and D of TA1 = 95.
    const card = atrOf("3B 90 95 91 01 31 FE 45 EE");
    expect(planTransmission(card, 1, fast)).toEqual({ kind: "as-is", factors: { f: 512, d: 16 } });
    expect(planTransmission(card, 0, fast)).toEqual({ kind: "refuse", reason: "the card offers T=1, not T=0" });
    const reason = "the card speaks 125000 bits per second only, and the reader cannot";
    expect(planTransmission(card, 1, { ...fast, dataRates: [62_500] })).toEqual({ kind: "refuse", reason });
    // TA2 = 11: F and D are implicit.
    expect(planTransmission(atrOf("3B 90 95 91 11 31 FE 45 FE"), 1, { ...fast, dataRates: [62_500] })).toEqual({
      kind: "as-is",
      factors: { f: 372, d: 1 },
    });
  });

  test("a faster clock goes with Fi, up to f(max) and where the reader has the rate", () => {
    // TA1 = B5 and, in specific mode, TA2: 1024 / 16, f(max) 10 MHz.
    const quick = atrOf("3B 10 B5");
    const bound = atrOf("3B 90 B5 91 01 31 FE 45 CE");
    const clocks = { clockKHz: 4000, clocksKHz: [8000, 12_000, 6000], maxDataRate: 400_000 };
    for (const [card, protocol] of [
      [quick, 0],
      [bound, 1],
    ] as const) {
      const plan = (reader: ReaderSpeeds): unknown => planTransmission(card, protocol, reader);
      expect(plan(clocks)).toMatchObject({ factors: { f: 1024, d: 16 }, clockKHz: 8000 });
      expect(plan({ ...clocks, dataRates: [62_500, 93_750] })).toMatchObject({ clockKHz: 6000 });
      expect(plan({ ...clocks, dataRates: [62_500] })).not.toHaveProperty("clockKHz");
      expect(plan({ ...clocks, clocksKHz: [] })).not.toHaveProperty("clockKHz");
    }
    // 512 / 16 goes with 5 MHz at most.
    expect(planTransmission(card95, 0, clocks)).not.toHaveProperty("clockKHz");
    // Fd and Dd are left at the clock of the reset.
    expect(planTransmission(plainCard, 0, { ...clocks, clocksKHz: [5000] })).toEqual({
      kind: "as-is",
      factors: { f: 372, d: 1 },
    });
    // A card in specific mode that is too slow for the reader's list at its first clock.
    expect(planTransmission(bound, 1, { ...clocks, dataRates: [125_000] })).toMatchObject({ clockKHz: 8000 });
  });

  test("a protocol that the card does not offer is refused", () => {
    expect(planTransmission(plainCard, 1, fast)).toEqual({ kind: "refuse", reason: "the card offers T=0, not T=1" });
  });

  test("a proposal is within what the card offers and what the reader can do, and none that is faster is", () => {
    const codes = fc.nat({ max: 255 });
    const rates = fc.array(fc.integer({ min: 9600, max: 1_000_000 }), { maxLength: 20 });
    const clock = fc.integer({ min: 1000, max: 20_000 });
    fc.assert(
      fc.property(
        codes,
        clock,
        fc.integer({ min: 9600, max: 1_000_000 }),
        rates,
        (ta1, clockKHz, maxDataRate, dataRates) => {
          const card = atrOf(`3B10${ta1.toString(16).padStart(2, "0")}`);
          const offered = decodeTransmissionFactors(ta1);
          const plan = planTransmission(card, 0, { clockKHz, maxDataRate, dataRates });
          if (plan.kind === "refuse") return expect.unreachable();
          const { f, d } = plan.factors;
          const rateOf = (factors: { f: number; d: number }): number => (clockKHz * 1000 * factors.d) / factors.f;
          const isPossible = (rate: number): boolean =>
            rate < maxDataRate + 2 && (dataRates.length === 0 || dataRates.some((one) => Math.abs(one - rate) < 2));
          if (plan.kind === "pps") {
            expect(isPossible(rateOf(plan.factors))).toBe(true);
            expect([372, offered.fi]).toContain(f);
            expect(d).toBeLessThanOrEqual(offered.di ?? 0);
            expect(etuFactorsOf(plan.request.pps1 ?? 0x11)).toEqual({ f, d });
          }
          const best = etuFactorsOf(ta1);
          if (best !== undefined && isPossible(rateOf(best)))
            expect(rateOf(plan.factors)).toBeGreaterThanOrEqual(rateOf(best));
          return undefined;
        },
      ),
    );
  });

  test("arguments of another kind are refused", () => {
    expect(() => planTransmission(plainCard, 2 as never)).toThrow(RangeError);
    expect(() => planTransmission(plainCard, 0, { clockKHz: 0, maxDataRate: 1 })).toThrow("clockKHz is above 0");
    expect(() => planTransmission(plainCard, 0, { clockKHz: 1, maxDataRate: Number.NaN })).toThrow(
      "maxDataRate is above 0",
    );
    expect(() => planTransmission(plainCard, 0, { ...fast, dataRates: 9600 as never })).toThrow(TypeError);
    expect(() => planTransmission(plainCard, 0, { ...fast, clocksKHz: [0] })).toThrow("clocksKHz is above 0");
  });
});

describe("the card's answer to a PPS request", () => {
  const request = { protocol: 1, pps1: 0x96 };
  test.each([
    ["an echo", "FF 11 96 78", { agreed: true, protocol: 1, factors: { f: 512, d: 32 } }],
    ["PPS1 left out: Fd and Dd", "FF 01 FE", { agreed: true, protocol: 1, factors: { f: 372, d: 1 } }],
    ["another protocol", "FF 10 96 79", { agreed: false }],
    ["another PPS1", "FF 11 95 7B", { agreed: false }],
    ["a wrong PCK", "FF 11 96 79", { agreed: false }],
    ["nothing", "", { agreed: false }],
    ["an ATR", "3B 00", { agreed: false }],
  ])("%s", (_, response, outcome) => {
    expect(confirmTransmission(request, hexBytes(response))).toMatchObject(outcome);
  });
});

describe("waiting times", () => {
  test("T=1 at 4 MHz", () => {
    // BWI = 4, CWI = 5; BWT is counted with F = 372 at any speed.
    const card = atrOf("3B D5 96 02 80 71 FE 65 01 4F 73 45 49 44 5E");
    const times = lineTimes(atrOf("3B 80 01 81"), 4000);
    expect(times.etuMs).toBeCloseTo(0.093);
    expect(times.blockWaitMs).toBeCloseTo(11 * 0.093 + 16 * 960 * 0.093);
    expect(times.characterWaitMs).toBeCloseTo((11 + 8192) * 0.093);
    expect(times.blockGuardMs).toBeCloseTo(22 * 0.093);
    expect(times.workWaitMs).toBeUndefined();
    expect(Math.round(times.dataRate)).toBe(10_753);
    const faster = lineTimes(card, 4000, { f: 512, d: 32 });
    expect(faster.etuMs).toBeCloseTo(0.004);
    expect(faster.dataRate).toBe(250_000);
  });

  test("reserved values count as the nearest that is allowed", () => {
    expect(lineTimes(atrOf("3B 80 40 00"), 3720).workWaitMs).toBeCloseTo(960);
    const longest = lineTimes(atrOf("3B 80 81 21 95 B5"), 3720).blockWaitMs;
    expect(lineTimes(atrOf("3B 80 81 21 F5 D5"), 3720).blockWaitMs).toBe(longest);
    expect(longest).toBeLessThan(50_000);
  });

  test("T=0 at 3.72 MHz", () => {
    const times = lineTimes(plainCard, 3720);
    expect(times.workWaitMs).toBeCloseTo(960);
    expect(times.blockWaitMs).toBeUndefined();
    expect(() => lineTimes(plainCard, 0)).toThrow(RangeError);
  });
});
