// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { expect, test } from "vitest";
import { bigEndianBytes, bigEndianNumber } from "./big-endian.ts";

test("a number has as few bytes as hold it, and as many as are asked for", () => {
  expect(bigEndianBytes(0, 0, 4, "n")).toEqual([]);
  expect(bigEndianBytes(0, 2, 4, "n")).toEqual([0, 0]);
  expect(bigEndianBytes(0x01_0000, 2, 4, "n")).toEqual([1, 0, 0]);
  expect(bigEndianNumber(Uint8Array.of())).toBe(0);
  expect(bigEndianNumber(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toBe(0xffff_ffff);
});

test.each([-1, 1.5, 65_536, Number.NaN])("%d does not fit two bytes", (value) => {
  expect(() => bigEndianBytes(value, 1, 2, "n")).toThrow(RangeError);
});

test("property: what is written is read again", () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.integer({ min: 1, max: 4 }), (value, least) => {
      const bytes = bigEndianBytes(value, least, 4, "n");
      expect(bytes.length).toBeGreaterThanOrEqual(least);
      expect(bigEndianNumber(Uint8Array.from(bytes))).toBe(value);
    }),
  );
});
