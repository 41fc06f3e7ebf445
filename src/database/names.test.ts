// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { foldName, sameName } from "./names.ts";

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
    for (let code = 0; code <= 0x10ffff; code++) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const folded = foldName(String.fromCodePoint(code));
      if (foldName(folded) !== folded || [...folded].length !== 1) changed.push(code);
    }
    expect(changed).toEqual([]);
  });
});
