// SPDX-License-Identifier: MIT

import { checkMembers, checkObject, shown } from "../binary/index.ts";
import { type AtrParameters, guardTimeEtu } from "./atr-parameters.ts";
import { defaultEtuFactors, type EtuFactors } from "./transmission-factors.ts";

/** A time on the line, in both units. */
export interface LineTime {
  /** In elementary time units of the F and D in use. */
  readonly etu: number;
  /** In milliseconds at the clock in use. */
  readonly ms: number;
}

/** What a reader has to wait, and how fast the line is, with one card at one setting. */
export interface AtrTimings {
  /** One etu in milliseconds. */
  readonly etuMs: number;
  /** Bits per second: etu in a second. */
  readonly bitsPerSecond: number;
  /** Guard time of characters to the card under T=0, from one leading edge to the next. 7816-3:2006, 8.3. */
  readonly t0GuardTime: LineTime;
  /** The same under T=1. */
  readonly t1GuardTime: LineTime;
  /** Waiting time WT of T=0: WI × 960 × Fi / f. Undefined where T=0 is not offered. 7816-3:2006, 10.2. */
  readonly waitingTime: LineTime | undefined;
  /** Character waiting time CWT of T=1: 11 + 2^CWI etu. Undefined where T=1 is not offered. 7816-3:2006, 11.4.3. */
  readonly characterWaitingTime: LineTime | undefined;
  /** Block waiting time BWT of T=1: 11 etu + 2^BWI × 960 × 372 / f. As above. */
  readonly blockWaitingTime: LineTime | undefined;
}

/** What is in use between reader and card. */
export interface LineSetting {
  /** F and D in use. @default those that the card starts with; 372 and 1 where they are implicit or reserved */
  readonly factors?: EtuFactors;
  /** Clock frequency in hertz, above 0. @default 4,000,000, the usual clock of readers */
  readonly clockHz?: number;
}

/** Fd. BWT is always counted with it, not with the F in use. ISO/IEC 7816-3:2006, 11.4.3. */
const BLOCK_WAITING_FACTOR = 372;

/**
 * Derives waiting and guard times from an ATR. Without a setting they are those from the reset on, at 4 MHz; where
 * `startingFactors` is undefined the ATR does not tell these, and the result holds only for a given setting.
 *
 * @throws TypeError for an invalid ATR or setting; RangeError for a clock, F or D that is not above 0.
 */
export function atrTimings(atr: AtrParameters, setting: LineSetting = {}): AtrTimings {
  checkMembers(setting, ["factors", "clockHz"], "atrTimings: setting");
  checkObject(atr, "atrTimings: atr", "pass what decodeAtr() gives");
  checkObject(atr.extraGuardTime, "atrTimings: atr.extraGuardTime", "pass what decodeAtr() gives");
  if (setting.factors !== undefined) checkMembers(setting.factors, ["f", "d"], "atrTimings: setting.factors");
  const { f, d } = setting.factors ?? atr.startingFactors ?? defaultEtuFactors;
  const clockHz = setting.clockHz ?? 4_000_000;
  for (const [name, value] of Object.entries({ F: f, D: d, "the clock": clockHz })) {
    if (!(Number.isFinite(value) && value > 0)) throw new RangeError(`${name} is above 0, not ${shown(value)}`);
  }
  const etuMs = (f / d / clockHz) * 1000;
  const time = (etu: number): LineTime => ({ etu, ms: etu * etuMs });
  const clocks = (cycles: number): number => (cycles * d) / f;
  const { t0, t1, extraGuardTime, guardTimeFactors } = atr;
  return {
    etuMs,
    bitsPerSecond: 1000 / etuMs,
    t0GuardTime: time(guardTimeEtu(extraGuardTime.n, 0, guardTimeFactors, { f, d })),
    t1GuardTime: time(guardTimeEtu(extraGuardTime.n, 1, guardTimeFactors, { f, d })),
    // WT counts by Fi of TA1, not by the F in use; where TA1 is reserved, F in use is the best guess.
    waitingTime: t0 && time(clocks(t0.wi * 960 * (atr.factors.fi ?? f))),
    characterWaitingTime: t1 && time(11 + 2 ** t1.cwi),
    blockWaitingTime: t1 && time(11 + clocks(2 ** t1.bwi * 960 * BLOCK_WAITING_FACTOR)),
  };
}
