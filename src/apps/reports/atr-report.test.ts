// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import { type Atr, decodeAtr } from "../../base/iso7816/index.ts";
import { atrForPrograms, describeAtr, summarizeAtr } from "./atr-report.ts";
import { jsonText } from "./text.ts";

function atrOf(hex: string): Atr {
  const decoded = decodeAtr(hexBytes(hex));
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
}

/** The lines of a report by their title; a line without one belongs to the one above. */
function report(hex: string): Record<string, string[]> {
  const lines: Record<string, string[]> = {};
  let title = "";
  for (const [next, text] of describeAtr(atrOf(hex))) {
    title = next || title;
    lines[title] = [...(lines[title] ?? []), text];
  }
  return lines;
}

// Made as PC/SC part 3, 3.1.3.2.3, says: standard 03, card 0003. The other ATRs here were made for these tests.
const ULTRALIGHT = "3B8F8001804F0CA0000003060300030000000068";

describe("an ATR in a few words", () => {
  it.each([
    [ULTRALIGHT, "PC/SC contactless storage card, MIFARE Ultralight"],
    ["3B021450", "card with T=0"],
    ["3B8D8011FE8031F873F721606573636172646C", 'card with T=0 and T=1, "scard"'],
  ])("%s: %s", (hex, words) => expect(summarizeAtr(hexBytes(hex))).toBe(words));

  it("can be had of any bytes, and is safe to print", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(summarizeAtr(bytes)).toMatch(/^[\x20-\x7e""]+$/);
      }),
    );
  });
});

describe("an ATR for people", () => {
  it("is told byte by byte", () => {
    const lines = report("3BFB9600008131FE435F43545F534D4152545F434108");
    expect(lines).toMatchObject({
      TS: ["3B  direct convention"],
      T0: ["FB  11 historical bytes; TA1, TB1, TC1, TD1 follow"],
      TA1: ["96  Fi 512, Di 32, clock up to 5 MHz"],
      TC1: ["00  extra guard time N = 0"],
      TD1: ["81  T=1; TD2 follows"],
      TD2: ["31  T=1; TA3, TB3 follow"],
      TA3: ["FE  IFSC 254 bytes (T=1)"],
      TB3: ["43  BWI 4, CWI 3 (T=1)"],
    });
    expect(lines.Speed?.[0]).toMatch(/^10,753 bit\/s at the start \(4 MHz\), 312,500 bit\/s at most/);
  });

  it("tells of the specific mode, the waiting time of T=0, and global bytes", () => {
    const lines = report("3B9011D0000A1FC782");
    expect(lines.TA2).toEqual(["00  specific mode: T=0, may change at the next reset, F and D of TA1"]);
    expect(lines.TC2).toEqual(["0A  waiting time integer WI = 10 (T=0)"]);
    expect(lines.TA3).toEqual(["C7  clock stop no-preference, class A, B, C"]);
    expect(lines.Supply).toEqual(["class A (5 V), B (3 V), C (1.8 V); the clock may be stopped, low or high"]);
    expect(lines.Problem).toEqual(["TCK is 82, and should be 83"]);
  });

  it("names the card of a contactless reader, and its standard", () => {
    expect(report(ULTRALIGHT).ATR).toContain("ISO/IEC 14443 A, part 3");
  });

  it("works for every ATR", () => {
    const start = fc.constantFrom(0x3b, 0x3f);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 32 }), (ts, rest) => {
        const decoded = decodeAtr(Uint8Array.of(ts, ...rest));
        if (!decoded.ok) return;
        const texts = describeAtr(decoded.value).flat();
        expect(texts.join("")).not.toMatch(/undefined|NaN|\p{Cc}/u);
        expect(JSON.parse(jsonText(atrForPrograms(decoded.value)))).toMatchObject({ problems: expect.any(Array) });
      }),
    );
  });
});

describe("times in text and JSON are one computation", () => {
  it.each([
    ["3B9C131181647265616D6372797074000408", "43,011 bit/s at the start", 43_010.753],
    ["3B90969181B1FE551FC7D4", "250,000 bit/s at the start", 250_000],
    ["3B9095801F00", "10,753 bit/s at the start", 10_752.688],
  ])("%s", (hex, text, bitsPerSecond) => {
    const atr = atrOf(hex);
    expect(Object.fromEntries(describeAtr(atr)).Speed).toContain(text);
    const { timings } = JSON.parse(jsonText(atrForPrograms(atr)));
    expect(timings.bitsPerSecond).toBeCloseTo(bitsPerSecond, 2);
  });

  it("neither tells what F and D are where they are implicit, or reserved", () => {
    for (const [hex, reason] of [
      ["3B90951090", "not told: F and D are implicit; the clock is 5 MHz at most"],
      ["3B90751080", "not told: TA1 is reserved"],
    ] as const) {
      const lines = Object.fromEntries(describeAtr(atrOf(hex)));
      expect(lines.Speed).toBe(reason);
      expect(lines["T=0"]).toBe("guard time not told, WI 10: WT not told");
      expect(JSON.parse(jsonText(atrForPrograms(atrOf(hex)))).timings).toBeUndefined();
    }
  });
});
