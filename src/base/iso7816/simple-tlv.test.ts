// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes, type Result } from "../binary/index.ts";
import { decodeSimpleTlv, encodeSimpleTlv } from "./simple-tlv.ts";

function decodedValue<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

describe("SIMPLE-TLV", () => {
  test("lengths of one and of three bytes", () => {
    expect(decodedValue(decodeSimpleTlv(hexBytes("0102AABB FEFF0001CC".replace(" ", ""))))).toEqual([
      { tag: 1, value: hexBytes("AABB") },
      { tag: 0xfe, value: hexBytes("CC") },
    ]);
    expect(encodeHex(encodeSimpleTlv([{ tag: 5, value: new Uint8Array(255) }]).subarray(0, 4))).toBe("05FF00FF");
    expect(encodeHex(encodeSimpleTlv([{ tag: 5, value: new Uint8Array(254) }]).subarray(0, 2))).toBe("05FE");
  });

  test.each(["0001AA", "FF01AA", "01", "0102AA", "01FF00"])("refuses %s", (hex) => {
    expect(decodeSimpleTlv(hexBytes(hex)).ok).toBe(false);
  });

  test.each(["0000 0101AA FF00 0202BBCC FFFF", "FF 0101AA 0202BBCC 00", "0101AA 0202BBCC"])(
    "skips padding: %s",
    (hex) => {
      expect(decodedValue(decodeSimpleTlv(hexBytes(hex.replaceAll(" ", ""))))).toEqual([
        { tag: 1, value: hexBytes("AA") },
        { tag: 2, value: hexBytes("BBCC") },
      ]);
    },
  );

  test.each(["", "00", "FFFF00"])("nothing but padding is no object: %j", (hex) => {
    expect(decodedValue(decodeSimpleTlv(hexBytes(hex)))).toEqual([]);
  });

  test("encode refuses values that are not SIMPLE-TLV", () => {
    expect(() => encodeSimpleTlv([{ tag: 255, value: new Uint8Array(0) }])).toThrow("1 to 254, not 255");
    expect(() => encodeSimpleTlv([{ tag: 1, value: new Uint8Array(65_536) }])).toThrow("at most 65535 bytes");
  });

  test("property: round trips, and any bytes end with a result", () => {
    const value = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 250, maxLength: 300 }));
    const objects = fc.array(fc.record({ tag: fc.integer({ min: 1, max: 254 }), value }), { maxLength: 5 });
    fc.assert(
      fc.property(objects, fc.uint8Array({ maxLength: 300 }), (list, bytes) => {
        expect(decodedValue(decodeSimpleTlv(encodeSimpleTlv(list)))).toEqual(list);
        const decoded = decodeSimpleTlv(bytes);
        if (decoded.ok) expect(decodedValue(decodeSimpleTlv(encodeSimpleTlv(decoded.value)))).toEqual(decoded.value);
        expect(typeof decodeSimpleTlv(bytes).ok).toBe("boolean");
      }),
    );
  });
});
