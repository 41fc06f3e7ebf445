// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { REFTYPE } from "./enumerations.ts";
import { type FilePlace, formatPlace, isWithin, masterFile, parseReference, resolvePlace } from "./iso7816-path.ts";

const fileId = fc.integer({ min: 0, max: 0xffff }).filter((id) => id !== 0x3f00);
const place: fc.Arbitrary<FilePlace> = fc.record({
  application: fc.option(fc.uint8Array({ minLength: 5, maxLength: 16 }), { nil: undefined }),
  ids: fc.array(fileId, { maxLength: 8 }),
});

function placeOf(text: string, from: FilePlace = masterFile): FilePlace {
  const reference = parseReference(REFTYPE.SC_TYPE_BY_ANY, text);
  if (reference.kind === "short") throw new Error(`${text} is a short identifier`);
  return resolvePlace(from, reference);
}

describe("the path of a file", () => {
  test("property: is read as it is written, from wherever", () => {
    fc.assert(
      fc.property(place, place, (there, here) => {
        expect(formatPlace(placeOf(formatPlace(there), here))).toBe(formatPlace(there));
        expect(formatPlace(placeOf(formatPlace(there).toLowerCase(), here))).toBe(formatPlace(there));
      }),
    );
  });

  test("property: what lies below a directory is within it, and the way back leads there", () => {
    fc.assert(
      fc.property(place, fc.array(fileId, { minLength: 1, maxLength: 4 }), (directory, ids) => {
        const below = { ...directory, ids: [...directory.ids, ...ids] };
        expect(isWithin(below, directory)).toBe(true);
        expect(isWithin(directory, below)).toBe(false);
        expect(formatPlace(placeOf(ids.map(() => "..").join("/"), below))).toBe(formatPlace(directory));
      }),
    );
  });

  test("property: a text names a file or is refused", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(REFTYPE)), fc.string(), (refType, text) => {
        try {
          expect(["path", "name", "short"]).toContain(parseReference(refType, text).kind);
        } catch (error) {
          expect(error).toMatchObject({ hresultName: "E_INVALIDARG" });
        }
      }),
    );
  });

  test.each([
    ["1", { kind: "short", shortId: 1 }],
    ["30", { kind: "short", shortId: 30 }],
    ["A0", { kind: "name", name: Uint8Array.of(0xa0) }],
    ["0010", { kind: "path", from: "current directory", steps: [0x10] }],
    ["../0010", { kind: "path", from: "current directory", steps: ["..", 0x10] }],
    ["31", { kind: "name", name: Uint8Array.of(0x31) }],
  ])("any of them: %s", (text, reference) => {
    expect(parseReference(REFTYPE.SC_TYPE_BY_ANY, text)).toEqual(reference);
  });
});
