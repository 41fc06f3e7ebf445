// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { checkName, foldName, sameName } from "./names.ts";

describe("a name is refused", () => {
  test.each([
    ["", "is empty"],
    ["a".repeat(256), "more than 255 characters"],
    ["a\0b", "control characters"],
    ["a\u001b[31m", "control characters"],
    ["a\u2028b", "control characters"],
    ["a\ud800", "half a surrogate pair"],
    [undefined as unknown as string, "is not a text"],
  ])("%j: it %s", (name, why) => {
    expect(() => checkName(name, "card")).toThrow(expect.objectContaining({ code: "invalid-parameter" }));
    expect(() => checkName(name, "card")).toThrow(why);
  });

  test("and others are not", () => {
    for (const name of ["a", "a".repeat(255), "Reader (é) 00", "💳"])
      expect(() => checkName(name, "card")).not.toThrow();
  });
});

describe("names are compared", () => {
  test.each([
    ["SCard$DefaultReaders", "scard$DEFAULTREADERS"],
    ["Väinö", "VÄINÖ"],
    ["Σίσυφος", "ΣΊΣΥΦΟΣ"],
    ["Яндекс", "яНДЕКС"],
  ])("without regard to case: %s is %s", (one, other) => {
    expect(sameName(one, other)).toBe(true);
  });

  test.each([
    ["straße", "STRASSE"],
    ["a", "b"],
    ["reader", "reader "],
    ["é", "e\u0301"],
  ])("and with regard to all else: %s is not %s", (one, other) => {
    expect(sameName(one, other)).toBe(false);
  });

  test("the folded form of every character is folded already", () => {
    const changed: number[] = [];
    const isStable = (text: string): boolean => {
      const folded = foldName(text);
      return foldName(folded) === folded && [...folded].length === [...text].length;
    };
    for (let first = 0; first <= 0x10ffff; first += 256) {
      if (first >= 0xd800 && first < 0xe000) continue;
      const codes = Array.from({ length: 256 }, (_, index) => first + index);
      if (isStable(String.fromCodePoint(...codes))) continue;
      changed.push(...codes.filter((code) => !isStable(String.fromCodePoint(code))));
    }
    expect(changed).toEqual([]);
  });
});
