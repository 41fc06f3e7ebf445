// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { didYouMean, editDistance, quotedWord } from "./suggestion.ts";

describe("didYouMean", () => {
  const commands = ["readers", "watch", "apdu", "atr", "remove", "--timeout"];

  it.each([
    ["reades", '; did you mean "readers"?'],
    ["raeders", '; did you mean "readers"?'],
    ["READERS", '; did you mean "readers"?'],
    ["wach", '; did you mean "watch"?'],
    ["read", '; did you mean "readers"?'],
    ["apud", '; did you mean "apdu"?'],
    ["--tiemout", "; did you mean --timeout?"],
    ["nonsense", ""],
    ["x", ""],
    ["", ""],
    ["a".repeat(100_000), ""],
  ])("%s", (word, hint) => {
    expect(didYouMean(word, commands)).toBe(hint);
  });
});

describe("editDistance", () => {
  const word = fc.string({ maxLength: 12 });

  it("is a distance: nothing to itself, and the same both ways", () => {
    fc.assert(
      fc.property(word, word, (one, other) => {
        expect(editDistance(one, one)).toBe(0);
        expect(editDistance(one, other)).toBe(editDistance(other, one));
        expect(editDistance(one, other)).toBeLessThanOrEqual(Math.max(one.length, other.length));
        expect(editDistance(one, other)).toBeGreaterThanOrEqual(Math.abs(one.length - other.length));
      }),
    );
  });
});

describe("quotedWord", () => {
  it("repeats words", () => {
    expect(["reades", "who-holds"].map(quotedWord)).toEqual(['"reades"', '"who-holds"']);
  });

  it("repeats nothing that decodes as hexadecimal, and nothing with digits", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-fA-F :-]*$/), (text) => {
        expect(quotedWord(text)).toBeUndefined();
      }),
    );
    expect(["002000010431323334", "deadbeef", "pin1234", "x".repeat(40)].map(quotedWord)).toEqual(
      Array(4).fill(undefined),
    );
  });
});
