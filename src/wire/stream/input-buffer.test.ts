// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { u32le } from "../../base/binary/index.ts";
import { InputBuffer } from "./input-buffer.ts";

describe("input buffer", () => {
  it("returns the pushed bytes for any portions on either side", () => {
    const step = fc.record({ push: fc.uint8Array({ maxLength: 3_000 }), take: fc.nat({ max: 4_000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const buffer = new InputBuffer();
        let expected: number[] = [];
        for (const { push, take } of steps) {
          buffer.push(push);
          expected.push(...push);
          const length = Math.min(take, buffer.length);
          expect(buffer.length).toBe(expected.length);
          expect([...buffer.copy(0, length)]).toEqual(expected.slice(0, length));
          expect(buffer.isZero(0, length)).toBe(expected.slice(0, length).every((byte) => byte === 0));
          if (buffer.length >= 4) {
            const word = Uint8Array.from(expected.slice(-4));
            expect(buffer.read(u32le, buffer.length - 4)).toBe(u32le.read(new DataView(word.buffer), 0));
          }
          buffer.drop(length);
          expected = expected.slice(length);
        }
        buffer.clear();
        expect(buffer.length).toBe(0);
      }),
    );
  });

  it("keeps nothing of the piece that it was given, and gives nothing of itself away", () => {
    const buffer = new InputBuffer();
    const piece = Uint8Array.of(1, 2, 3);
    buffer.push(piece);
    piece.fill(9);
    const copy = buffer.copy(0, 3);
    copy.fill(8);
    expect([...buffer.copy(0, 3)]).toEqual([1, 2, 3]);
  });

  it("takes a megabyte byte by byte without copying it over and over", () => {
    const buffer = new InputBuffer();
    const byte = Uint8Array.of(5);
    // Were every push to copy what is there, these would be 5 * 10^11 copies.
    for (let count = 0; count < 1_000_000; count++) buffer.push(byte);
    expect(buffer.length).toBe(1_000_000);
  });
});
