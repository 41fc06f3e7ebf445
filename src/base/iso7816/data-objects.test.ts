// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, hexBytes } from "../binary/index.ts";
import {
  type DataObject,
  decodeDataObjects,
  decodeHeaderList,
  decodeLeadingDataObjects,
  encodeDataObject,
} from "./data-objects.ts";

const tags = fc.constantFrom(0x01, 0x53, 0x5c, 0x7c, 0x80, 0xaa, 0xfe, 0x7f49, 0x5fc105, 0x5fc18101);
const objects = fc.array(fc.record({ tag: tags, value: fc.uint8Array({ maxLength: 400 }) }), { maxLength: 64 });
const written = (all: readonly DataObject[]): Uint8Array =>
  concatBytes(...all.map(({ tag, value }) => encodeDataObject(tag, value)));
const copied = (all: readonly DataObject[]) => all.map(({ tag, value }) => ({ tag, value: new Uint8Array(value) }));

describe("data objects", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(objects, (all) => {
        const decoded = decodeDataObjects(written(all));
        expect(decoded.ok && copied(decoded.value)).toEqual(all);
        expect(copied(decodeLeadingDataObjects(written(all)))).toEqual(all);
      }),
    );
  });

  it("any bytes are read or refused, and never beyond their end", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoded = decodeDataObjects(bytes);
        const leading = decodeLeadingDataObjects(bytes);
        expect(leading.reduce((sum, { value }) => sum + value.length, 0)).toBeLessThanOrEqual(bytes.length);
        if (decoded.ok) expect(leading).toEqual(decoded.value);
      }),
    );
  });

  it.each([
    ["a tag alone", "80"],
    ["a tag that does not end", "5FC1"],
    ["a tag of five bytes", "5FC181810100"],
    ["a value that is too short", "800201"],
    ["an indefinite length", "30800000"],
    ["a length of five bytes", "30850000000000"],
    ["a length that does not end", "308201"],
  ])("%s is malformed, and what stood before it is told where that is asked for", (_, digits) => {
    const bytes = hexBytes(digits);
    expect(decodeDataObjects(bytes).ok).toBe(false);
    const behind = concatBytes(hexBytes("700105"), bytes);
    expect(decodeDataObjects(behind).ok).toBe(false);
    expect(copied(decodeLeadingDataObjects(behind))).toEqual([{ tag: 0x70, value: Uint8Array.of(5) }]);
  });

  it("more than 64 are not read", () => {
    expect(decodeDataObjects(new Uint8Array(130)).ok).toBe(false);
    expect(decodeLeadingDataObjects(new Uint8Array(130))).toHaveLength(64);
    expect(decodeDataObjects(new Uint8Array(128)).ok).toBe(true);
    expect(decodeHeaderList(new Uint8Array(130)).ok).toBe(false);
  });

  it("a value is a part of what was read: what clears that clears it", () => {
    const bytes = hexBytes("8104 31323334");
    const [pin] = decodeLeadingDataObjects(bytes);
    bytes.fill(0);
    expect(pin?.value).toEqual(new Uint8Array(4));
  });

  it("a header list has tags and lengths alone", () => {
    const decoded = decodeHeaderList(hexBytes("9103 9281 80 7F49 820100"));
    expect(decoded.ok && decoded.value).toEqual([
      { tag: 0x91, length: 3 },
      { tag: 0x92, length: 128 },
      { tag: 0x7f49, length: 256 },
    ]);
    expect(decodeHeaderList(hexBytes("91")).ok).toBe(false);
  });
});
