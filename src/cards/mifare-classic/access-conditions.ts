// SPDX-License-Identifier: MIT

/** Who may do something: the holder of key A, of key B, of either, or none. */
type Holder = "a" | "b" | "ab" | "none";

interface DataAccess {
  readonly read: Holder;
  readonly write: Holder;
  readonly increment: Holder;
  /** Decrement, transfer, restore. */
  readonly decrement: Holder;
}

interface TrailerAccess {
  readonly writeKeyA: Holder;
  readonly readBits: Holder;
  readonly writeBits: Holder;
  readonly readKeyB: Holder;
  readonly writeKeyB: Holder;
}

const data = (read: Holder, write: Holder, increment: Holder, decrement: Holder): DataAccess => ({
  read,
  write,
  increment,
  decrement,
});

/** By C1 C2 C3. NXP MF1S50yyX data sheet, table 8 */
const dataAccess: readonly DataAccess[] = [
  data("ab", "ab", "ab", "ab"),
  data("ab", "none", "none", "ab"),
  data("ab", "none", "none", "none"),
  data("b", "b", "none", "none"),
  data("ab", "b", "none", "none"),
  data("b", "none", "none", "none"),
  data("ab", "b", "b", "ab"),
  data("none", "none", "none", "none"),
];

const trailer = (
  writeKeyA: Holder,
  readBits: Holder,
  writeBits: Holder,
  readKeyB: Holder,
  writeKeyB: Holder,
): TrailerAccess => ({ writeKeyA, readBits, writeBits, readKeyB, writeKeyB });

/** By C1 C2 C3. NXP MF1S50yyX data sheet, table 7 */
const trailerAccess: readonly TrailerAccess[] = [
  trailer("a", "a", "none", "a", "a"),
  trailer("a", "a", "a", "a", "a"),
  trailer("none", "a", "none", "a", "none"),
  trailer("b", "ab", "b", "none", "b"),
  trailer("b", "ab", "none", "none", "b"),
  trailer("none", "ab", "b", "none", "none"),
  trailer("none", "ab", "none", "none", "none"),
  trailer("none", "ab", "none", "none", "none"),
];

/** The access conditions of a sector. */
export interface SectorAccess {
  /** Of the blocks, or of the groups of five blocks, before the trailer. */
  readonly groups: readonly DataAccess[];
  readonly trailer: TrailerAccess;
}

/**
 * Reads bytes 6 to 8 of a sector trailer, where each bit stands a second time, inverted; undefined where the two differ: the card
 * then blocks the sector for good. NXP MF1S50yyX data sheet, 8.7.1
 */
export function decodeAccess(bytes: Uint8Array): SectorAccess | undefined {
  const [first = 0, second = 0, third = 0] = bytes;
  const [c1, c2, c3] = [second >> 4, third & 0x0f, third >> 4];
  const inverted = [first & 0x0f, first >> 4, second & 0x0f];
  if ([c1, c2, c3].some((bits, index) => (bits ^ 0x0f) !== inverted[index])) return undefined;
  const codes = [0, 1, 2, 3].map(
    (group) => (((c1 >> group) & 1) << 2) | (((c2 >> group) & 1) << 1) | ((c3 >> group) & 1),
  );
  const groups = codes.slice(0, 3).map((code) => dataAccess[code]);
  const ofTrailer = trailerAccess[codes[3] ?? 0];
  if (ofTrailer === undefined || !groups.every((group) => group !== undefined)) return undefined;
  return { groups, trailer: ofTrailer };
}

/** Whether the holder of a key may do something. */
export function allows(holder: Holder, key: "a" | "b"): boolean {
  return holder === "ab" || holder === key;
}
