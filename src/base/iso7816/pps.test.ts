// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../binary/index.ts";
import { checkPpsResponse, decodePps, encodePps } from "./pps.ts";
import { decodeTransmissionFactors, etuFactorsOf } from "./transmission-factors.ts";

describe("requests and responses, ISO/IEC 7816-3:2006, 9.2", () => {
  test.each([
    ["FF00FF", { protocol: 0 }],
    ["FF01FE", { protocol: 1 }],
    ["FF109679", { protocol: 0, pps1: 0x96 }],
    ["FF11957B", { protocol: 1, pps1: 0x95 }],
    ["FF711122338E", { protocol: 1, pps1: 0x11, pps2: 0x22, pps3: 0x33 }],
  ])("%s", (hex, pps) => {
    expect(encodeHex(encodePps(pps))).toBe(hex);
    expect(decodePps(hexBytes(hex))).toMatchObject({ ok: true, value: pps });
  });

  test.each([
    ["", "PPSS is missing"],
    ["FE00FE", "PPSS is not FF"],
    ["FF807F", "highest bit of PPS0"],
    ["FF0FF0", "T=15"],
    ["FF1096", "PCK is missing"],
    ["FF109678", "PCK is 78, and should be 79"],
    ["FF00FF00", "left over"],
  ])("%s: %s", (hex, message) => {
    const decoded = decodePps(hexBytes(hex));
    expect(decoded.ok ? "decoded" : decoded.error.message).toContain(message);
  });

  test("encode refuses what does not fit", () => {
    expect(() => encodePps({ protocol: 15 })).toThrow("0 to 14, not 15");
    expect(() => encodePps({ protocol: 0, pps2: 256 })).toThrow("PPS2 is 0 to 255, not 256");
  });
});

describe("agreement, ISO/IEC 7816-3:2006, 9.3", () => {
  const request = { protocol: 1, pps1: 0x96, pps2: 0x01 };

  test("an echo agrees to F and D", () => {
    expect(checkPpsResponse(request, request)).toEqual({ agreed: true, protocol: 1, factors: { f: 512, d: 32 } });
  });

  test("PPS1 left out agrees to Fd and Dd", () => {
    expect(checkPpsResponse(request, { protocol: 1 })).toEqual({
      agreed: true,
      protocol: 1,
      factors: { f: 372, d: 1 },
    });
  });

  test.each([
    [{ protocol: 0, pps1: 0x96 }, "T=1 was asked for, and T=0 answered"],
    [{ protocol: 1, pps1: 0x95 }, "PPS1 of the response"],
    [{ protocol: 1, pps1: 0x96, pps2: 0x02 }, "PPS2 of the response"],
    [{ protocol: 1, pps3: 0x00 }, "PPS3 of the response"],
  ])("%j does not agree: %s", (response, reason) => {
    const outcome = checkPpsResponse(request, response);
    expect(outcome.agreed ? "agreed" : outcome.reason).toContain(reason);
  });

  test("a reserved F or D is no agreement", () => {
    expect(checkPpsResponse({ protocol: 0, pps1: 0x70 }, { protocol: 0, pps1: 0x70 }).agreed).toBe(false);
  });
});

test("property: round trips, and any bytes end with a result", () => {
  const byte = fc.option(fc.nat(255), { nil: undefined });
  const requests = fc.record({ protocol: fc.nat(14), pps1: byte, pps2: byte, pps3: byte });
  fc.assert(
    fc.property(requests, fc.uint8Array({ maxLength: 300 }), (pps, bytes) => {
      expect(decodePps(encodePps(pps))).toEqual({ ok: true, value: pps });
      const decoded = decodePps(bytes);
      if (decoded.ok) expect(encodeHex(encodePps(decoded.value))).toBe(encodeHex(bytes));
    }),
  );
});

describe("F and D, ISO/IEC 7816-3:2006, tables 7 and 8", () => {
  test.each([
    [0x11, 372, 1, 5_000_000],
    [0x01, 372, 1, 4_000_000],
    [0x18, 372, 12, 5_000_000],
    [0x69, 1860, 20, 20_000_000],
    [0x97, 512, 64, 5_000_000],
    [0xa4, 768, 8, 7_500_000],
    [0xd6, 2048, 32, 20_000_000],
  ])("%i", (code, fi, di, maxClockHz) => {
    expect(decodeTransmissionFactors(code)).toEqual({ code, fi, di, maxClockHz });
  });

  test("108 of 256 codes have both F and D", () => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    // 12 of 16 values of F, and 9 of 16 values of D.
    expect(codes.filter((code) => etuFactorsOf(code) !== undefined)).toHaveLength(12 * 9);
  });
});
