// SPDX-License-Identifier: MIT

import { checkMembers, checkWhole, checkWord } from "../../base/binary/index.ts";
import type { AtrParameters } from "../../base/iso7816/index.ts";
import type { ErrorDetectionCode } from "./error-detection.ts";
import { MAX_WAIT_EXTENSIONS } from "./limits.ts";
import { MAX_INFORMATION_BYTES } from "./t1-block.ts";

/** IFSD from the reset on, and after a resynchronisation. ISO/IEC 7816-3:2006, 11.4.2. */
export const DEFAULT_IFSD = 32;

/** IFSC where the ATR says nothing. ISO/IEC 7816-3:2006, 11.4.2. */
const DEFAULT_IFSC = 32;

/** What a T=1 session starts with. */
export interface T1Options {
  /** Longest information field that the card receives, 1 to 254: `t1.ifsc` of the ATR. */
  readonly ifsc: number;
  /** The error detection code: `t1.edc` of the ATR. */
  readonly edc: ErrorDetectionCode;
  /** Longest information field that the card may send, 1 to 254. @default 32; more where the reader has already negotiated */
  readonly ifsd?: number;
  /** Node addresses, SAD in bits 1 to 3 and DAD in bits 5 to 7. They differ, or are both 0. @default 0 */
  readonly nad?: number;
  /** Most S(WTX request) in one exchange, 0 or more. @default 10,000 */
  readonly maxWaitExtensions?: number;
}

/** Options of one exchange. */
export interface T1ExchangeOptions {
  /** Asked before each block of the exchange: true ends it as `overdue`. @default no ceiling but those of counts */
  readonly isOverdue?: () => boolean;
}

/**
 * What an ATR says of T=1, as a session starts with it. A reserved IFSC of 0 counts as 32, the default, and one of 255 as 254.
 *
 * @throws TypeError for an ATR that does not offer T=1
 */
export function t1OptionsOf(atr: AtrParameters): Pick<T1Options, "ifsc" | "edc"> {
  if (atr.t1 === undefined)
    throw new TypeError("t1OptionsOf: the card does not offer T=1; see usableProtocols of its ATR");
  const { edc, ifsc } = atr.t1;
  return { edc, ifsc: ifsc === 0 ? DEFAULT_IFSC : Math.min(ifsc, MAX_INFORMATION_BYTES) };
}

/**
 * Checks the options, and fills in what is left out.
 *
 * @throws TypeError, RangeError for options of another kind or range
 */
export function checkT1Options(options: T1Options): Required<T1Options> {
  checkMembers(options, ["ifsc", "edc", "ifsd", "nad", "maxWaitExtensions"], "T1Exchange: options");
  const { ifsc, edc, ifsd = DEFAULT_IFSD, nad = 0, maxWaitExtensions = MAX_WAIT_EXTENSIONS } = options;
  checkWhole(ifsc, 1, MAX_INFORMATION_BYTES, "T1Exchange: ifsc");
  checkWord(edc, ["lrc", "crc"], "T1Exchange: edc");
  checkWhole(ifsd, 1, MAX_INFORMATION_BYTES, "T1Exchange: ifsd");
  checkWhole(maxWaitExtensions, 0, Number.MAX_SAFE_INTEGER, "T1Exchange: maxWaitExtensions");
  checkNodeAddress(nad);
  return { ifsc, edc, ifsd, nad, maxWaitExtensions };
}

/** @throws TypeError, RangeError */
function checkNodeAddress(nad: number): void {
  checkWhole(nad, 0, 0xff, "T1Exchange: nad");
  const [source, destination] = [nad & 0x07, nad >> 4];
  if ((nad & 0x88) !== 0) throw new RangeError("T1Exchange: bits 4 and 8 of nad are 0");
  if (nad !== 0 && source === destination) throw new RangeError("T1Exchange: nad has two different addresses, or is 0");
}
