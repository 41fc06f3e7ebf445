// SPDX-License-Identifier: MIT

import { CcidReaderModel, type CcidReaderOptions } from "./ccid-reader.ts";
import { features } from "./descriptors.ts";

const apduFeatures =
  features.automaticParameters |
  features.automaticVoltage |
  features.automaticClock |
  features.automaticBaudRate |
  features.automaticPps;
const tpduFeatures = features.automaticVoltage | features.automaticClock | features.automaticBaudRate;

/** Readers of each kind that there is. The names are those of tests. */
export const presets = {
  /** A whole APDU of up to 64 KB in one message. */
  "extended APDU": { level: "extended-apdu", maxMessageBytes: 65_556, product: "Model Extended" },
  /** Extended APDUs in messages of 271 bytes: both ways chained. */
  "extended APDU, chained": { level: "extended-apdu", maxMessageBytes: 271, product: "Model Chained" },
  "short APDU": { level: "short-apdu", maxMessageBytes: 271, product: "Model Short", features: apduFeatures },
  /** The host speaks T=1 and makes parameters known; the reader takes voltage, clock and baud rate from them. */
  TPDU: {
    ...{ level: "tpdu", maxMessageBytes: 271, product: "Model TPDU", features: tpduFeatures },
  },
  /** The host does everything: it chooses the voltage, makes the PPS and counts the bytes. */
  character: {
    ...{ level: "character", maxMessageBytes: 271, product: "Model Character", features: 0 },
    dataRates: [10_752, 21_505, 43_010, 86_021, 172_043, 344_086],
  },
  "two slots, PIN pad": {
    ...{ level: "short-apdu", slots: 2, busySlots: 2, pinSupport: 3, lcdLayout: 0x0210, speed: "high" },
    ...{ vendorId: 0x04e6, productId: 0x5116, product: "Model Two", features: apduFeatures },
  },
  "no interrupt endpoint": { interruptEndpoint: false, product: "Model Silent" },
} as const satisfies Record<string, Partial<CcidReaderOptions>>;

export type Preset = keyof typeof presets;

/** A model of a named kind. */
export function readerModel(preset: Preset, options: CcidReaderOptions): CcidReaderModel {
  return new CcidReaderModel({ ...presets[preset], ...options });
}
