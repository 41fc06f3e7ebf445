// SPDX-License-Identifier: MIT

import type { ReaderType } from "../../port/index.ts";
import { encodePng, type Rgb } from "./png.ts";

const size = 256;

/** Paper, outline, body of the reader, the card and other things that shine. */
const palette: readonly Rgb[] = [
  [0xff, 0xff, 0xff],
  [0x1f, 0x2a, 0x44],
  [0x5b, 0x7d, 0xb1],
  [0xf2, 0xb7, 0x3f],
];
type Ink = 0 | 1 | 2 | 3;
const [paper, line, body, gold] = [0, 1, 2, 3] as const;

/** What a drawing is made of, in pixels; later shapes cover earlier ones. */
type Shape =
  /** A box with round corners. */
  | {
      readonly ink: Ink;
      readonly box: readonly [left: number, top: number, width: number, height: number, radius: number];
    }
  /** An arc that opens upwards: a quarter of a ring around a point. */
  | { readonly ink: Ink; readonly arc: readonly [x: number, y: number, inner: number, outer: number] };

function boxes(ink: Ink, ...all: (readonly [number, number, number, number, number])[]): Shape[] {
  return all.map((box) => ({ ink, box }));
}

/** A card that stands in the slot of a reader on a table. */
const readerWithCard: readonly Shape[] = [
  ...boxes(line, [76, 22, 104, 130, 12]),
  ...boxes(gold, [82, 28, 92, 118, 8]),
  ...boxes(line, [96, 44, 34, 30, 5], [44, 116, 168, 104, 18]),
  ...boxes(paper, [101, 49, 10, 9, 2], [115, 49, 10, 9, 2], [101, 62, 10, 9, 2], [115, 62, 10, 9, 2]),
  ...boxes(body, [52, 124, 152, 88, 12]),
  ...boxes(line, [68, 134, 120, 10, 5]),
];

const chip: readonly Shape[] = [
  ...[56, 96, 136, 176].flatMap((at) => boxes(line, [at, 20, 24, 216, 6], [20, at, 216, 24, 6])),
  ...boxes(line, [44, 44, 168, 168, 16]),
  ...boxes(body, [52, 52, 152, 152, 10]),
  ...boxes(line, [88, 88, 80, 80, 10]),
  ...boxes(gold, [94, 94, 68, 68, 6]),
];

const drawings: Readonly<Record<ReaderType, readonly Shape[]>> = {
  vendor: readerWithCard,
  // The plug of its cable, in front.
  usb: [
    ...readerWithCard,
    ...boxes(line, [100, 164, 56, 32, 4], [122, 196, 12, 56, 2]),
    ...boxes(paper, [106, 170, 44, 20, 2]),
    ...boxes(line, [114, 176, 10, 8, 0], [132, 176, 10, 8, 0]),
  ],
  // The nine pins of its plug, in front.
  serial: [
    ...readerWithCard,
    ...boxes(line, [80, 160, 96, 40, 14]),
    ...[92, 108, 124, 140, 156].flatMap((x) => boxes(paper, [x, 168, 8, 8, 4])),
    ...[100, 116, 132, 148].flatMap((x) => boxes(paper, [x, 184, 8, 8, 4])),
  ],
  // A plate that sends waves up to a card.
  nfc: [
    ...boxes(line, [36, 164, 184, 64, 18]),
    ...boxes(body, [44, 172, 168, 48, 12]),
    { ink: line, arc: [128, 164, 116, 132] },
    { ink: gold, arc: [128, 164, 82, 98] },
    { ink: line, arc: [128, 164, 48, 64] },
  ],
  "embedded-se": chip,
};

/**
 * A picture of a reader: a PNG file of 256 × 256 pixels without an alpha channel, drawn by us. A reader whose kind is
 * not known looks like one on a table with a card in it.
 */
export function readerIcon(type: ReaderType | undefined): Uint8Array {
  const pixels = new Uint8Array(size * size).fill(paper);
  for (const shape of drawings[type ?? "vendor"]) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) if (covers(shape, x, y)) pixels[y * size + x] = shape.ink;
    }
  }
  return encodePng({ width: size, height: size, palette, pixels });
}

function covers(shape: Shape, x: number, y: number): boolean {
  if ("arc" in shape) {
    const [centreX, centreY, inner, outer] = shape.arc;
    const [right, up] = [x - centreX, centreY - y];
    const distance = Math.hypot(right, up);
    return up >= Math.abs(right) && distance >= inner && distance <= outer;
  }
  const [left, top, width, height, radius] = shape.box;
  if (x < left || y < top || x >= left + width || y >= top + height) return false;
  // How far the pixel lies beyond the centre of the nearest corner's circle, in each direction.
  const beyondX = Math.max(left + radius - x, x - (left + width - 1 - radius), 0);
  const beyondY = Math.max(top + radius - y, y - (top + height - 1 - radius), 0);
  return beyondX * beyondX + beyondY * beyondY <= radius * radius;
}
