// SPDX-License-Identifier: MIT

import { checkWhole } from "../binary/index.ts";

/**
 * Clock rate conversion and baud rate adjustment, as TA1 of an ATR and PPS1 carry them: 1 etu is F / D clock cycles.
 * ISO/IEC 7816-3:2006, 8.3, tables 7 and 8.
 */
export interface TransmissionFactors {
  /** The byte itself. */
  readonly code: number;
  /** Clock rate conversion integer Fi, in clock cycles; undefined where the code is reserved. */
  readonly fi: number | undefined;
  /** Baud rate adjustment integer Di; undefined where the code is reserved. */
  readonly di: number | undefined;
  /** Highest clock frequency that goes with Fi, in hertz; undefined where the code is reserved. */
  readonly maxClockHz: number | undefined;
}

/** F and D in use between a reader and a card. */
export interface EtuFactors {
  readonly f: number;
  readonly d: number;
}

/** Fd and Dd, in use from the reset on unless the card insists on others. ISO/IEC 7816-3:2006, 8.1. */
export const defaultEtuFactors: EtuFactors = { f: 372, d: 1 };

/** TA1 and PPS1 for Fd and Dd: what an absent byte stands for. */
export const DEFAULT_FACTORS_CODE = 0x11;

/** Fi and the highest clock frequency by the first digit. ISO/IEC 7816-3:2006, table 7; absent: reserved. */
const clockRates: Readonly<Record<number, readonly [fi: number, maxClockHz: number]>> = {
  0: [372, 4_000_000],
  1: [372, 5_000_000],
  2: [558, 6_000_000],
  3: [744, 8_000_000],
  4: [1116, 12_000_000],
  5: [1488, 16_000_000],
  6: [1860, 20_000_000],
  9: [512, 5_000_000],
  10: [768, 7_500_000],
  11: [1024, 10_000_000],
  12: [1536, 15_000_000],
  13: [2048, 20_000_000],
};

/** Di by the second digit. ISO/IEC 7816-3:2006, table 8; absent: reserved. */
const baudRates: Readonly<Record<number, number>> = {
  1: 1,
  2: 2,
  3: 4,
  4: 8,
  5: 16,
  6: 32,
  7: 64,
  8: 12,
  9: 20,
};

/** Reads TA1 or PPS1, 0 to 255. @throws RangeError, TypeError (any other value) */
export function decodeTransmissionFactors(code: number): TransmissionFactors {
  checkWhole(code, 0, 0xff, "TA1 or PPS1");
  const clockRate = clockRates[code >> 4];
  return { code, fi: clockRate?.[0], di: baudRates[code & 0x0f], maxClockHz: clockRate?.[1] };
}

/** F and D of a byte, or undefined where either is reserved. */
export function etuFactorsOf(code: number): EtuFactors | undefined {
  const { fi, di } = decodeTransmissionFactors(code);
  return fi === undefined || di === undefined ? undefined : { f: fi, d: di };
}
