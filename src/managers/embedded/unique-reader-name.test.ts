// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readerKey } from "../../port/index.ts";
import { UniqueReaderNames } from "./unique-reader-name.ts";

describe("UniqueReaderNames", () => {
  it("gives the lowest number that is free, whatever came and went before", () => {
    const long = "ü".repeat(63);
    const wanted = fc.constantFrom("Reader", "READER", "Reader 9", "Reader 12", "Reader 9 1", "Reader 012", long, " ");
    const step = fc.oneof(
      { weight: 3, arbitrary: wanted.map((name) => ({ name })) },
      { weight: 1, arbitrary: fc.nat().map((leaves) => ({ leaves })) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const names = new UniqueReaderNames();
        const taken = new Set<string>();
        const isTaken = (key: string): boolean => taken.has(key);
        for (const one of steps) {
          if ("name" in one) {
            const given = names.make(one.name, isTaken);
            // One that has counted nothing yet tries all numbers.
            expect(given).toBe(new UniqueReaderNames().make(one.name, isTaken));
            taken.add(readerKey(given));
          } else {
            const key = [...taken][one.leaves % Math.max(1, taken.size)];
            if (key === undefined) continue;
            taken.delete(key);
            names.freed(key);
          }
        }
      }),
      { numRuns: 100, seed: 5 },
    );
  });

  it("tries few names where ten thousand readers have the same", () => {
    const names = new UniqueReaderNames();
    const taken = new Set<string>();
    let tries = 0;
    const isTaken = (key: string): boolean => {
      tries++;
      return taken.has(key);
    };
    for (let index = 0; index < 10_000; index++) taken.add(readerKey(names.make("Reader", isTaken)));
    expect(taken.has(readerKey("Reader 9999"))).toBe(true);
    expect(tries).toBeLessThan(30_000);
    taken.delete(readerKey("Reader 5000"));
    names.freed(readerKey("Reader 5000"));
    expect(names.make("Reader", isTaken)).toBe("Reader 5000");
  });
});
