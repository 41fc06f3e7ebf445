// SPDX-License-Identifier: MIT

export type { MifareClassicSize } from "./classic-layout.ts";
export { MifareClassicCard, type MifareClassicOptions } from "./mifare-classic-card.ts";
