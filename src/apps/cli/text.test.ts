// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { painter, wantsColor } from "./terminal.ts";
import { asciiText, bytesForPeople, count, duration, jsonText, visible, visibleLines } from "./text.ts";

describe("text", () => {
  it("lets no control character of others reach the terminal", () => {
    expect(visible("Reader\u001b[2J\u0007\u202e 0")).toBe("Reader\\u{1b}[2J\\u{7}\\u{202e} 0");
    expect(visible('Lesegerät "2"')).toBe('Lesegerät "2"');
    expect(visibleLines("card.json is no card image:\n  $.name: is missing\u001b\nscard: all is well")).toBe(
      "card.json is no card image:\n  $.name: is missing\\u{1b}\\u{a}scard: all is well",
    );
  });

  it("is ASCII only where every byte is printable, and there is one", () => {
    expect(asciiText(new Uint8Array())).toBeUndefined();
    expect(asciiText(Uint8Array.of(0x48, 0x69))).toBe("Hi");
    expect(asciiText(Uint8Array.of(0x48, 0x0a))).toBeUndefined();
    expect(asciiText(Uint8Array.of(0x48, 0xe9))).toBeUndefined();
    expect(bytesForPeople(Uint8Array.of(0x48, 0x69))).toBe('48 69  "Hi"');
    expect(bytesForPeople(new Uint8Array())).toBe("none");
  });

  it("has numbers and times for people", () => {
    expect([count(0, "reader"), count(1, "reader"), count(2, "reader")]).toEqual([
      "0 readers",
      "1 reader",
      "2 readers",
    ]);
    expect([0.123, 9.999, 12.3, 999, 1000, 61_000].map(duration)).toEqual([
      "0.12 ms",
      "10.00 ms",
      "12 ms",
      "999 ms",
      "1.0 s",
      "61.0 s",
    ]);
  });

  it("is JSON with no character that acts on a terminal", () => {
    const name = "R\u001b\u009b31m\u202e\u2028\u007f\u{e0001}ä";
    const text = jsonText({ name }, "compact");
    expect(text).toBe('{"name":"R\\u001b\\u009b31m\\u202e\\u2028\\u007f\\udb40\\udc01ä"}');
    expect(JSON.parse(text)).toEqual({ name });
  });

  it("is JSON with bytes in hexadecimal and without what is undefined", () => {
    const value = { atr: Uint8Array.of(0x3b, 0), none: undefined, list: [Uint8Array.of(1)] };
    expect(jsonText(value, "compact")).toBe('{"atr":"3B00","list":["01"]}');
    expect(JSON.parse(jsonText(value))).toEqual({ atr: "3B00", list: ["01"] });
  });
});

describe("colour", () => {
  it("is for terminals, and for those who do not forbid it", () => {
    expect(wantsColor({ isTTY: true }, {})).toBe(true);
    expect(wantsColor({ isTTY: true }, { NO_COLOR: "" })).toBe(true);
    expect(wantsColor({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
    expect(wantsColor({ isTTY: true }, { TERM: "dumb" })).toBe(false);
    expect(wantsColor({}, {})).toBe(false);
  });

  it("is an escape sequence, and nothing where it is off", () => {
    expect(painter(true)("red", "no")).toBe("\u001b[31mno\u001b[39m");
    expect(painter(false)("red", "no")).toBe("no");
  });
});
