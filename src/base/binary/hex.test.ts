// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeHex, encodeHex, hexByte, hexBytes, hexDword, hexWord } from "./index.ts";

describe("encodeHex", () => {
  it("writes two upper-case digits a byte", () => {
    expect(encodeHex(Uint8Array.of(0x00, 0x0a, 0xff))).toBe("000AFF");
    expect(encodeHex(Uint8Array.of(0x00, 0x0a, 0xff), " ")).toBe("00 0A FF");
    expect(encodeHex(new Uint8Array())).toBe("");
  });

  it("agrees with hexByte on every byte", () => {
    for (let value = 0; value < 256; value++) expect(encodeHex(Uint8Array.of(value))).toBe(hexByte(value));
  });
});

describe("decodeHex", () => {
  it("reads what encodeHex wrote, with any separator, in either case, with and without 0x", () => {
    const separators = fc.constantFrom("", " ", ":", "-", "\n", "\t", "  ");
    fc.assert(
      fc.property(fc.uint8Array(), separators, fc.boolean(), fc.boolean(), (bytes, separator, prefix, small) => {
        const written = (prefix ? "0x" : "") + encodeHex(bytes, separator);
        const decoded = decodeHex(small ? written.toLowerCase() : written);
        expect(decoded).toEqual({ ok: true, value: bytes });
      }),
    );
  });

  it("answers any text with bytes or an error, and never throws", () => {
    const hexish = fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEFxX:- \t", "g", "ŀ", "𝟘") });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), hexish), (text) => {
        const decoded = decodeHex(text);
        if (decoded.ok) expect(decoded.value.length).toBeLessThanOrEqual(text.length / 2);
        else expect(decoded.error.offset).toBeLessThanOrEqual(text.length);
      }),
    );
  });

  it.each([
    ["0", "an odd number of digits"],
    ["0 0", "a separator within a byte"],
    ["0G", "a letter that is not a digit"],
    ["00 0x00", "a prefix in the middle"],
    ["00,00", "an unknown separator"],
  ])("refuses %j: %s", (text) => {
    expect(decodeHex(text).ok).toBe(false);
  });

  it("never repeats the text in the error: it may hold a PIN", () => {
    const decoded = decodeHex("0020000108 31323334zz");
    expect(decoded).toEqual({ ok: false, error: { message: "not a hexadecimal digit at position 20", offset: 19 } });
  });
});

it("hexBytes gives the bytes, or throws without the text", () => {
  expect(hexBytes("0x00 A4")).toEqual(Uint8Array.of(0, 0xa4));
  expect(() => hexBytes("31323G")).toThrow(SyntaxError);
  expect(() => hexBytes("31323G")).toThrow(/position 6$/);
  expect(() => hexBytes(Uint8Array.of(1) as never)).toThrow(TypeError);
});

it("hexWord writes 16 bits with four upper-case digits", () => {
  expect([0, 0x0a, 0x6a82, 0xffff].map(hexWord)).toEqual(["0000", "000A", "6A82", "FFFF"]);
  expect(() => hexWord(0x1_0000)).toThrow(RangeError);
  expect(() => hexWord(-1)).toThrow(RangeError);
});

it("hexDword shows 32 bits with eight digits, in either sign", () => {
  expect([0, 0x8010_000b, -1].map(hexDword)).toEqual(["0x00000000", "0x8010000B", "0xFFFFFFFF"]);
  expect(() => hexDword(0x1_0000_0000)).toThrow(RangeError);
});
