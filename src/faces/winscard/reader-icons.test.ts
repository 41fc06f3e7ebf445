// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { crc32, inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
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

  it.each(types)("%s: is the file in assets", (type) => {
    const file = readFileSync(new URL(`assets/${type}.png`, import.meta.url));
    // On a difference the test prints the text for reader-icons.ts.
    expect(Buffer.from(readerIcon(type)).toString("base64")).toBe(file.toString("base64"));
  });

  it("is a copy: what a caller writes into it changes no other icon", () => {
    readerIcon("usb").fill(0);
    expect(readerIcon("usb")[0]).toBe(0x89);
  });

  it("is another one for each kind, and the common one where the kind is not known", () => {
    expect(new Set(types.map((type) => String(readerIcon(type)))).size).toBe(types.length);
    expect(readerIcon(undefined)).toEqual(readerIcon("vendor"));
  });
});
