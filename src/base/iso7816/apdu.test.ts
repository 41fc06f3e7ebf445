// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../binary/index.ts";
import { type CommandInit, commandCase, decodeCommand, decodeResponse, encodeCommand, encodeResponse } from "./apdu.ts";

const header = { cla: 0x00, ins: 0xa4, p1: 0x04, p2: 0x0c };

const commands: fc.Arbitrary<CommandInit> = fc
  .record({
    cla: fc.nat(255),
    ins: fc.nat(255),
    p1: fc.nat(255),
    p2: fc.nat(255),
    data: fc.oneof(
      fc.constant(new Uint8Array(0)),
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 254, max: 65_535 }).map((length) => new Uint8Array(length).fill(length & 0xff)),
    ),
    le: fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 257 }), fc.integer({ min: 1, max: 65_536 })),
    wantExtended: fc.boolean(),
  })
  .map(({ wantExtended, ...init }) => ({
    ...init,
    extended: wantExtended && (init.data.length > 0 || init.le !== undefined) ? true : undefined,
  }));

describe("the seven cases of a command, ISO/IEC 7816-3:2006, 12.1.3", () => {
  const data = Uint8Array.of(0x3f, 0x00);
  test.each([
    [1, { ...header }, "00A4040C"],
    ["2S", { ...header, le: 8 }, "00A4040C08"],
    ["2S", { ...header, le: 256 }, "00A4040C00"],
    ["3S", { ...header, data }, "00A4040C023F00"],
    ["4S", { ...header, data, le: 256 }, "00A4040C023F0000"],
    ["2E", { ...header, le: 257 }, "00A4040C000101"],
    ["2E", { ...header, le: 65_536 }, "00A4040C000000"],
    ["2E", { ...header, le: 1, extended: true }, "00A4040C000001"],
    ["3E", { ...header, data, extended: true }, "00A4040C0000023F00"],
    ["4E", { ...header, data, le: 65_536 }, "00A4040C0000023F000000"],
    ["4E", { ...header, data, le: 2, extended: true }, "00A4040C0000023F000002"],
  ] as const)("case %s: %j is %s", (name, init, hex) => {
    const bytes = encodeCommand(init);
    expect(encodeHex(bytes)).toBe(hex);
    const decoded = decodeCommand(bytes);
    if (!decoded.ok) throw new Error(decoded.error.message);
    expect(commandCase(decoded.value)).toBe(name);
    expect(decoded.value.le).toBe("le" in init ? init.le : undefined);
    expect(decoded.value.data).toEqual("data" in init ? init.data : new Uint8Array(0));
  });

  test("256 data bytes make the length fields extended without being asked", () => {
    const bytes = encodeCommand({ ...header, data: new Uint8Array(256) });
    expect(encodeHex(bytes.subarray(0, 7))).toBe("00A4040C000100");
  });
});

describe("encodeCommand refuses contradictions", () => {
  test.each([
    [{ ...header, cla: 256 }, "CLA is 0 to 255, not 256"],
    [{ ...header, ins: -1 }, "INS is 0 to 255, not -1"],
    [{ ...header, p1: 1.5 }, "P1 is 0 to 255, not 1.5"],
    [{ ...header, p2: Number.NaN }, "P2 is 0 to 255, not NaN"],
    [{ ...header, le: 0 }, "Le is 1 to 65536, not 0"],
    [{ ...header, le: 65_537 }, "Le is 1 to 65536, not 65537"],
    [{ ...header, le: 257, extended: false }, "Le 257 does not fit a short Le"],
    [{ ...header, data: new Uint8Array(256), extended: false }, "256 data bytes do not fit a short Lc"],
    [{ ...header, data: new Uint8Array(65_536) }, "at most 65535 data bytes, not 65536"],
    [{ ...header, extended: true }, "neither data nor Le"],
  ])("case %#: %s", (init, message) => {
    expect(() => encodeCommand(init)).toThrow(RangeError);
    expect(() => encodeCommand(init)).toThrow(message);
  });
});

describe("decodeCommand refuses what is not one of the seven cases", () => {
  test.each([
    ["", "CLA is missing"],
    ["00A404", "P2 is missing"],
    ["00A4040C0001", "extended Lc or Le is missing"],
    ["00A4040C0212", "should have 2 bytes, but only 1 are left"],
    ["00A4040C0212340000", "1 bytes are left over"],
    ["00A4040C00000000", "an extended Lc of zero"],
    ["00A4040C0000021234FF", "extended Le is missing"],
  ])("%s", (hex, message) => {
    const decoded = decodeCommand(hexBytes(hex));
    expect(decoded.ok).toBe(false);
    if (!decoded.ok) expect(decoded.error.message).toContain(message);
  });
});

test("property: a command survives encoding and decoding", () => {
  fc.assert(
    fc.property(commands, (init) => {
      const bytes = encodeCommand(init);
      const decoded = decodeCommand(bytes);
      if (!decoded.ok) throw new Error(decoded.error.message);
      expect(decoded.value).toMatchObject({ cla: init.cla, ins: init.ins, p1: init.p1, p2: init.p2, le: init.le });
      expect(encodeHex(decoded.value.data)).toBe(encodeHex(init.data ?? new Uint8Array(0)));
      expect(encodeHex(encodeCommand(decoded.value))).toBe(encodeHex(bytes));
    }),
    { numRuns: 60 },
  );
});

test("property: any bytes decode or are refused, and what decodes is written back as it was", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const decoded = decodeCommand(bytes);
      if (decoded.ok) expect(encodeHex(encodeCommand(decoded.value))).toBe(encodeHex(bytes));
      const response = decodeResponse(bytes);
      expect(response.ok).toBe(bytes.length >= 2);
      if (response.ok) {
        expect(encodeHex(encodeResponse(response.value.data, response.value.sw))).toBe(encodeHex(bytes));
      }
    }),
  );
});

describe("responses", () => {
  test("status bytes alone", () => {
    expect(decodeResponse(hexBytes("6A82"))).toEqual({
      ok: true,
      value: { data: new Uint8Array(0), sw1: 0x6a, sw2: 0x82, sw: 0x6a82 },
    });
  });

  test("the largest response has 65,538 bytes", () => {
    expect(decodeResponse(new Uint8Array(65_538)).ok).toBe(true);
    expect(decodeResponse(new Uint8Array(65_539)).ok).toBe(false);
    expect(() => encodeResponse(new Uint8Array(65_537), 0x9000)).toThrow("at most 65536 data bytes, not 65537");
  });

  test("the decoded data is a copy", () => {
    const bytes = hexBytes("01029000");
    const decoded = decodeResponse(bytes);
    bytes.fill(0);
    expect(decoded).toMatchObject({ value: { data: Uint8Array.of(1, 2) } });
  });

  test("an invalid status word", () => {
    expect(() => encodeResponse(new Uint8Array(0), 0x10000)).toThrow("not 65536");
  });
});
