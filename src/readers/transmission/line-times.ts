// SPDX-License-Identifier: MIT

import { type AtrParameters, atrTimings, type EtuFactors } from "../../base/iso7816/index.ts";

/** WI and BWI where the ATR has a reserved value: the default, and the longest that is allowed. */
const DEFAULT_WI = 10;
const MAX_BWI = 9;

/** Etu between two blocks in opposite directions under T=1. ISO/IEC 7816-3:2006, 11.4.3. */
const BLOCK_GUARD_ETU = 22;

/** How long a card may take, and how fast the line is, at one clock and one F and D. All times are in milliseconds. */
export interface LineTimes {
  /** One elementary time unit. */
  readonly etuMs: number;
  /** Bits per second. */
  readonly dataRate: number;
  /** BGT, between blocks in opposite directions under T=1. */
  readonly blockGuardMs: number;
  /** BWT, from the end of a block to the beginning of the answer. Undefined where T=1 is not offered. */
  readonly blockWaitMs: number | undefined;
  /** CWT, from one character of a block to the next. As above. */
  readonly characterWaitMs: number | undefined;
  /** WT, from one character to the next under T=0. Undefined where T=0 is not offered. */
  readonly workWaitMs: number | undefined;
}

/**
 * Derives the waiting times of both protocols from an ATR. A reserved WI of 0 counts as 10, the default, and a reserved BWI as
 * 9, so that a reader neither gives up at once nor waits for an hour.
 *
 * @param clockKHz the clock that the reader gives the card, in kilohertz, above 0: dwDefaultClock, or what was set since
 * @param factors F and D in use; those that the card starts with where they are left out
 * @throws TypeError for an invalid ATR, RangeError for a clock, F or D that is not above 0
 * @see ISO/IEC 7816-3:2006, 10.2 and 11.4.3
 */
export function lineTimes(atr: AtrParameters, clockKHz: number, factors?: EtuFactors): LineTimes {
  const setting = { clockHz: clockKHz * 1000, ...(factors && { factors }) };
  const usable: AtrParameters = {
    ...atr,
    t0: atr.t0 && { wi: atr.t0.wi === 0 ? DEFAULT_WI : atr.t0.wi },
    t1: atr.t1 && { ...atr.t1, bwi: Math.min(atr.t1.bwi, MAX_BWI) },
  };
  const { etuMs, bitsPerSecond, blockWaitingTime, characterWaitingTime, waitingTime } = atrTimings(usable, setting);
  return {
    etuMs,
    dataRate: bitsPerSecond,
    blockGuardMs: BLOCK_GUARD_ETU * etuMs,
    blockWaitMs: blockWaitingTime?.ms,
    characterWaitMs: characterWaitingTime?.ms,
    workWaitMs: waitingTime?.ms,
  };
}
