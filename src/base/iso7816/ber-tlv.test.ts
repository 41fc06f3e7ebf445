// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import vectors from "../../../test/vectors/ber-tlv-padding.json" with { type: "json" };
import { concatBytes, encodeHex, hexBytes, type Result } from "../binary/index.ts";
import { type BerTlv, type BerTlvInit, decodeBerTlv, encodeBerTlv, findBerTlv } from "./ber-tlv.ts";

function decodedValue<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

describe("BER-TLV", () => {
  test("an FCI template as a payment application answers it, EMV book 1, 11.3.4", () => {
    const objects = decodedValue(decodeBerTlv(hexBytes("6F1A840E315041592E5359532E4444463031A5088801025F2D02656E")));
    expect(objects.map((object) => object.tag)).toEqual([0x6f]);
    expect(encodeHex(findBerTlv(objects, 0x6f, 0x84)?.value ?? new Uint8Array(0))).toBe("315041592E5359532E4444463031");
    expect(encodeHex(findBerTlv(objects, 0x6f, 0xa5, 0x5f2d)?.value ?? new Uint8Array(0))).toBe("656E");
    expect(findBerTlv(objects, 0x6f, 0x9f38)).toBeUndefined();
    expect(findBerTlv(objects, 0x84)).toBeUndefined();
  });

  test.each([
    ["0403010203", [[0x04, 3]]],
    ["5F2D00", [[0x5f2d, 0]]],
    ["DF810102AABB", [[0xdf8101, 2]]],
    ["DFFFFF7F01AA", [[0xdfffff7f, 1]]],
    ["04810101", [[0x04, 1]]],
    ["0484000000010105", undefined],
    ["000004010000", [[0x04, 1]]],
  ])("%s", (hex, expected) => {
    const decoded = decodeBerTlv(hexBytes(hex));
    expect(decoded.ok ? decoded.value.map(({ tag, value }) => [tag, value.length]) : undefined).toEqual(expected);
  });

  test.each([
    ["5F", "rest of the tag is missing", 1],
    ["5F8181818101AA", "a tag of more than four bytes", 0],
    ["0480", "an indefinite length", 1],
    ["04850000000001AA", "a length field of more than five bytes", 1],
    ["0484FFFFFFFF", "value should have 4294967295 bytes", 6],
    ["6F0484055041", "value should have 5 bytes", 4],
    ["30023003", "value should have 3 bytes", 4],
  ])("%s: %s", (hex, message, offset) => {
    const decoded = decodeBerTlv(hexBytes(hex));
    if (decoded.ok) throw new Error("decoded");
    expect(decoded.error.message).toContain(message);
    expect(decoded.error.offset).toBe(offset);
  });

  /** Tags and values, the children of constructed objects in place of theirs. */
  type Shape = readonly [string, string | readonly Shape[]];
  function shapeOf({ children, tag, value }: BerTlv): Shape {
    return [
      tag.toString(16).toUpperCase().padStart(2, "0"),
      children === undefined ? encodeHex(value) : children.map(shapeOf),
    ];
  }

  test.each(vectors.padded)("$from: $input", ({ input, objects }) => {
    const decoded = decodedValue(decodeBerTlv(hexBytes(input)));
    expect(decoded.map(shapeOf)).toEqual(objects);
    // Without the padding it is the same again.
    expect(decodedValue(decodeBerTlv(encodeBerTlv(decoded))).map(shapeOf)).toEqual(objects);
  });

  test.each(vectors.refused)("refuses $input: $clause", ({ input }) => {
    expect(decodeBerTlv(hexBytes(input))).toMatchObject({ ok: false });
  });

  test.each([0x1f1e, 0x1f8001, 0x9f00, 0x3f01, 0x5f8001, 0xff50, 0xffff21])("encode refuses tag %i likewise", (tag) => {
    expect(() => encodeBerTlv([{ tag, value: new Uint8Array(0) }])).toThrow("is no BER-TLV tag");
  });

  test("property: padding anywhere between objects changes nothing", () => {
    const padding = fc.array(fc.constantFrom(0x00, 0xff), { maxLength: 4 }).map((bytes) => Uint8Array.from(bytes));
    const piece = fc.constantFrom("500150", "6F04840 2AABB".replace(" ", ""), "FF2103810105", "5F340101", "9F170103");
    fc.assert(
      fc.property(fc.array(fc.tuple(padding, piece), { maxLength: 6 }), padding, (pieces, end) => {
        const objects = pieces.map(([, hex]) => hexBytes(hex));
        const padded = concatBytes(...pieces.flatMap(([pad, hex]) => [pad, hexBytes(hex)]), end);
        const plain = decodedValue(decodeBerTlv(concatBytes(...objects)));
        expect(decodedValue(decodeBerTlv(padded))).toEqual(plain);
        // The same inside a constructed object.
        const inside = concatBytes(Uint8Array.of(0x70, 0x81, padded.length), padded);
        expect(decodedValue(decodeBerTlv(inside))[0]?.children).toEqual(plain);
      }),
    );
  });

  test("depth and number of objects have limits", () => {
    const nested = (levels: number): Uint8Array => {
      let object: BerTlvInit = { tag: 0x04, value: new Uint8Array(0) };
      for (let level = 0; level < levels; level++) object = { tag: 0x30, children: [object] };
      return encodeBerTlv([object]);
    };
    expect(decodeBerTlv(nested(16)).ok).toBe(true);
    expect(decodeBerTlv(nested(17))).toMatchObject({ error: { message: "data objects nested too deep" } });
    expect(decodeBerTlv(nested(3), { depth: 2 }).ok).toBe(false);
    expect(decodeBerTlv(hexBytes("0400".repeat(4096))).ok).toBe(true);
    expect(decodeBerTlv(hexBytes("0400".repeat(4097)))).toMatchObject({ error: { message: "too many data objects" } });
    expect(decodeBerTlv(hexBytes("30040400 0400".replace(" ", "")), { objects: 2 }).ok).toBe(false);
  });

  test.each([
    [0, new Uint8Array(0), "0 is no BER-TLV tag"],
    [0x5f, new Uint8Array(0), "5F is no BER-TLV tag"],
    [0x8401, new Uint8Array(0), "8401 is no BER-TLV tag"],
    [0x5f81, new Uint8Array(0), "5F81 is no BER-TLV tag"],
    [0x5f0102, new Uint8Array(0), "5F0102 is no BER-TLV tag"],
    [2 ** 32, new Uint8Array(0), "no BER-TLV tag"],
    [0x30, new Uint8Array(0), "tag 30 is constructed: give its children"],
  ])("encode refuses tag %d", (tag, value, message) => {
    expect(() => encodeBerTlv([{ tag, value }])).toThrow(RangeError);
    expect(() => encodeBerTlv([{ tag, value }])).toThrow(message);
  });

  test("encode refuses children of a primitive tag", () => {
    expect(() => encodeBerTlv([{ tag: 0x04, children: [] }])).toThrow("tag 4 is primitive: give its value");
  });

  const primitiveTag = fc.constantFrom(0x04, 0x84, 0x5f2d, 0x9f26, 0xdf8101, 0x9fffff7f);
  const constructedTag = fc.constantFrom(0x30, 0x6f, 0xa5, 0x7f49, 0xbf8101, 0xbf0c, 0xff21);
  const { tree } = fc.letrec<{ tree: BerTlvInit }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.record({ tag: primitiveTag, value: fc.uint8Array({ maxLength: 300 }) }),
      fc.record({ tag: constructedTag, children: fc.array(tie("tree"), { maxLength: 4 }) }),
    ),
  }));

  function strip(object: BerTlv): BerTlvInit {
    const { tag, value, children } = object;
    return children === undefined ? { tag, value } : { tag, children: children.map(strip) };
  }

  test("property: what is encoded is decoded again, and what is decoded encodes to the same bytes", () => {
    fc.assert(
      fc.property(fc.array(tree, { maxLength: 4 }), (objects) => {
        const bytes = encodeBerTlv(objects);
        const decoded = decodedValue(decodeBerTlv(bytes));
        expect(decoded.map(strip)).toEqual(objects);
        expect(encodeHex(encodeBerTlv(decoded))).toBe(encodeHex(bytes));
      }),
    );
  });

  test("property: decoding any bytes ends with a result", () => {
    const nesting = fc.array(fc.constantFrom(0x30, 0x7f, 0x49, 0x00, 0x80, 0x81, 0x02, 0x04), { maxLength: 300 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          nesting.map((list) => Uint8Array.from(list)),
        ),
        (bytes) => {
          const decoded = decodeBerTlv(bytes);
          if (!decoded.ok) return;
          const again = decodedValue(decodeBerTlv(encodeBerTlv(decoded.value)));
          expect(again.map(strip)).toEqual(decoded.value.map(strip));
        },
      ),
      { numRuns: 500 },
    );
  });
});
