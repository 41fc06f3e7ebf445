// SPDX-License-Identifier: MIT

import { checkList, checkMembers, checkWhole } from "../../base/binary/index.ts";
import {
  type Atr,
  checkPpsResponse,
  DEFAULT_FACTORS_CODE,
  decodePps,
  decodeTransmissionFactors,
  defaultEtuFactors,
  type EtuFactors,
  encodePps,
  etuFactorsOf,
  type Pps,
  type PpsOutcome,
  type TransmissionFactors,
} from "../../base/iso7816/index.ts";

/** What a reader can do on the line, as its CCID descriptor and GET_DATA_RATES say. */
export interface ReaderSpeeds {
  /** The clock that the card gets, in kilohertz, above 0: dwDefaultClock, or what was set since. */
  readonly clockKHz: number;
  /** Fastest rate in bits per second: dwMaxDataRate. */
  readonly maxDataRate: number;
  /** The rates that it can do, from GET_DATA_RATES. Empty where bNumDataRatesSupported is 0: any rate up to the fastest. @default empty */
  readonly dataRates?: readonly number[];
  /** Other clocks that the card can be given, in kilohertz, each above 0: dwMaximumClock, or those of GET_CLOCK_FREQUENCIES. @default none */
  readonly clocksKHz?: readonly number[];
}

/** How to make a card speak a protocol, at the best speed that card and reader can do. */
export type TransmissionPlan =
  /** It does so since its reset. `clockKHz` is the clock to give it then, where that is another than it has. */
  | { readonly kind: "as-is"; readonly factors: EtuFactors; readonly clockKHz?: number }
  /** After a PPS exchange. `factors` are in use when the card agrees, and `clockKHz` can be given it then, where that is another. */
  | {
      readonly kind: "pps";
      readonly request: Pps;
      readonly bytes: Uint8Array;
      readonly factors: EtuFactors;
      readonly clockKHz?: number;
    }
  /** Not at all, or not after this reset. */
  | { readonly kind: "refuse"; readonly reason: string };

/** The second digits of PPS1 for D = 64, 32, 16, 8, 4, 2 and 1. */
const powersOfTwo = [7, 6, 5, 4, 3, 2, 1];

/** The rates of readers are rounded, and so are ours. */
const RATE_TOLERANCE = 2;

/**
 * Derives from the ATR how to select a protocol and a speed. In negotiable mode it proposes the fastest F and D that the reader
 * can do: Fi with Di, or with a power of two below Di, which is what cards know in practice, or else Fd and Dd. In specific mode there is nothing to choose.
 * With Fi goes a faster clock of the reader's too, up to f(max) of the card.
 *
 * @param reader left out where the reader chooses the speed itself
 * @throws TypeError, RangeError for an invalid argument
 * @see ISO/IEC 7816-3:2006, 6.3.1 and 9.2; CCID 1.1, 5.1 and 5.3.3
 */
export function planTransmission(atr: Atr, protocol: 0 | 1, reader?: ReaderSpeeds): TransmissionPlan {
  checkWhole(protocol, 0, 1, "planTransmission: protocol");
  if (reader !== undefined) checkSpeeds(reader);
  const { usableProtocols, defaultProtocol, mode, factors } = atr;
  if (!usableProtocols.includes(protocol)) {
    const offered = usableProtocols.map((value) => `T=${value}`).join(", ");
    return { kind: "refuse", reason: `the card offers ${offered}, not T=${protocol}` };
  }
  if (mode.kind === "specific") return specificPlan(atr, reader);
  const best = reader === undefined ? undefined : fastest(factors, reader);
  const code = best?.code ?? DEFAULT_FACTORS_CODE;
  const inUse = etuFactorsOf(code) ?? defaultEtuFactors;
  if (protocol === defaultProtocol && code === DEFAULT_FACTORS_CODE) return { kind: "as-is", factors: inUse };
  const request: Pps = code === DEFAULT_FACTORS_CODE ? { protocol } : { protocol, pps1: code };
  return { kind: "pps", request, bytes: encodePps(request), factors: inUse, ...otherClock(best, reader) };
}

/**
 * Checks what a card answered to the PPS request of a plan.
 *
 * @returns F and D to use; or why the card has to be reset, the response being none or another's
 * @see ISO/IEC 7816-3:2006, 9.3
 */
export function confirmTransmission(request: Pps, response: Uint8Array): PpsOutcome {
  const answered = decodePps(response);
  if (!answered.ok) return { agreed: false, reason: `the card's answer is no PPS response: ${answered.error.message}` };
  return checkPpsResponse(request, answered.value);
}

/** Bits per second at F and D. */
function dataRateOf({ f, d }: EtuFactors, clockKHz: number): number {
  return (clockKHz * 1000 * d) / f;
}

function specificPlan(atr: Atr, reader: ReaderSpeeds | undefined): TransmissionPlan {
  // Implicit or reserved F and D cannot be known from the ATR: most cards start with these.
  const factors = atr.startingFactors ?? defaultEtuFactors;
  const isDefault = factors.f === defaultEtuFactors.f && factors.d === defaultEtuFactors.d;
  if (reader === undefined || isDefault) return { kind: "as-is", factors };
  const best = fastestOf([{ code: atr.factors.code, factors }], atr.factors, reader);
  if (best !== undefined) return { kind: "as-is", factors, ...otherClock(best, reader) };
  const rate = Math.round(dataRateOf(factors, reader.clockKHz));
  return { kind: "refuse", reason: `the card speaks ${rate} bits per second only, and the reader cannot` };
}

/** F and D, coded as PPS1 is, at a clock. */
interface Speed {
  readonly code: number;
  readonly clockKHz: number;
  readonly rate: number;
}

/** The fastest F and D that both can do, and the clock for them; undefined where nothing is faster than Fd and Dd. */
function fastest(offered: TransmissionFactors, reader: ReaderSpeeds): Speed | undefined {
  const first = offered.code & 0xf0;
  const lows = [offered.code & 0x0f, ...powersOfTwo.filter((low) => (dOf(low) ?? 0) < (offered.di ?? 0))];
  const choices = lows.flatMap((low) => {
    const factors = etuFactorsOf(first | low);
    return factors === undefined ? [] : [{ code: first | low, factors }];
  });
  const best = fastestOf(choices, offered, reader);
  const first372 = dataRateOf(defaultEtuFactors, reader.clockKHz);
  return best !== undefined && best.rate > first372 ? best : undefined;
}

/** The fastest of these that the reader can do, the slowest clock for it. A card takes a faster clock than its first up to f(max). */
function fastestOf(
  choices: readonly { readonly code: number; readonly factors: EtuFactors }[],
  { maxClockHz = 0 }: TransmissionFactors,
  reader: ReaderSpeeds,
): Speed | undefined {
  const { clockKHz: first, clocksKHz = [] } = reader;
  const faster = clocksKHz.filter((clock) => clock > first && clock * 1000 <= maxClockHz).sort((a, b) => a - b);
  let best: Speed | undefined;
  for (const { code, factors } of choices) {
    for (const clockKHz of [first, ...faster]) {
      const rate = dataRateOf(factors, clockKHz);
      if (rate > (best?.rate ?? 0) && canDo(rate, reader)) best = { code, clockKHz, rate };
    }
  }
  return best;
}

function otherClock(best: Speed | undefined, reader: ReaderSpeeds | undefined): { readonly clockKHz?: number } {
  return best === undefined || best.clockKHz === reader?.clockKHz ? {} : { clockKHz: best.clockKHz };
}

/** Di of a second digit. */
function dOf(low: number): number | undefined {
  return decodeTransmissionFactors(low).di;
}

/** Whether the reader has a rate. */
function canDo(rate: number, { maxDataRate, dataRates = [] }: ReaderSpeeds): boolean {
  if (rate >= maxDataRate + RATE_TOLERANCE) return false;
  return dataRates.length === 0 || dataRates.some((possible) => Math.abs(possible - rate) < RATE_TOLERANCE);
}

/** @throws TypeError, RangeError */
function checkSpeeds(reader: ReaderSpeeds): void {
  checkMembers(reader, ["clockKHz", "clocksKHz", "maxDataRate", "dataRates"], "planTransmission: reader");
  const { clockKHz, clocksKHz = [], maxDataRate, dataRates = [] } = reader;
  checkList(dataRates, "bits per second", "planTransmission: dataRates");
  checkList(clocksKHz, "kilohertz", "planTransmission: clocksKHz");
  const numbers: (readonly [string, number])[] = [
    ["clockKHz", clockKHz],
    ["maxDataRate", maxDataRate],
  ];
  for (const [name, value] of [...numbers, ...clocksKHz.map((clock) => ["clocksKHz", clock] as const)]) {
    if (!(Number.isFinite(value) && value > 0)) throw new RangeError(`planTransmission: ${name} is above 0`);
  }
}
