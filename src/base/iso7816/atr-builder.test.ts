// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex } from "../binary/index.ts";
import { type Atr, decodeAtr } from "./atr.ts";
import { type AtrInit, buildAtr } from "./atr-builder.ts";

function decode(bytes: Uint8Array): Atr {
  const atr = decodeAtr(bytes);
  if (!atr.ok) throw new Error(atr.error.message);
  return atr.value;
}

describe("buildAtr", () => {
  test.each<[AtrInit, string]>([
    [{}, "3B00"],
    [{ convention: "inverse", historicalBytes: Uint8Array.of(0x80) }, "3F0180"],
    [{ protocols: [0, 1], historicalBytes: Uint8Array.of(0x80) }, "3B8180018080"],
    [{ protocols: [1] }, "3B800181"],
    [{ factors: 0x94, wi: 5 }, "3B90944005"],
    [{ classes: ["A", "B", "C"], clockStop: "no-preference" }, "3B80801FC7D8"],
    [{ protocols: [1], specificMode: { protocol: 1, changeable: false } }, "3B80118110"],
  ])("%j is %s", (init, hex) => {
    expect(encodeHex(buildAtr(init))).toBe(hex);
  });

  test("makes the ATR of a YubiKey 5, but for its empty TB1 and TC1", () => {
    const historicalBytes = Uint8Array.from([
      0x80,
      0x73,
      0xc0,
      0x21,
      0xc0,
      0x57,
      ...new TextEncoder().encode("YubiKey"),
    ]);
    const atr = buildAtr({ protocols: [1], factors: 0x13, ifsc: 254, bwi: 1, cwi: 5, historicalBytes });
    expect(encodeHex(atr)).toBe("3B9D138131FE158073C021C057597562694B657920");
    expect(decode(atr).problems).toEqual([]);
  });

  test.each<[AtrInit, string]>([
    [{ protocols: [] }, "at least one protocol"],
    [{ protocols: [1, 0] }, "rising order, not 1, 0"],
    [{ protocols: [15] }, "a protocol is 0 to 14, not 15"],
    [{ historicalBytes: new Uint8Array(16) }, "historical bytes is 0 to 15, not 16"],
    [{ factors: 256 }, "TA1 is 0 to 255, not 256"],
    [{ wi: 0 }, "WI is 1 to 255, not 0"],
    [{ protocols: [1], wi: 3 }, "WI 3 is given, and T=0 is not offered"],
    [{ ifsc: 32 }, "T=1 is not offered"],
    [{ protocols: [1], ifsc: 255 }, "IFSC is 1 to 254, not 255"],
    [{ protocols: [1], bwi: 10 }, "BWI is 0 to 9, not 10"],
    [{ classes: ["A", "C"] }, '"AC" cannot be told'],
    [{ specificMode: { protocol: 15 } }, "0 to 14, not 15"],
    [
      { protocols: Array.from({ length: 15 }, (_, index) => index), historicalBytes: new Uint8Array(15), factors: 0 },
      "the length of the ATR is 2 to 33",
    ],
  ])("refuses %j", (init, message) => {
    expect(() => buildAtr(init)).toThrow(RangeError);
    expect(() => buildAtr(init)).toThrow(message);
  });
});

const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined });

const wishes = fc.record({
  convention: fc.constantFrom("direct" as const, "inverse" as const),
  protocols: fc.constantFrom<number[]>([0], [1], [0, 1], [0, 1, 14], [14]),
  historicalBytes: fc.uint8Array({ maxLength: 15 }),
  factors: optional(fc.constantFrom(0x11, 0x13, 0x18, 0x94, 0x96, 0xd9)),
  extraGuardTime: optional(fc.nat(255)),
  changeable: optional(fc.boolean()),
  wi: optional(fc.integer({ min: 1, max: 255 })),
  ifsc: optional(fc.integer({ min: 1, max: 254 })),
  bwi: optional(fc.nat(9)),
  cwi: optional(fc.nat(15)),
  edc: optional(fc.constantFrom("lrc" as const, "crc" as const)),
  classes: optional(fc.constantFrom(["A" as const], ["A" as const, "B" as const, "C" as const])),
});

test("property: what is built is read back as it was wanted, without a problem", () => {
  fc.assert(
    fc.property(wishes, (wish) => {
      const { convention, protocols, historicalBytes, factors, extraGuardTime, changeable, classes } = wish;
      const t0 = protocols.includes(0) ? { wi: wish.wi } : {};
      const t1 = protocols.includes(1) ? { ifsc: wish.ifsc, bwi: wish.bwi, cwi: wish.cwi, edc: wish.edc } : {};
      const specificMode = changeable === undefined ? undefined : { protocol: protocols[0] ?? 0, changeable };
      const given = { convention, protocols, historicalBytes, factors, extraGuardTime, specificMode, classes };
      const all = Object.entries({ ...given, ...t0, ...t1 }).filter(([, value]) => value !== undefined);
      const atr = decode(buildAtr(Object.fromEntries(all) as AtrInit));
      expect(atr.problems).toEqual([]);
      expect(atr.check).toMatchObject(
        atr.protocols.some((protocol) => protocol > 0) || classes !== undefined
          ? { kind: "present", correct: true }
          : { kind: "not-needed" },
      );
      expect(atr).toMatchObject({ convention, protocols, rest: new Uint8Array(0) });
      expect(atr.factors.code).toBe(factors ?? 0x11);
      expect(atr.extraGuardTime.n).toBe(extraGuardTime ?? 0);
      expect(atr.mode.kind).toBe(changeable === undefined ? "negotiable" : "specific");
      expect(atr.t0?.wi).toBe(protocols.includes(0) ? (wish.wi ?? 10) : undefined);
      expect(atr.t1).toEqual(
        protocols.includes(1)
          ? { ifsc: wish.ifsc ?? 32, bwi: wish.bwi ?? 4, cwi: wish.cwi ?? 13, edc: wish.edc ?? "lrc" }
          : undefined,
      );
      expect(atr.global.classes).toEqual(classes ?? ["A"]);
      expect(encodeHex(atr.historicalBytes)).toBe(encodeHex(historicalBytes));
    }),
    { numRuns: 300 },
  );
});
