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
    for (let code = 0; code <= 0x10ffff; code++) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const folded = foldName(String.fromCodePoint(code));
      if (foldName(folded) !== folded || [...folded].length !== 1) changed.push(code);
    }
    expect(changed).toEqual([]);
  });
});
