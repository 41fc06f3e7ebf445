// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, copyBytes, equalBytes, zeroBytes } from "./index.ts";

const anyBytes = fc.uint8Array({ maxLength: 40 });

describe("concatBytes", () => {
  it("holds every part in order, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 6 }), (parts) => {
        expect([...concatBytes(...parts)]).toEqual(parts.flatMap((part) => [...part]));
      }),
    );
  });

  it("shares no memory with its parts", () => {
    const part = Uint8Array.of(1, 2);
    const joined = concatBytes(part);
    part[0] = 9;
    expect([...joined]).toEqual([1, 2]);
  });
});

describe("copyBytes", () => {
  it("keeps a copy of a view and of a Node Buffer, whose slice() would be a view", () => {
    for (const original of [Uint8Array.of(0, 1, 2, 3).subarray(1), Buffer.from([1, 2, 3])]) {
      const copy = copyBytes(original);
      original.fill(0xff);
      expect([...copy]).toEqual([1, 2, 3]);
      expect(copy.buffer.byteLength).toBe(3);
    }
  });
});

describe("equalBytes", () => {
  it("agrees with the comparison of the arrays", () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (a, b) => {
        expect(equalBytes(a, b)).toBe(JSON.stringify([...a]) === JSON.stringify([...b]));
        expect(equalBytes(a, copyBytes(a))).toBe(true);
      }),
    );
  });

  it("sees a difference in one byte, and one in length", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (a, at, flip) => {
          const b = copyBytes(a);
          const index = at % a.length;
          b[index] = (b[index] ?? 0) ^ flip;
          expect(equalBytes(a, b)).toBe(false);
          expect(equalBytes(a, a.subarray(1))).toBe(false);
          expect(equalBytes(a.subarray(1), a)).toBe(false);
        },
      ),
    );
  });
});

describe("zeroBytes", () => {
  it("overwrites the bytes themselves, and no neighbour", () => {
    const buffer = Uint8Array.of(1, 2, 3, 4);
    zeroBytes(buffer.subarray(1, 3));
    expect([...buffer]).toEqual([1, 0, 0, 4]);
  });
});
