// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { describeStatusWord, statusWordFamilies, statusWords } from "./status-word.ts";

describe("ISO/IEC 7816-4:2005, 5.1.3, tables 5 and 6", () => {
  test.each([
    [0x9000, "success", "success"],
    [0x6110, "success", "16 bytes of response data available"],
    [0x6100, "success", "256 bytes of response data available"],
    [0x6282, "warning", "end of the file"],
    [0x62f1, "warning", "memory unchanged"],
    [0x6240, "warning", "a query of 64 bytes"],
    [0x6400, "execution-error", "execution error"],
    [0x6402, "execution-error", "a query of 2 bytes"],
    [0x6581, "execution-error", "memory failure"],
    [0x6700, "checking-error", "wrong length"],
    [0x6884, "checking-error", "chaining not supported"],
    [0x6982, "checking-error", "security status not satisfied"],
    [0x6a82, "checking-error", "not found"],
    [0x6aff, "checking-error", "wrong parameters P1-P2"],
    [0x6c01, "checking-error", "wrong Le: 1 byte available"],
    [0x6d00, "checking-error", "instruction code not supported"],
    [0x6e00, "checking-error", "class not supported"],
    [0x6f42, "checking-error", "proprietary"],
    [0x9100, "unknown", "proprietary status"],
    [0x9f10, "unknown", "proprietary status"],
    [0x6000, "unknown", "not a status word"],
    [0x0000, "unknown", "not a status word"],
    [0x1_9000, "unknown", "not a status word"],
    [-1, "unknown", "not a status word"],
  ])("%i", (sw, kind, meaning) => {
    const description = describeStatusWord(sw);
    expect(description.kind).toBe(kind);
    expect(description.meaning).toContain(meaning);
    expect("retriesLeft" in description).toBe(false);
  });

  test.each([
    [0x63c0, 0, "no tries left"],
    [0x63c1, 1, "1 try left"],
    [0x63cf, 15, "15 tries left"],
  ])("%i counts tries where the command verifies", (sw, retriesLeft, meaning) => {
    for (const ins of [0x20, 0x24, 0x2c, 0x82, 0x87]) {
      expect(describeStatusWord(sw, ins)).toEqual({
        kind: "warning",
        meaning: `verification failed, ${meaning}`,
        counter: retriesLeft,
        retriesLeft,
      });
    }
  });

  test("63C2 counts retries of the card where the command writes, and is a counter for any other", () => {
    const counter = { kind: "warning", counter: 2 };
    for (const ins of [0xd0, 0xd6, 0xd7, 0xda, 0xdc, 0xe2, 0x0e]) {
      expect(describeStatusWord(0x63c2, ins)).toEqual({ ...counter, meaning: "done, after 2 internal retries" });
    }
    expect(describeStatusWord(0x63c1, 0xd6).meaning).toBe("done, after 1 internal retry");
    for (const ins of [undefined, 0xa4, 0xb0, 0xf0]) {
      const meaning = "counter 2; what it counts depends on the command";
      expect(describeStatusWord(0x63c2, ins)).toEqual({ ...counter, meaning });
    }
  });

  test("63BF and 63D0 are next to the counter and not of it", () => {
    expect(describeStatusWord(0x63bf, 0x20).counter).toBeUndefined();
    expect(describeStatusWord(0x63d0, 0x20).counter).toBeUndefined();
  });
});

test("every name of a status word has its own number, and a meaning that its family does not give", () => {
  const numbers = Object.values(statusWords);
  expect(new Set(numbers).size).toBe(numbers.length);
  const meanings = numbers.map((sw) => describeStatusWord(sw).meaning);
  expect(new Set(meanings).size).toBe(numbers.length);
  expect(meanings.filter((meaning) => meaning.includes("proprietary"))).toEqual([]);
});

test("words with a number in them begin where their families do", () => {
  const { bytesAvailable, counter, wrongLe } = statusWordFamilies;
  expect(describeStatusWord(bytesAvailable | 5).meaning).toContain("5 bytes");
  expect(describeStatusWord(wrongLe | 5).meaning).toContain("5 bytes");
  expect(describeStatusWord(counter | 5).counter).toBe(5);
});
