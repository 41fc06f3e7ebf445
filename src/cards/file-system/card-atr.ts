// SPDX-License-Identifier: MIT

import { buildAtr } from "../../base/iso7816/index.ts";

/** What a T=1 reader may put into one block, the largest value there is. ISO/IEC 7816-3:2006, 11.4.2. */
const IFSC = 254;

/**
 * What `FileSystemCard` can do, in COMPACT-TLV. ISO/IEC 7816-4:2005, 8.1.1.2.
 *
 * 31 C8: applications are selected by full and partial name, EF.DIR and EF.ATR are read with READ BINARY, there is a
 * master file. 73 F7 21 DF: selection by name, path and identifier, short identifiers, record numbers and identifiers;
 * data units of one byte; command chaining, extended length fields, eight logical channels or more, whose numbers the card
 * or the terminal chooses.
 */
export const defaultHistoricalBytes: Uint8Array = Uint8Array.of(0x80, 0x31, 0xc8, 0x73, 0xf7, 0x21, 0xdf);

/** Builds the ATR of a card that needs nothing special of the reader. */
export function buildCardAtr(protocols: readonly ("t0" | "t1")[], historicalBytes: Uint8Array): Uint8Array {
  const numbers = (["t0", "t1"] as const).flatMap((name, number) => (protocols.includes(name) ? [number] : []));
  return buildAtr({ protocols: numbers, historicalBytes, ...(numbers.includes(1) ? { ifsc: IFSC } : {}) });
}
