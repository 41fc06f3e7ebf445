// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AtrIndex } from "./atr-index.ts";
import { type AtrPattern, matchesAtr } from "./atr-pattern.ts";
import { MAX_INDEXED_MASKS } from "./limits.ts";

// Few lengths and few values, so that patterns meet and ATRs match.
const byte = fc.constantFrom(0x00, 0x3b, 0x3f, 0xff, 0x0f);
const someBytes = fc.array(byte, { minLength: 1, maxLength: 4 }).map((bytes) => Uint8Array.from(bytes));
const pattern: fc.Arbitrary<AtrPattern> = someBytes.chain((atr) =>
  fc.oneof(
    fc.constant({ atr }),
    fc
      .array(byte, { minLength: atr.length, maxLength: atr.length })
      .map((mask) => ({ atr, mask: Uint8Array.from(mask) })),
  ),
);

function valuesFound(index: AtrIndex<number>, atr: Uint8Array): number[] {
  return index
    .find(atr)
    .map(({ value }) => value)
    .sort((one, other) => one - other);
}

describe("the index of ATRs", () => {
  test("finds the same as a comparison with every pattern, after any changes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ pattern, removed: fc.boolean() }), { maxLength: 60 }),
        fc.array(someBytes, { maxLength: 20 }),
        (entries, atrs) => {
          const index = new AtrIndex<number>();
          for (const [value, entry] of entries.entries()) index.add(entry.pattern, value);
          for (const [value, entry] of entries.entries()) if (entry.removed) index.remove(entry.pattern, value);
          for (const atr of atrs) {
            const expected = [...entries.entries()]
              .filter(([, entry]) => !entry.removed && matchesAtr(entry.pattern, atr))
              .map(([value]) => value);
            expect(valuesFound(index, atr)).toEqual(expected);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("finds patterns whose masks are more than it keeps apart", () => {
    const index = new AtrIndex<number>();
    const count = MAX_INDEXED_MASKS + 50;
    const patternOf = (value: number) => ({ atr: Uint8Array.of(0, 0), mask: Uint8Array.of(value >> 8, value & 0xff) });
    for (let value = 0; value < count; value++) index.add(patternOf(value), value);
    expect(valuesFound(index, Uint8Array.of(0, 0)).length).toBe(count);
    index.remove(patternOf(count - 1), count - 1);
    index.remove(patternOf(3), 3);
    expect(valuesFound(index, Uint8Array.of(0, 0)).length).toBe(count - 2);
    expect(valuesFound(index, Uint8Array.of(0xff, 0xff))).toEqual([0]);
  });

  test("finds nothing by a pattern that has bits outside its mask, as A AND M is never that", () => {
    const index = new AtrIndex<string>();
    index.add({ atr: Uint8Array.of(0x3b, 0x01), mask: Uint8Array.of(0xff, 0x00) }, "never");
    expect(index.find(Uint8Array.of(0x3b, 0x01))).toEqual([]);
  });

  test("removes one of two that are alike", () => {
    const index = new AtrIndex<string>();
    const alike = { atr: Uint8Array.of(0x3b) };
    index.add(alike, "a");
    index.add(alike, "a");
    index.remove(alike, "b");
    index.remove(alike, "a");
    expect(index.find(alike.atr).length).toBe(1);
  });
});
