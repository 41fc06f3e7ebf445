// SPDX-License-Identifier: MIT

/** Bytes in a page, the unit that is written. */
export const PAGE_BYTES = 4;

/** Where an NTAG 21x keeps what is not user memory: its last five pages. NXP NTAG213/215/216 data sheet, 8.5 */
export interface NtagLayout {
  /** All pages. */
  readonly pages: number;
  /** The page with the dynamic lock bytes: user memory ends before it. */
  readonly lockPage: number;
  /** How many pages one dynamic lock bit locks. */
  readonly pagesPerLockBit: number;
  /** The storage size in the answer to GET_VERSION. */
  readonly sizeCode: number;
}

/** The tags by name. NXP NTAG213/215/216 data sheet, tables 4 to 9 and 28 */
export const ntagLayouts = {
  ntag213: { pages: 45, lockPage: 0x28, pagesPerLockBit: 2, sizeCode: 0x0f },
  ntag215: { pages: 135, lockPage: 0x82, pagesPerLockBit: 16, sizeCode: 0x11 },
  ntag216: { pages: 231, lockPage: 0xe2, pagesPerLockBit: 16, sizeCode: 0x13 },
} as const satisfies Readonly<Record<string, NtagLayout>>;

/** An NTAG that has passwords, counters and a configuration. */
export type NtagProduct = keyof typeof ntagLayouts;

/** The last five pages as they leave the factory: no lock, no mirror, no protected page, the password FFFFFFFF, the PACK 0000. */
export const factoryPages: Uint8Array = Uint8Array.of(
  ...[0x00, 0x00, 0x00, 0xbd],
  ...[0x04, 0x00, 0x00, 0xff],
  ...[0x00, 0x05, 0x00, 0x00],
  ...[0xff, 0xff, 0xff, 0xff],
  ...[0x00, 0x00, 0x00, 0x00],
);
