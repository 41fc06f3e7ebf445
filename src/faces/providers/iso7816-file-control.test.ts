// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import { fileViewOf } from "./iso7816-file-control.ts";

function controlOf(hex: string): ReturnType<typeof fileViewOf> {
  return fileViewOf(hexBytes(hex));
}

describe("what SELECT tells of a file", () => {
  test.each([
    ["6205 820101 8000", { kind: "transparent", dataBytes: 0 }],
    ["6207 820101 80020123", { kind: "transparent", dataBytes: 0x123 }],
    ["6207 820101 81020123", { kind: "transparent", dataBytes: 0x123 }],
    ["6203 820138", { kind: "directory", dataBytes: undefined }],
    ["6F03 820178", { kind: "directory" }],
    ["6207 82050221000A03", { kind: "linear-fixed", recordBytes: 10, records: 3 }],
    ["6208 82060421000A0103", { kind: "linear-variable", recordBytes: 10, records: 0x103 }],
    ["6205 8203062108", { kind: "cyclic", recordBytes: 8, records: undefined }],
    ["6203 820181", { kind: "unknown" }],
    ["6204 83022F00", { kind: "unknown", id: 0x2f00 }],
    ["", { kind: "unknown", id: undefined, objects: [] }],
    ["6205 8201", { kind: "unknown" }],
  ])("%s", (hex, expected) => {
    expect(controlOf(hex.replaceAll(" ", ""))).toMatchObject(expected);
  });

  test("property: nothing that a card tells is refused, and every number has its room", () => {
    const bytes = fc.uint8Array({ maxLength: 64 });
    const within = (number: number | undefined, most: number): boolean =>
      number === undefined || (number >= 0 && number <= most);
    fc.assert(
      fc.property(bytes, bytes, (raw, descriptor) => {
        expect(fileViewOf(raw).kind).toBeTypeOf("string");
        const inside = Uint8Array.of(0x82, descriptor.length, ...descriptor);
        const { objects, recordBytes, records } = fileViewOf(Uint8Array.of(0x62, inside.length, ...inside));
        expect(objects.map(({ value }) => value)).toEqual([descriptor]);
        expect(within(recordBytes, 0xffff) && within(records, 0xffff)).toBe(true);
        expect(records === undefined).toBe(descriptor.length < 5);
      }),
    );
  });
});
