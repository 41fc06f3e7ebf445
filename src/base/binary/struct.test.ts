// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes, cstring, type Field, i32le, pad, repeat, struct, u8, u16be, u16le, u32be, u32le } from "./index.ts";

const header = struct("HEADER", {
  kind: u8,
  hole: pad(3),
  little16: u16le,
  big16: u16be,
  little32: u32le,
  big32: u32be,
  blob: bytes(5),
  name: cstring(8),
  slots: repeat(struct("SLOT", { id: u8, count: u16be }), 2),
});

const u16 = fc.nat({ max: 0xffff });
const u32 = fc.nat({ max: 0xffff_ffff });
/** Text of at most 7 bytes of UTF-8 without NUL: what a cstring(8) holds. */
const name = fc.string({ maxLength: 3 }).filter((text) => !text.includes("\0"));
const slot = fc.record({ id: fc.nat({ max: 0xff }), count: u16 });
const headers = fc.record({
  kind: fc.nat({ max: 0xff }),
  little16: u16,
  big16: u16,
  little32: u32,
  big32: u32,
  blob: fc.uint8Array({ minLength: 5, maxLength: 5 }),
  name,
  slots: fc.tuple(slot, slot),
});

describe("struct", () => {
  it("lays fields out in order, with no alignment of its own", () => {
    expect(header.size).toBe(1 + 3 + 2 + 2 + 4 + 4 + 5 + 8 + 2 * 3);
    expect(header.offsetOf).toEqual({
      kind: 0,
      hole: 1,
      little16: 4,
      big16: 6,
      little32: 8,
      big32: 12,
      blob: 16,
      name: 21,
      slots: 29,
    });
  });

  it("writes each number in its byte order", () => {
    const encoded = header.encode({
      kind: 1,
      little16: 0x0203,
      big16: 0x0405,
      little32: 0x06070809,
      big32: 0xfa0b0c0d,
      blob: Uint8Array.of(0x10, 0x11, 0x12, 0x13, 0x14),
      name: "ab",
      slots: [
        { id: 0x20, count: 0x2122 },
        { id: 0x23, count: 0x2425 },
      ],
    });
    expect(Buffer.from(encoded).toString("hex")).toBe(
      "01000000" + "0302" + "0405" + "09080706" + "fa0b0c0d" + "1011121314" + "6162000000000000" + "202122" + "232425",
    );
  });

  it("decodes what it encoded", () => {
    fc.assert(
      fc.property(headers, (value) => {
        expect(header.decode(header.encode(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it("decodes from the middle of a larger buffer", () => {
    fc.assert(
      fc.property(headers, fc.nat({ max: 9 }), (value, before) => {
        const buffer = new Uint8Array(before + header.size + 4).fill(0xee);
        buffer.set(header.encode(value), before);
        expect(header.decode(buffer.subarray(before, before + header.size))).toEqual({ ok: true, value });
      }),
    );
  });

  it("answers any bytes of its size with a value, any others with an error, and throws for none", () => {
    const sized = fc.uint8Array({ minLength: header.size, maxLength: header.size });
    fc.assert(
      fc.property(fc.oneof(sized, fc.uint8Array({ maxLength: 2 * header.size })), (encoded) => {
        const decoded = header.decode(encoded);
        expect(decoded.ok).toBe(encoded.length === header.size);
      }),
    );
  });

  it("names the structure and both lengths when bytes are missing", () => {
    const truncated = new Uint8Array(header.size - 1);
    expect(header.decode(truncated)).toEqual({
      ok: false,
      error: { message: "HEADER has 35 bytes, not 34", offset: 34 },
    });
  });

  it("ignores what stands in padding and writes zeros there", () => {
    const layout = struct("PADDED", { hole: pad(2), value: u8 });
    expect(layout.decode(Uint8Array.of(0xaa, 0xbb, 7))).toEqual({ ok: true, value: { value: 7 } });
    expect([...layout.encode({ value: 7 })]).toEqual([0, 0, 7]);
  });

  it("shares no memory with the bytes it was decoded from", () => {
    const layout = struct("BLOB", { blob: bytes(2) });
    const encoded = Uint8Array.of(1, 2);
    const decoded = layout.decode(encoded);
    encoded.fill(0);
    expect(decoded).toEqual({ ok: true, value: { blob: Uint8Array.of(1, 2) } });
  });
});

describe("a layout of numbers and padding alone", () => {
  const fields = { a: u8, gap: pad(2), b: u16le, c: u16be, d: u32le, e: u32be, f: i32le };
  const plain = struct("PLAIN", fields);
  // With a field of bytes it goes through a view.
  const viewed = struct("VIEWED", { ...fields, rest: bytes(2) });
  const value = fc.record({
    ...{ a: fc.nat({ max: 0xff }), b: u16, c: u16, d: u32, e: u32 },
    f: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  });

  it("has the same bytes as one that has others", () => {
    fc.assert(
      fc.property(value, fc.uint8Array({ minLength: 2, maxLength: 2 }), (numbers, rest) => {
        const encoded = plain.encode(numbers, rest);
        expect(encoded).toEqual(viewed.encode({ ...numbers, rest }));
        expect(plain.decodeStart(encoded)).toEqual(numbers);
        expect(plain.decode(encoded.subarray(0, plain.size))).toEqual({ ok: true, value: numbers });
        expect(viewed.decodeStart(encoded)).toEqual({ ...numbers, rest });
      }),
    );
  });

  it("writes no minus zero, and ignores what padding has", () => {
    const encoded = plain.encode({ a: -0, b: 0, c: 0, d: 0, e: 0, f: -0 });
    expect(encoded).toEqual(new Uint8Array(plain.size));
    encoded.fill(0xff, 1, 3);
    expect(plain.decodeStart(encoded)).toEqual({ a: 0, b: 0, c: 0, d: 0, e: 0, f: 0 });
  });
});

describe("a value that does not fit", () => {
  const cases: readonly [string, Field<never>, unknown][] = [
    ["a number below 0", u8, -1],
    ["a number of 9 bits in 8", u8, 256],
    ["a number of 17 bits in 16", u16be, 65_536],
    ["a number of 33 bits in 32", u32le, 2 ** 32],
    ["a number of 32 bits in 31 and a sign", i32le, 2 ** 31],
    ["a number below the least of 32 bits", i32le, -(2 ** 31) - 1],
    ["a signed fraction", i32le, -0.5],
    ["not a signed number", i32le, Number.NaN],
    ["a fraction", u16le, 0.5],
    ["not a number", u32be, Number.NaN],
    ["too few bytes", bytes(3), new Uint8Array(2)],
    ["too many bytes", bytes(3), new Uint8Array(4)],
    ["text that leaves no room for the NUL", cstring(4), "abcd"],
    ["text that needs more bytes than letters", cstring(4), "éé"],
    ["text with a NUL within", cstring(4), "a\0b"],
    ["too few elements", repeat(u8, 2), [1]],
    ["too many elements", repeat(u8, 2), [1, 2, 3]],
  ].map(([what, field, value]) => [what as string, field as Field<never>, value]);

  it.each(cases)("is refused with the name of structure and field: %s", (_, field, value) => {
    const layout = struct("HOLDER", { value: field });
    expect(() => layout.encode({ value: value as never })).toThrow(/^HOLDER\.value: /);
    expect(() => layout.encode({ value: value as never })).toThrow(RangeError);
  });
});

describe("i32le", () => {
  it.each([
    [0, [0, 0, 0, 0]],
    [-1, [0xff, 0xff, 0xff, 0xff]],
    [-2, [0xfe, 0xff, 0xff, 0xff]],
    [0x0102_0304, [4, 3, 2, 1]],
    [2 ** 31 - 1, [0xff, 0xff, 0xff, 0x7f]],
    [-(2 ** 31), [0, 0, 0, 0x80]],
  ])("has %i in two's complement, least significant byte first", (value, encoded) => {
    const layout = struct("SIGNED", { value: i32le });
    expect([...layout.encode({ value })]).toEqual(encoded);
    expect(layout.decode(Uint8Array.from(encoded))).toEqual({ ok: true, value: { value } });
  });
});

describe("cstring", () => {
  it("ends at the first NUL, or at the end of the field where a peer left the NUL out", () => {
    const layout = struct("NAMED", { name: cstring(4) });
    expect(layout.decode(Buffer.from("ab\0x"))).toEqual({ ok: true, value: { name: "ab" } });
    expect(layout.decode(Buffer.from("abcd"))).toEqual({ ok: true, value: { name: "abcd" } });
  });
});
