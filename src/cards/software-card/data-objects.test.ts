// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../base/binary/index.ts";
import { dataObject, onlyObject, readDataObjects, valueIn } from "./data-objects.ts";

const tags = fc.constantFrom(0x01, 0x53, 0x5c, 0x7c, 0x80, 0xaa, 0xfe, 0x7f49, 0x5fc105);
const objects = fc.array(fc.record({ tag: tags, value: fc.uint8Array({ maxLength: 400 }) }), { maxLength: 16 });

describe("data objects", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(objects, (all) => {
        const written = concatBytes(...all.map(({ tag, value }) => dataObject(tag, value)));
        expect(readDataObjects(written)?.map(({ tag, value }) => ({ tag, value: new Uint8Array(value) }))).toEqual(all);
      }),
    );
  });

  it("any bytes are read or refused, and never beyond their end", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const read = readDataObjects(bytes) ?? [];
        const total = read.reduce((sum, { value }) => sum + value.length, 0);
        expect(total).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it.each([
    ["a tag alone", [0x80]],
    ["a tag that does not end", [0x5f, 0xc1]],
    ["a tag of four bytes", [0x5f, 0xc1, 0x81, 0x01, 0x00]],
    ["a value that is too short", [0x80, 0x02, 0x01]],
    ["an indefinite length", [0x30, 0x80, 0x00, 0x00]],
    ["a length of four bytes", [0x30, 0x84, 0x00, 0x00, 0x00, 0x00]],
    ["a length that does not end", [0x30, 0x82, 0x01]],
  ])("%s is malformed", (_, bytes) => {
    expect(readDataObjects(Uint8Array.from(bytes))).toBeUndefined();
  });

  it("more than a template has are refused", () => {
    expect(readDataObjects(new Uint8Array(34).fill(0))).toBeUndefined();
    expect(readDataObjects(new Uint8Array(32).fill(0))).toHaveLength(16);
  });

  it("finds the first with a tag, and the only one", () => {
    const two = Uint8Array.of(0x80, 1, 5, 0x80, 1, 6);
    expect(valueIn(readDataObjects(two) ?? [], 0x80)).toEqual(Uint8Array.of(5));
    expect(onlyObject(two, 0x80)).toBeUndefined();
    expect(onlyObject(two.subarray(3), 0x80)).toEqual(Uint8Array.of(6));
    expect(onlyObject(two.subarray(3), 0x81)).toBeUndefined();
  });
});
