// SPDX-License-Identifier: MIT

import { concatBytes, struct, u8, u16le, u32be } from "../../base/binary/index.ts";
import { assert } from "../../port/index.ts";

/** Red, green and blue, 0 to 255 each. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** A picture of at most four colours. */
interface Picture {
  readonly width: number;
  readonly height: number;
  /** One to four colours. */
  readonly palette: readonly Rgb[];
  /** The place of the colour in the palette, of each pixel, line by line from the top. */
  readonly pixels: Uint8Array;
}

const header = struct("IHDR", {
  width: u32be,
  height: u32be,
  bitDepth: u8,
  colourType: u8,
  compression: u8,
  filter: u8,
  interlace: u8,
});
const length32 = struct("length", { value: u32be });
const storedBlock = struct("stored block", { last: u8, length: u16le, complement: u16le });
const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const bitDepth = 2;
const pixelsPerByte = 4;
const maxStoredBytes = 0xffff;

/**
 * A picture as a PNG file with a palette of two bits per pixel and no alpha channel. It is stored, not compressed: that
 * takes no library, and 256 × 256 pixels have less than 17 KiB as they are.
 *
 * @see Portable Network Graphics (PNG) Specification, W3C, second edition, clauses 5 and 11
 */
export function encodePng({ width, height, palette, pixels }: Picture): Uint8Array {
  assert(pixels.length === width * height && width % pixelsPerByte === 0, "the picture is not whole");
  assert(palette.length >= 1 && palette.length <= 1 << bitDepth, "a picture has one to four colours");
  const lines = new Uint8Array(height * (1 + width / pixelsPerByte));
  for (let y = 0, at = 0; y < height; y++) {
    lines[at++] = 0; // The filter of the line: none.
    for (let x = 0; x < width; x += pixelsPerByte, at++) {
      for (let sub = 0; sub < pixelsPerByte; sub++) {
        const colour = pixels[y * width + x + sub] ?? 0;
        lines[at] = (lines[at] ?? 0) | (colour << (8 - bitDepth * (sub + 1)));
      }
    }
  }
  const palettized = { bitDepth, colourType: 3, compression: 0, filter: 0, interlace: 0 };
  return concatBytes(
    signature,
    chunk("IHDR", header.encode({ width, height, ...palettized })),
    chunk("PLTE", Uint8Array.from(palette.flat())),
    chunk("IDAT", zlibStored(lines)),
    chunk("IEND", new Uint8Array()),
  );
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = concatBytes(
    Uint8Array.from(type, (letter) => letter.charCodeAt(0)),
    data,
  );
  return concatBytes(length32.encode({ value: data.length }), body, length32.encode({ value: crc32(body) }));
}

/** A zlib stream (RFC 1950) of one stored block (RFC 1951, 3.2.4). */
function zlibStored(data: Uint8Array): Uint8Array {
  assert(data.length <= maxStoredBytes, "the picture is too large for one stored block");
  const block = storedBlock.encode({ last: 1, length: data.length, complement: maxStoredBytes - data.length });
  return concatBytes(Uint8Array.of(0x78, 0x01), block, data, length32.encode({ value: adler32(data) }));
}

/** The checksum of zlib (RFC 1950, 8). */
function adler32(data: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of data) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 0x1_0000 + a;
}

/** The checksum of a chunk: CRC-32 as in ISO/IEC 13239, least significant bit first. */
function crc32(data: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
