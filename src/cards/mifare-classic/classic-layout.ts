// SPDX-License-Identifier: MIT

/** Bytes in a block. */
export const BLOCK_BYTES = 16;

/** How much memory a card has. */
export type MifareClassicSize = "1k" | "4k";

/** The name that readers give the card in its ATR, and its memory in bytes. PC/SC part 3, supplement, names of cards */
export const layouts: Readonly<Record<MifareClassicSize, { readonly name: number; readonly bytes: number }>> = {
  "1k": { name: 0x0001, bytes: 1024 },
  "4k": { name: 0x0002, bytes: 4096 },
};

/** The first sectors have 4 blocks, those from sector 32 on have 16. NXP MF1S70yyX data sheet, 8.6 */
const SMALL_SECTORS = 32;
const SMALL_BLOCKS = 4;
const LARGE_BLOCKS = 16;

/** SAK and ATQA, which the maker's block holds behind the identifier. NXP MF1S50yyX data sheet, 8.6.1 */
const makerBytes: Readonly<Record<MifareClassicSize, readonly number[]>> = {
  "1k": [0x08, 0x04, 0x00],
  "4k": [0x18, 0x02, 0x00],
};

/** Keys FFFFFFFFFFFF, the access conditions of the maker, and the byte that is free. 8.7 */
const factoryTrailer = [
  ...[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  ...[0xff, 0x07, 0x80, 0x69],
  ...[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
];

/** A sector of a card. */
export interface Sector {
  readonly number: number;
  /** The block with the keys and the access conditions: the last one. */
  readonly trailer: number;
  /** Which of the three groups of blocks, each with access conditions of its own, a block belongs to. */
  groupOf(block: number): number;
}

/** The sector of a block; undefined where the card has no such block. @param bytes of the memory */
export function sectorOf(block: number, bytes: number): Sector | undefined {
  if (block < 0 || block >= bytes / BLOCK_BYTES) return undefined;
  const small = SMALL_SECTORS * SMALL_BLOCKS;
  const isSmall = block < small;
  const blocks = isSmall ? SMALL_BLOCKS : LARGE_BLOCKS;
  const index = Math.floor((isSmall ? block : block - small) / blocks);
  const first = isSmall ? index * blocks : small + index * blocks;
  return {
    number: isSmall ? index : SMALL_SECTORS + index,
    trailer: first + blocks - 1,
    groupOf: (other) => (isSmall ? other - first : Math.floor((other - first) / 5)),
  };
}

/** The memory of a card as it leaves the factory. */
export function factoryMemory(size: MifareClassicSize, uid: Uint8Array): Uint8Array {
  const { bytes } = layouts[size];
  const memory = new Uint8Array(bytes);
  const check = uid.reduce((sum, byte) => sum ^ byte, 0);
  memory.set([...uid, check, ...makerBytes[size]]);
  for (let block = 0; block < bytes / BLOCK_BYTES; block++) {
    if (sectorOf(block, bytes)?.trailer === block) memory.set(factoryTrailer, block * BLOCK_BYTES);
  }
  return memory;
}
