// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes, type Result } from "../binary/index.ts";
import { decodeCompactTlv, encodeCompactTlv } from "./compact-tlv.ts";

function decodedValue<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

describe("COMPACT-TLV", () => {
  test("reads card service data, capabilities and status", () => {
    expect(decodedValue(decodeCompactTlv(hexBytes("3180 73C021C0 829000".replaceAll(" ", ""))))).toEqual([
      { tag: 3, value: hexBytes("80") },
      { tag: 7, value: hexBytes("C021C0") },
      { tag: 8, value: hexBytes("9000") },
    ]);
  });

  test("refuses what does not fit", () => {
    expect(decodeCompactTlv(hexBytes("3F00")).ok).toBe(false);
    expect(() => encodeCompactTlv([{ tag: 16, value: new Uint8Array(0) }])).toThrow("0 to 15, not 16");
    expect(() => encodeCompactTlv([{ tag: 1, value: new Uint8Array(16) }])).toThrow("at most 15 bytes, not 16");
  });

  test("property: round trips, and any bytes end with a result", () => {
    const objects = fc.array(fc.record({ tag: fc.nat(15), value: fc.uint8Array({ maxLength: 15 }) }), { maxLength: 8 });
    fc.assert(
      fc.property(objects, fc.uint8Array({ maxLength: 300 }), (list, bytes) => {
        expect(decodedValue(decodeCompactTlv(encodeCompactTlv(list)))).toEqual(list);
        const decoded = decodeCompactTlv(bytes);
        if (decoded.ok) expect(encodeHex(encodeCompactTlv(decoded.value))).toBe(encodeHex(bytes));
      }),
    );
  });
});
