// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import vectors from "../../../test/vectors/atr.json" with { type: "json" };
import { encodeHex, hexBytes } from "../binary/index.ts";
import { type Atr, decodeAtr } from "./atr.ts";

function decode(hex: string): Atr {
  const atr = decodeAtr(hexBytes(hex));
  if (!atr.ok) throw new Error(atr.error.message);
  return atr.value;
}

function checkWord(atr: Atr): string {
  if (atr.check.kind !== "present") return atr.check.kind;
  return atr.check.correct ? "correct" : "wrong";
}

describe("ATRs of cards, ISO/IEC 7816-3:2006, clause 8", () => {
  test.each(vectors.vectors)("$name: $atr", ({ atr: hex, expected }) => {
    const atr = decode(hex);
    expect(encodeHex(atr.bytes)).toBe(hex);
    expect({
      convention: atr.convention,
      protocols: atr.protocols,
      defaultProtocol: atr.defaultProtocol,
      mode: atr.mode,
      fi: atr.factors.fi ?? null,
      di: atr.factors.di ?? null,
      maxClockHz: atr.factors.maxClockHz ?? null,
      wi: atr.t0?.wi ?? null,
      ifsc: atr.t1?.ifsc ?? null,
      ...(atr.t1 && { bwi: atr.t1.bwi, cwi: atr.t1.cwi, edc: atr.t1.edc }),
      classes: atr.global.classes,
      clockStop: atr.global.clockStop,
      check: checkWord(atr),
      historicalKind: atr.historical.kind,
      problems: atr.problems,
    }).toEqual(expected);
  });
});

describe("interface bytes", () => {
  test("go on to any depth that 33 bytes allow", () => {
    // TD1 to TD30, each announcing the next by its highest bit, all T=0 but the last, which announces nothing.
    const hex = `3B80${"80".repeat(29)}00`;
    const atr = decode(hex);
    expect(atr.interfaceBytes).toHaveLength(30);
    expect(atr.interfaceBytes[29]).toEqual({
      index: 30,
      protocol: 0,
      ta: undefined,
      tb: undefined,
      tc: undefined,
      td: 0,
    });
    expect(atr.protocols).toEqual([0]);
  });

  test("T=1 takes its first bytes from the third round on, and not later ones", () => {
    // TD1 81, TD2 F1 (T=1): TA3 20, TB3 11, TC3 01, TD3 31 (T=1 again): TA4 40, TB4 22.
    expect(decode("3B80 81 F1 20 11 01 31 40 22 92".replaceAll(" ", "")).t1).toEqual({
      ifsc: 0x20,
      bwi: 1,
      cwi: 1,
      edc: "crc",
    });
  });

  test("TA2 leaves one protocol to use of all those offered", () => {
    // TD1 90 (T=0): TA2 11 (T=1, F and D implicit, changeable), TD2 01.
    const atr = decode("3B80 90 11 01 00".replaceAll(" ", ""));
    expect(atr.protocols).toEqual([0, 1]);
    expect(atr.usableProtocols).toEqual([1]);
    expect(atr.defaultProtocol).toBe(1);
    expect(atr.mode).toEqual({ kind: "specific", protocol: 1, changeable: true, implicitFactors: true });
    expect(atr.startingFactors).toBeUndefined();
  });

  test("TA2 with explicit parameters starts with those of TA1", () => {
    expect(decode("3BF81300009181 31FE410073C84000009000 1E".replaceAll(" ", "")).startingFactors).toEqual({
      f: 372,
      d: 4,
    });
    expect(decode("3B1096").startingFactors).toEqual({ f: 372, d: 1 });
  });

  test.each([
    ["3B40FF", { n: 255, t0Etu: 12, t1Etu: 11 }],
    ["3B4005", { n: 5, t0Etu: 17, t1Etu: 17 }],
    ["3B00", { n: 0, t0Etu: 12, t1Etu: 12 }],
  ])("extra guard time of %s", (hex, expected) => {
    expect(decode(hex).extraGuardTime).toEqual(expected);
  });

  test("T=15 tells classes, clock stop and SPU", () => {
    // TD1 80 (T=0), TD2 3F (T=15): TA3 C7, TB3 85.
    expect(decode("3B80803FC78 5FD".replaceAll(" ", "")).global).toEqual({
      classes: ["A", "B", "C"],
      clockStop: "no-preference",
      indicated: true,
      spu: { proprietary: true, value: 5 },
    });
  });

  test.each([
    ["3B1070", "TA1 has a reserved value of Fi"],
    ["3B101A", "TA1 has a reserved value of Di"],
    ["3B80400040", "TC2 has the reserved WI 0"],
    ["3B808131FF4545", "IFSC has the reserved value 255"],
    ["3B808131FEA544", "BWI has the reserved value 10"],
    ["3B80814102C0", "the first TC for T=1 has reserved bits set"],
    ["3B80801F0510", "the first TA for T=15 has a reserved class indicator"],
    ["3B800F8F", "TD1 announces T=15"],
    ["3B80810001", "protocols are not offered in rising order"],
    ["3B800585", "T=5 is a reserved protocol"],
    ["3B80906000", "TA2 has reserved bits set"],
    ["3B80800101FF", "1 more byte behind the end of the ATR"],
  ])("%s is readable, and %s", (hex, problem) => {
    expect(decode(hex).problems).toContain(problem);
  });
});

describe("an invalid ATR", () => {
  test.each([
    ["", "TS is missing"],
    ["3B", "T0 is missing"],
    ["0300", "TS is neither 3B nor 3F"],
    ["3BF01100", "TC1 is missing"],
    ["3B8081", "TD2 is missing"],
    [`3B${"00".repeat(33)}`, "at most 33 bytes, not 34"],
  ])("%s", (hex, message) => {
    const atr = decodeAtr(hexBytes(hex));
    expect(atr.ok).toBe(false);
    if (!atr.ok) expect(atr.error.message).toContain(message);
  });
});

test("the decoded ATR keeps nothing of the caller's array", () => {
  const bytes = hexBytes("3B8180018080");
  const atr = decodeAtr(bytes);
  bytes.fill(0);
  if (!atr.ok) throw new Error(atr.error.message);
  expect(encodeHex(atr.value.bytes)).toBe("3B8180018080");
  expect(encodeHex(atr.value.historicalBytes)).toBe("80");
});

test("property: any bytes are an ATR or none, and every byte of one is accounted for", () => {
  const shaped = fc
    .tuple(fc.constantFrom(0x3b, 0x3f), fc.uint8Array({ maxLength: 34 }))
    .map(([ts, rest]) => Uint8Array.of(ts, ...rest));
  fc.assert(
    fc.property(fc.oneof(shaped, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      const atr = decodeAtr(bytes);
      if (!atr.ok) return;
      const { interfaceBytes, historicalBytes, check, rest } = atr.value;
      const groups = interfaceBytes.flatMap(({ ta, tb, tc, td }) => [ta, tb, tc, td]).filter((b) => b !== undefined);
      const tck = check.kind === "present" ? [check.tck] : [];
      const parts = [...bytes.subarray(0, 2), ...groups, ...historicalBytes, ...tck, ...rest];
      expect(parts).toEqual([...bytes]);
    }),
    { numRuns: 500 },
  );
});
