// SPDX-License-Identifier: MIT

import { crc32, inflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodePng, type Rgb } from "./png.ts";
import { readerIcon } from "./reader-icons.ts";

interface Decoded {
  readonly header: number[];
  readonly palette: number[];
  readonly pixels: number[];
}

/** Reads a PNG of two bits per pixel without filters, and checks the sums with zlib of Node. */
function decode(png: Uint8Array): Decoded {
  expect([...png.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(png.buffer, png.byteOffset, png.length);
  const chunks = new Map<string, Uint8Array>();
  for (let at = 8; at < png.length; ) {
    const length = view.getUint32(at);
    expect(view.getUint32(at + 8 + length)).toBe(crc32(png.subarray(at + 4, at + 8 + length)));
    chunks.set(new TextDecoder().decode(png.subarray(at + 4, at + 8)), png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  expect([...chunks.keys()]).toEqual(["IHDR", "PLTE", "IDAT", "IEND"]);
  const header = chunks.get("IHDR") ?? new Uint8Array();
  const width = new DataView(header.buffer, header.byteOffset).getUint32(0);
  // Inflating checks the Adler sum.
  const lines = inflateSync(chunks.get("IDAT") ?? new Uint8Array());
  expect(lines.length % (1 + width / 4)).toBe(0);
  const pixels: number[] = [];
  lines.forEach((byte, at) => {
    if (at % (1 + width / 4) === 0) expect(byte).toBe(0);
    else pixels.push(byte >> 6, (byte >> 4) & 3, (byte >> 2) & 3, byte & 3);
  });
  return { header: [...header], palette: [...(chunks.get("PLTE") ?? [])], pixels };
}

describe("encodePng", () => {
  it("decoding returns the encoded picture", () => {
    const colour = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
    const picture = fc
      .record({ quarter: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 40 }) })
      .chain(({ quarter, height }) =>
        fc.record({
          width: fc.constant(4 * quarter),
          height: fc.constant(height),
          palette: fc.array(colour, { minLength: 4, maxLength: 4 }),
          pixels: fc.uint8Array({ minLength: 4 * quarter * height, maxLength: 4 * quarter * height, max: 3 }),
        }),
      );
    fc.assert(
      fc.property(picture, ({ width, height, palette, pixels }) => {
        const decoded = decode(encodePng({ width, height, palette: palette as Rgb[], pixels }));
        expect(decoded).toEqual({
          header: [0, 0, 0, width, 0, 0, 0, height, 2, 3, 0, 0, 0],
          palette: palette.flat(),
          pixels: [...pixels],
        });
      }),
    );
  });
});

describe("readerIcon", () => {
  const types = ["vendor", "usb", "serial", "nfc", "embedded-se"] as const;

  it.each(types)("%s: 256 × 256 pixels, a palette and no alpha channel, something on paper", (type) => {
    const { header, palette, pixels } = decode(readerIcon(type));
    expect(header).toEqual([0, 0, 1, 0, 0, 0, 1, 0, 2, 3, 0, 0, 0]);
    expect(palette).toHaveLength(12);
    expect([...new Set(pixels)].sort()).toEqual([0, 1, 2, 3]);
    // The edges are paper: nothing is cut off.
    const edge = pixels.filter((_, at) => at % 256 === 0 || at % 256 === 255 || at < 256 || at >= 255 * 256);
    expect(new Set(edge)).toEqual(new Set([0]));
  });

  it("is another one for each kind, and the common one where the kind is not known", () => {
    expect(new Set(types.map((type) => String(readerIcon(type)))).size).toBe(types.length);
    expect(readerIcon(undefined)).toEqual(readerIcon("vendor"));
  });
});
