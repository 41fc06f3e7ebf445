// SPDX-License-Identifier: MIT

import { type Field, failure, type Result, type Struct, struct, success, u8 } from "../../base/binary/index.ts";

/** abProtocolDataStructure for T=0. CCID 1.1, 6.1.7. */
const t0Layout = struct("abProtocolDataStructure for T=0", {
  bmFindexDindex: u8,
  bmTCCKST0: u8,
  bGuardTimeT0: u8,
  bWaitingIntegerT0: u8,
  bClockStop: u8,
});

/** abProtocolDataStructure for T=1. CCID 1.1, 6.1.7. */
const t1Layout: Struct<{
  bmFindexDindex: Field<number>;
  bmTCCKST1: Field<number>;
  bGuardTimeT1: Field<number>;
  bmWaitingIntegersT1: Field<number>;
  bClockStop: Field<number>;
  bIFSC: Field<number>;
  bNadValue: Field<number>;
}> = struct("abProtocolDataStructure for T=1", {
  bmFindexDindex: u8,
  bmTCCKST1: u8,
  bGuardTimeT1: u8,
  bmWaitingIntegersT1: u8,
  bClockStop: u8,
  bIFSC: u8,
  bNadValue: u8,
});

/** Which states of a stopped clock the card allows: bClockStop. */
export type ClockStopCode = 0 | 1 | 2 | 3;

interface CommonParameters {
  /** F and D, coded as TA1 is. */
  readonly factorsCode: number;
  readonly inverse: boolean;
  /** Extra guard time, N of TC1. */
  readonly guardTime: number;
  readonly clockStop: ClockStopCode;
}

/** What a reader is told of a card and its protocol. */
export type CardParameters =
  | (CommonParameters & {
      readonly protocol: "t0";
      /** WI of TC2. */
      readonly waitingInteger: number;
    })
  | (CommonParameters & {
      readonly protocol: "t1";
      readonly edc: "lrc" | "crc";
      /** 0 to 9, and 0 to 15. */
      readonly bwi: number;
      readonly cwi: number;
      /** Longest information field that the card takes. */
      readonly ifsc: number;
      readonly nad: number;
    });

/** Bits of bmTCCKST0 and bmTCCKST1. */
const CRC = 0x01;
const INVERSE = 0x02;
/** This bit is set under T=1. */
const ALWAYS_UNDER_T1 = 0x10;

/** bProtocolNum. */
export function protocolNumber(protocol: "t0" | "t1"): number {
  return protocol === "t0" ? 0 : 1;
}

/** Writes abProtocolDataStructure. @throws RangeError for a value that does not fit */
export function encodeParameters(parameters: CardParameters): Uint8Array {
  const { factorsCode: bmFindexDindex, inverse, guardTime, clockStop: bClockStop } = parameters;
  const convention = inverse ? INVERSE : 0;
  if (parameters.protocol === "t0") {
    return t0Layout.encode({
      bmFindexDindex,
      bmTCCKST0: convention,
      bGuardTimeT0: guardTime,
      bWaitingIntegerT0: parameters.waitingInteger,
      bClockStop,
    });
  }
  const { bwi, cwi, edc, ifsc, nad } = parameters;
  return t1Layout.encode({
    bmFindexDindex,
    bmTCCKST1: ALWAYS_UNDER_T1 | convention | (edc === "crc" ? CRC : 0),
    bGuardTimeT1: guardTime,
    bmWaitingIntegersT1: (bwi << 4) | cwi,
    bClockStop,
    bIFSC: ifsc,
    bNadValue: nad,
  });
}

/** Reads abProtocolDataStructure, which is of the protocol that bProtocolNum says. */
export function decodeParameters(protocol: number, data: Uint8Array): Result<CardParameters> {
  if (protocol === 0) {
    const decoded = t0Layout.decode(data);
    if (!decoded.ok) return decoded;
    const { bmFindexDindex, bmTCCKST0, bGuardTimeT0, bWaitingIntegerT0, bClockStop } = decoded.value;
    const inverse = (bmTCCKST0 & INVERSE) !== 0;
    const common = {
      factorsCode: bmFindexDindex,
      inverse,
      guardTime: bGuardTimeT0,
      clockStop: clockStopOf(bClockStop),
    };
    return success({ protocol: "t0", ...common, waitingInteger: bWaitingIntegerT0 });
  }
  if (protocol !== 1) return failure(`bProtocolNum is ${protocol}, not 0 or 1`, 0);
  const decoded = t1Layout.decode(data);
  if (!decoded.ok) return decoded;
  const { bmFindexDindex, bmTCCKST1, bGuardTimeT1, bmWaitingIntegersT1, bClockStop, bIFSC, bNadValue } = decoded.value;
  return success({
    protocol: "t1",
    factorsCode: bmFindexDindex,
    inverse: (bmTCCKST1 & INVERSE) !== 0,
    guardTime: bGuardTimeT1,
    clockStop: clockStopOf(bClockStop),
    edc: (bmTCCKST1 & CRC) === 0 ? "lrc" : "crc",
    bwi: bmWaitingIntegersT1 >> 4,
    cwi: bmWaitingIntegersT1 & 0x0f,
    ifsc: bIFSC,
    nad: bNadValue,
  });
}

function clockStopOf(value: number): ClockStopCode {
  return (value & 3) as ClockStopCode;
}
