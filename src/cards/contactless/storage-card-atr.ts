// SPDX-License-Identifier: MIT

import { buildAtr, storageCardHistoricalBytes } from "../../base/iso7816/index.ts";

/** SS of ISO/IEC 14443 A, part 3. */
const ISO14443A_PART3 = 0x03;

/**
 * The ATR that readers make for a storage card of ISO/IEC 14443 A. PC/SC part 3, 3.1.3.2.3
 *
 * @param name the name of the card: 0001 MIFARE Classic 1K, 0002 4K, 0003 MIFARE Ultralight
 */
export function storageCardAtr(name: number): Uint8Array {
  return buildAtr({ protocols: [0, 1], historicalBytes: storageCardHistoricalBytes(ISO14443A_PART3, name) });
}
