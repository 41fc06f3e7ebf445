// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { CardCache } from "./cache.ts";

const card = "{50DD5230-BA8A-11D1-BF5D-0000F805F530}";
const other = "50dd5230-ba8a-11d1-bf5d-0000f805f531";

function code(expected: string) {
  return expect.objectContaining({ code: expected });
}

describe("the card cache", () => {
  test("gives back what was written for the same card, name and revision", () => {
    const cache = new CardCache();
    const written = Uint8Array.of(1, 2, 3);
    cache.write(card, 7, "Cached_CardmodFile", written);
    written[0] = 9;
    const read = cache.read("50dd5230-ba8a-11d1-bf5d-0000f805f530", 7, "Cached_CardmodFile");
    expect(read).toEqual(Uint8Array.of(1, 2, 3));
    read[0] = 9;
    expect(cache.read(card, 7, "Cached_CardmodFile")).toEqual(Uint8Array.of(1, 2, 3));
    cache.write(card, 8, "Cached_CardmodFile", new Uint8Array());
    expect(cache.read(card, 8, "Cached_CardmodFile")).toEqual(new Uint8Array());
    expect(cache.size).toEqual({ items: 1, bytes: 0 });
  });

  test("has nothing for another card or another name", () => {
    const cache = new CardCache();
    cache.write(card, 0, "a", Uint8Array.of(1));
    expect(() => cache.read(other, 0, "a")).toThrow(code("cache-item-not-found"));
    expect(() => cache.read(card, 0, "A")).toThrow(code("cache-item-not-found"));
  });

  test.each([
    ["older", 6],
    ["newer", 8],
  ])("drops an item that is asked for at %s revision", (_, freshness) => {
    const cache = new CardCache();
    cache.write(card, 7, "a", Uint8Array.of(1));
    expect(() => cache.read(card, freshness, "a")).toThrow(code("cache-item-stale"));
    expect(() => cache.read(card, 7, "a")).toThrow(code("cache-item-not-found"));
    expect(cache.size).toEqual({ items: 0, bytes: 0 });
  });

  test("takes revisions as 32 bits", () => {
    const cache = new CardCache();
    cache.write(card, -1, "a", Uint8Array.of(1));
    expect(cache.read(card, 0xffff_ffff, "a")).toEqual(Uint8Array.of(1));
  });

  test("takes items up to its limit, and keeps what it had where one is bigger", () => {
    const cache = new CardCache({ itemBytes: 4 });
    cache.write(card, 0, "a", new Uint8Array(4));
    expect(() => cache.write(card, 0, "a", new Uint8Array(5))).toThrow(code("cache-item-too-big"));
    expect(cache.read(card, 0, "a").length).toBe(4);
    expect(() => new CardCache().write(card, 0, "a", new Uint8Array(65_537))).toThrow(code("cache-item-too-big"));
    expect(() => new CardCache({ totalBytes: 2 }).write(card, 0, "a", new Uint8Array(3))).toThrow(
      code("cache-item-too-big"),
    );
  });

  test.each([
    ["bytes", { totalBytes: 30 }],
    ["items", { items: 3 }],
  ])("makes room for the last ones when it has too many %s, by what was used longest ago", (_, limits) => {
    const cache = new CardCache(limits);
    for (const name of ["a", "b", "c"]) cache.write(card, 0, name, new Uint8Array(10));
    cache.read(card, 0, "a");
    cache.write(card, 0, "b", new Uint8Array(10));
    cache.write(card, 0, "d", new Uint8Array(10));
    expect(() => cache.read(card, 0, "c")).toThrow(code("cache-item-not-found"));
    for (const name of ["a", "b", "d"]) expect(cache.read(card, 0, name).length).toBe(10);
    expect(cache.size).toEqual({ items: 3, bytes: 30 });
  });

  test("refuses a card that is no GUID and a name that is none", () => {
    const cache = new CardCache();
    expect(() => cache.write("card", 0, "a", new Uint8Array())).toThrow(code("invalid-parameter"));
    expect(() => cache.read(card, 0, "")).toThrow(code("invalid-parameter"));
  });
});
