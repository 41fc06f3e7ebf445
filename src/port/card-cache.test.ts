// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CardCache } from "./card-cache.ts";

const CARD = "{50DD5230-BA8A-11D1-BF5D-0000F805F530}";
const OTHER = "50dd5230-ba8a-11d1-bf5d-0000f805f531";
const program = { name: "A" };

function code(expected: string) {
  return expect.objectContaining({ code: expected });
}

/** Which of the names are cached. */
function kept(cache: CardCache, names: readonly string[], of = CARD): string[] {
  return names.filter((name) => {
    try {
      return cache.read(of, 0, name).length >= 0;
    } catch {
      return false;
    }
  });
}

describe("the card cache", () => {
  test("gives back what was written for the same card, name and revision", () => {
    const cache = new CardCache();
    const written = Uint8Array.of(1, 2, 3);
    cache.write(program, CARD, 7, "Cached_CardmodFile", written);
    written[0] = 9;
    const read = cache.read("50dd5230-ba8a-11d1-bf5d-0000f805f530", 7, "Cached_CardmodFile");
    expect(read).toEqual(Uint8Array.of(1, 2, 3));
    read[0] = 9;
    expect(cache.read(CARD, 7, "Cached_CardmodFile")).toEqual(Uint8Array.of(1, 2, 3));
    cache.write({ name: "B" }, CARD, 8, "Cached_CardmodFile", new Uint8Array());
    expect(cache.read(CARD, 8, "Cached_CardmodFile")).toEqual(new Uint8Array());
    expect(cache.size).toEqual({ items: 1, bytes: 0 });
  });

  test("has nothing for another card or another name", () => {
    const cache = new CardCache();
    cache.write(program, CARD, 0, "a", Uint8Array.of(1));
    expect(() => cache.read(OTHER, 0, "a")).toThrow(code("cache-item-not-found"));
    expect(() => cache.read(CARD, 0, "A")).toThrow(code("cache-item-not-found"));
  });

  test("drops an item that is older than the revision asked for", () => {
    const cache = new CardCache();
    cache.write(program, CARD, 7, "a", Uint8Array.of(1));
    expect(() => cache.read(CARD, 8, "a")).toThrow(code("cache-item-stale"));
    expect(() => cache.read(CARD, 7, "a")).toThrow(code("cache-item-not-found"));
    expect(cache.size).toEqual({ items: 0, bytes: 0 });
  });

  test("keeps an item that is newer than the revision asked for", () => {
    const cache = new CardCache();
    cache.write(program, CARD, 7, "a", Uint8Array.of(1));
    for (const older of [6, 0]) expect(() => cache.read(CARD, older, "a")).toThrow(code("cache-item-not-found"));
    expect(cache.read(CARD, 7, "a")).toEqual(Uint8Array.of(1));
  });

  test("takes revisions as 32 bits, in either sign", () => {
    const cache = new CardCache();
    cache.write(program, CARD, -1, "a", Uint8Array.of(1));
    expect(() => cache.read(CARD, 0x7fff_ffff, "a")).toThrow(code("cache-item-not-found"));
    expect(cache.read(CARD, 0xffff_ffff, "a")).toEqual(Uint8Array.of(1));
  });

  test("takes items up to its limit, and keeps what it had where one is bigger", () => {
    const cache = new CardCache({ itemBytes: 4 });
    cache.write(program, CARD, 0, "a", new Uint8Array(4));
    const tooBig = code("cache-item-too-big");
    expect(() => cache.write(program, CARD, 0, "a", new Uint8Array(5))).toThrow(tooBig);
    expect(cache.read(CARD, 0, "a").length).toBe(4);
    expect(() => new CardCache().write(program, CARD, 0, "a", new Uint8Array(65_537))).toThrow(tooBig);
    for (const limits of [{ totalBytes: 2 }, { bytesPerCard: 2 }]) {
      expect(() => new CardCache(limits).write(program, CARD, 0, "a", new Uint8Array(3))).toThrow(tooBig);
    }
  });

  test.each([
    ["bytes", { totalBytes: 30 }],
    ["items", { items: 3 }],
    ["bytes of one card", { bytesPerCard: 30 }],
    ["items of one card", { itemsPerCard: 3 }],
  ])("makes room for the last ones when it has too many %s, by what was used longest ago", (_, limits) => {
    const cache = new CardCache(limits);
    for (const name of ["a", "b", "c"]) cache.write(program, CARD, 0, name, new Uint8Array(10));
    cache.read(CARD, 0, "a");
    cache.write(program, CARD, 0, "b", new Uint8Array(10));
    cache.write(program, CARD, 0, "d", new Uint8Array(10));
    expect(kept(cache, ["a", "b", "c", "d"])).toEqual(["a", "b", "d"]);
    expect(cache.size).toEqual({ items: 3, bytes: 30 });
  });

  test("what one program keeps of one card does not push out what it keeps of another", () => {
    const cache = new CardCache({ itemsPerCard: 3 });
    cache.write(program, OTHER, 0, "a", Uint8Array.of(1));
    for (let count = 0; count < 10; count++) cache.write(program, CARD, 0, `${count}`, Uint8Array.of(1));
    expect(kept(cache, ["a"], OTHER)).toEqual(["a"]);
    expect(cache.size.items).toBe(4);
  });

  test.each([
    ["a program with many items", { items: 8 }, () => ({ name: "hog" }), 1],
    ["a program with large items", { totalBytes: 80 }, () => ({ name: "hog" }), 20],
    ["many programs of another user", { items: 8 }, (count: number) => ({ name: `hog ${count}`, uid: 2 }), 1],
    ["a program for the same card", { items: 8, itemsPerCard: 4 }, () => ({ name: "hog" }), 1],
  ])("%s cannot push out what others keep", (_, limits, hog, size) => {
    const cache = new CardCache(limits);
    const mine = ["a", "b", "c"];
    for (const name of mine) cache.write({ name: "A", uid: 1 }, CARD, 0, name, new Uint8Array(10));
    for (let count = 0; count < 50; count++) {
      cache.write(hog(count), count % 2 ? CARD : OTHER, 0, `hog ${count}`, new Uint8Array(size));
    }
    expect(kept(cache, mine)).toEqual(mine);
    expect(kept(cache, ["hog 49"], CARD)).toEqual(["hog 49"]);
  });

  test("a program that is started again continues with its share", () => {
    const cache = new CardCache({ items: 6 });
    for (const name of ["a", "b", "c"]) cache.write({ name: "A", pid: 1 }, CARD, 0, name, Uint8Array.of(1));
    for (let pid = 2; pid < 50; pid++) cache.write({ name: "tool", pid }, OTHER, 0, `${pid}`, Uint8Array.of(1));
    expect(kept(cache, ["a", "b", "c"])).toEqual(["a", "b", "c"]);
  });

  test("keeps its limits and returns the last written bytes, after any calls", () => {
    const limits = { items: 6, totalBytes: 40, itemsPerCard: 4, bytesPerCard: 30, itemBytes: 12 };
    const act = fc.record({
      client: fc.constantFrom({ name: "A" }, { name: "A", uid: 0 }, { name: "B", uid: 0 }, { name: "B", uid: 1 }),
      of: fc.constantFrom(CARD, OTHER),
      freshness: fc.integer({ min: 0, max: 2 }),
      name: fc.constantFrom("a", "b", "c", "d", "e"),
      write: fc.boolean(),
      size: fc.nat(14),
    });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const cache = new CardCache(limits);
        const last = new Map<string, { size: number; freshness: number }>();
        for (const { client, freshness, name, of, size, write } of acts) {
          const key = of + name;
          try {
            if (write) {
              cache.write(client, of, freshness, name, new Uint8Array(size));
              last.set(key, { size, freshness });
            } else expect({ size: cache.read(of, freshness, name).length, freshness }).toEqual(last.get(key));
          } catch (error) {
            const { code: found } = error as { code?: string };
            if (found === "cache-item-too-big") expect(size).toBeGreaterThan(12);
            else if (found === "cache-item-stale") last.delete(key);
            else expect(found).toBe("cache-item-not-found");
          }
          expect(cache.size.items).toBeLessThanOrEqual(6);
          expect(cache.size.bytes).toBeLessThanOrEqual(40);
        }
      }),
    );
  });

  test.each<[string, unknown[], string]>([
    ["a card that is not a GUID", ["card", 0, "a", new Uint8Array()], "invalid-parameter"],
    ["null for a card", [null, 0, "a", new Uint8Array()], "invalid-parameter"],
    ["an empty name", [CARD, 0, "", new Uint8Array()], "invalid-parameter"],
    ["a name that is a number", [CARD, 0, 5, new Uint8Array()], "invalid-parameter"],
    ["no data", [CARD, 0, "a", null], "invalid-parameter"],
    ["data that is a text", [CARD, 0, "a", "00"], "invalid-parameter"],
    ["a revision of 33 bits", [CARD, 2 ** 32, "a", new Uint8Array()], "invalid-value"],
    ["a revision that is a text", [CARD, "1", "a", new Uint8Array()], "invalid-value"],
    ["a revision that has no text", [CARD, Object.create(null), "a", new Uint8Array()], "invalid-value"],
  ])("refuses %s", (_, args, expected) => {
    const [of, freshness, name, data] = args as [string, number, string, Uint8Array];
    const cache = new CardCache();
    expect(() => cache.write(program, of, freshness, name, data)).toThrow(code(expected));
    if (data instanceof Uint8Array) expect(() => cache.read(of, freshness, name)).toThrow(code(expected));
  });
});
