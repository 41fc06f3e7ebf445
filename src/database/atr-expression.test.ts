// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeHex, encodeHex } from "../base/binary/index.ts";
import { parseAtrExpression } from "./atr-expression.ts";
import { type AtrPattern, matchesAtr } from "./atr-pattern.ts";
import { MAX_ATRS_PER_EXPRESSION } from "./limits.ts";

function patternsOf(text: string): readonly AtrPattern[] {
  const parsed = parseAtrExpression(text);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
}

function written(text: string): string[] {
  return patternsOf(text).map(({ atr, mask }) => encodeHex(atr) + (mask === undefined ? "" : `/${encodeHex(mask)}`));
}

describe("an expression becomes patterns", () => {
  test.each([
    ["3B 02 14 50", ["3B021450"]],
    ["3b 0a", ["3B0A"]],
    ["3B .. 1. .1", ["3B001001/FF00F00F"]],
    ["3B 0[4-7]", ["3B04/FFFC"]],
    ["3B 0[1-3]", ["3B01/FFFD", "3B02/FFFE"]],
    ["3B 0[1,3]", ["3B01/FFFD"]],
    ["3B [F6]9", ["3B69", "3BF9"]],
    ["3B [^0-9a-f0]0|3B 00", ["3B00"]],
    ["3B (00|FF 01)", ["3B00", "3BFF01"]],
    ["3B (?:0|1)0", ["3B00", "3B10"]],
    ["3B( 00)?", ["3B", "3B00"]],
    ["3B(){3}( 00){1,2}", ["3B00", "3B0000"]],
    ["3B( 00|){2}", ["3B0000", "3B00", "3B"]],
    ["3B( 0[01]){2}", ["3B0000/FFFEFE"]],
    ["3B .{4} 01", []],
    ["3B .{5} 01", ["3B000001/FF0000FF"]],
  ])("%s", (text, expected) => {
    if (expected.length === 0) expect(parseAtrExpression(text).ok).toBe(false);
    else expect(written(text)).toEqual(expected);
  });

  test("`.*` stands for bytes up to the longest ATR", () => {
    expect(patternsOf("3B EF .* 38").map(({ atr }) => atr.length)).toEqual(
      Array.from({ length: 30 }, (_, extra) => 4 + extra),
    );
    // Attached to a byte, as in one line of the list, it may also match nothing.
    expect(written("3B 90 00.*").slice(0, 2)).toEqual(["3B9000", "3B900000/FFFFFF00"]);
    expect(patternsOf("3B 90 00.*").length).toBe(31);
  });

  test("it matches the texts that the regular expression matches", () => {
    const digit = fc.constantFrom(..."013BF.", "[13]", "[0-7]", "[^3]", "[B-F]");
    const gap = fc.constantFrom(" ", " ", " ", ".", "( 0. )", "( | 00 )");
    const pair = fc.tuple(digit, digit).map((pair) => pair.join(""));
    const suffix = fc.constantFrom("", "", "( ..)?", "( 0[13]){1,2}", " .*", ".*", "( 3B)+");
    const expression = fc
      .tuple(pair, fc.array(fc.tuple(gap, pair), { maxLength: 4 }), suffix)
      .map(([first, rest, last]) => first + rest.flat().join("") + last);
    const value = fc.constantFrom(0x00, 0x01, 0x03, 0x3b, 0xf3, 0x0b, 0x13);
    const atrs = fc.array(fc.array(value, { minLength: 1, maxLength: 8 }), { minLength: 10, maxLength: 30 });
    let matched = 0;
    fc.assert(
      fc.property(expression, atrs, (text, candidates) => {
        const parsed = parseAtrExpression(text);
        const regularExpression = new RegExp(`^(?:${text})$`, "i");
        if (!parsed.ok && parsed.error.message.includes("stands for more than")) return;
        const patterns = parsed.ok ? parsed.value : [];
        const differing = candidates.filter((bytes) => {
          const candidate = Uint8Array.from(bytes);
          const expected = regularExpression.test(encodeHex(candidate, " "));
          if (expected) matched++;
          return patterns.some((pattern) => matchesAtr(pattern, candidate)) !== expected;
        });
        expect(differing).toEqual([]);
      }),
      { numRuns: 250 },
    );
    // About 40 of the 250, at random.
    expect(matched).toBeGreaterThan(5);
  });

  test("of digits every set comes out as it went in", () => {
    fc.assert(
      fc.property(fc.subarray([..."0123456789ABCDEF"], { minLength: 1 }), (digits) => {
        const patterns = patternsOf(`3B 0[${digits.join("")}]`);
        const matching = [..."0123456789ABCDEF"].filter((digit) => {
          const atr = decodeHex(`3B0${digit}`);
          return atr.ok && patterns.some((pattern) => matchesAtr(pattern, atr.value));
        });
        expect(matching).toEqual(digits);
      }),
    );
  });
});

describe("an expression is refused", () => {
  test.each([
    ["3B 0G", '"G" is not understood', 4],
    ["3B 00)", "closing parenthesis", 5],
    ["3B (00", "a group that does not end", 3],
    ["3B (?=00)", "a kind that is not understood", 3],
    ["3B [00", "a set that does not end", 3],
    ["3B 0[9-1]", "not one of digits", 5],
    ["3B 0[\\d]", "backslash", 5],
    ["3B 0{2,1}", "end is before", 4],
    ["3B 0{x}", "a count that is not understood", 4],
    ["^3B", '"^" is not understood', 0],
    ["*", '"*" is not understood', 0],
    ["3B 0", "no ATR can match", 0],
    ["3B00", "no ATR can match", 0],
    ["", "no ATR can match", 0],
    [Array.from({ length: 34 }, () => "..").join(" "), "no ATR can match", 0],
    ["[0369CF][0369CF] [0369CF][0369CF]", `more than ${MAX_ATRS_PER_EXPRESSION}`, 0],
    ["(((.|..)*)*)*", "", 0],
    ["((((((){98}){98}){98}){98}){98}){98}", "no ATR can match", 0],
  ])("%s", (text, why, offset) => {
    const parsed = parseAtrExpression(text);
    expect(parsed).toMatchObject({ ok: false, error: { offset } });
    if (!parsed.ok) expect(parsed.error.message).toContain(why);
  });

  test.each([
    ["long groups of nothing", `3B(.${"()".repeat(490)})*`, "too many branches"],
    ["long groups of almost nothing", `3B(.${"(|0)".repeat(240)}){98}`, "too many branches"],
    ["many choices", `3B${"( 00|)".repeat(160)}`, "too many branches"],
    ["groups within groups", `${"(".repeat(400)}3B${")".repeat(400)}`, "more than 20 deep"],
    ["a long text", "3".repeat(1001), "more than 1000 characters"],
  ])("for %s", (_, text, why) => {
    expect(parseAtrExpression(text)).toMatchObject({ ok: false, error: { message: expect.stringContaining(why) } });
  });

  test("and never by an exception", () => {
    const noise = fc.string({ unit: fc.constantFrom(..."0Bf .*+?{}2,()[]|^-:\\é"), maxLength: 60 });
    fc.assert(
      fc.property(fc.oneof(noise, fc.string()), (text) => {
        const parsed = parseAtrExpression(text);
        if (parsed.ok) expect(parsed.value.length).toBeLessThanOrEqual(MAX_ATRS_PER_EXPRESSION);
        else expect(parsed.error.offset).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 500 },
    );
  });
});
