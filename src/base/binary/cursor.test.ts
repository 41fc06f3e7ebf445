// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteCursor, decoding } from "./index.ts";

/** One step of a grammar: what it asks the cursor for. */
type Step = { kind: "u8" | "u16be" | "rest" | "peek" | "fail" } | { kind: "bytes"; length: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Step>({ kind: "u8" }, { kind: "u16be" }, { kind: "peek" }) },
    { weight: 4, arbitrary: fc.nat({ max: 12 }).map((length): Step => ({ kind: "bytes", length })) },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: "rest" }, { kind: "fail" }) },
  ),
  { maxLength: 12 },
);

function run(cursor: ByteCursor, step: Step): number[] {
  switch (step.kind) {
    case "u8":
      return [cursor.u8("a byte")];
    case "u16be": {
      const value = cursor.u16be("a number");
      return [value >> 8, value & 0xff];
    }
    case "bytes":
      return [...cursor.bytes(step.length, "bytes")];
    case "rest":
      return [...cursor.rest()];
    case "peek":
      cursor.peek();
      return [];
    case "fail":
      return cursor.fail("the grammar gives up");
  }
}

describe("decoding", () => {
  it("any grammar over any bytes ends in a result, and what it read is a prefix of the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), steps, (bytes, grammar) => {
        const read: number[] = [];
        const result = decoding(bytes, (cursor) => {
          for (const step of grammar) read.push(...run(cursor, step));
          expect(cursor.offset + cursor.remaining).toBe(bytes.length);
          expect(cursor.offset).toBe(read.length);
        });
        expect(read).toEqual([...bytes.subarray(0, read.length)]);
        if (result.ok) expect(read.length).toBe(bytes.length);
        else expect(result.error.offset).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it("calls leftover bytes an error that says where they begin", () => {
    const result = decoding(Uint8Array.of(1, 2, 3), (cursor) => cursor.u8("first"));
    expect(result).toEqual({ ok: false, error: { message: "2 bytes are left over", offset: 1 } });
  });

  it("names the missing field and the end of the data", () => {
    const result = decoding(Uint8Array.of(1), (cursor) => [cursor.u8("INS"), cursor.u16be("P1 P2")]);
    expect(result).toEqual({
      ok: false,
      error: { message: "P1 P2 is missing: the data ends after 1 bytes", offset: 1 },
    });
  });

  it("refuses more bytes than are left, and reads none of them", () => {
    const result = decoding(Uint8Array.of(1, 2), (cursor) => cursor.bytes(3, "the value"));
    expect(result).toEqual({
      ok: false,
      error: { message: "the value should have 3 bytes, but only 2 are left", offset: 0 },
    });
  });

  it("hands bytes out in arrays of their own", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const result = decoding(bytes, (cursor) => cursor.rest());
    bytes.fill(0);
    expect(result).toEqual({ ok: true, value: Uint8Array.of(1, 2, 3) });
  });

  it("does not swallow a bug of the grammar", () => {
    const bug = new TypeError("a bug");
    expect(() =>
      decoding(new Uint8Array(), () => {
        throw bug;
      }),
    ).toThrow(bug);
  });
});

describe("ByteCursor", () => {
  it("peeks without moving, and sees the end as undefined", () => {
    const cursor = new ByteCursor(Uint8Array.of(7));
    expect([cursor.peek(), cursor.peek(), cursor.offset]).toEqual([7, 7, 0]);
    cursor.u8("the byte");
    expect([cursor.peek(), cursor.remaining]).toEqual([undefined, 0]);
  });
});
