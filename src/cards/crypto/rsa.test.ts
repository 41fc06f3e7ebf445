// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import { bitLength, rsaKeyFromPrimes } from "./rsa-key.ts";

describe("keys of two primes", () => {
  test("the numbers fit one another", () => {
    const key = rsaKeyFromPrimes(hexBytes("003D"), hexBytes("35"), hexBytes("11"));
    // 61 * 53 = 3233, lcm(60, 52) = 780, 17 * 413 = 9 * 780 + 1.
    expect(key).toEqual({
      n: hexBytes("0CA1"),
      e: hexBytes("11"),
      d: hexBytes("019D"),
      p: hexBytes("3D"),
      q: hexBytes("35"),
      dp: hexBytes("35"),
      dq: hexBytes("31"),
      qinv: hexBytes("26"),
    });
  });

  test.each([
    ["the same prime twice", "3D", "3D", "11"],
    ["an even factor", "3C", "35", "11"],
    ["no factor", "", "35", "11"],
    ["one", "01", "35", "11"],
    ["an even exponent", "3D", "35", "10"],
    ["an exponent that has no inverse", "3D", "35", "03"],
    ["factors that are not coprime", "0F", "15", "11"],
  ])("%s: none", (_, p, q, e) => {
    expect(rsaKeyFromPrimes(hexBytes(p), hexBytes(q), hexBytes(e))).toBeUndefined();
  });

  test.each([
    ["", 0],
    ["00", 0],
    ["01", 1],
    ["80", 8],
    ["000100", 9],
  ])("%s has %i bits", (hex, bits) => {
    expect(bitLength(hexBytes(hex))).toBe(bits);
  });
});
