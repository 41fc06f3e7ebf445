// SPDX-License-Identifier: MIT

import { checkMembers, checkWhole, decoding, hexByte, type Result } from "../binary/index.ts";
import { defaultEtuFactors, type EtuFactors, etuFactorsOf } from "./transmission-factors.ts";

/** A PPS request or response. ISO/IEC 7816-3:2006, 9.2. */
export interface Pps {
  /** Transmission protocol, 0 to 14. */
  readonly protocol: number;
  /** PPS1: F and D, coded as TA1 is. Absent: Fd and Dd. */
  readonly pps1?: number | undefined;
  /** PPS2: use of the contact SPU (C6). */
  readonly pps2?: number | undefined;
  /** PPS3: reserved. */
  readonly pps3?: number | undefined;
}

const PPSS = 0xff;

/**
 * Writes a PPS request or response, PCK included: 3 to 6 bytes.
 *
 * @throws TypeError for an invalid PPS; RangeError for a protocol outside 0..14 and a byte outside 0..255.
 */
export function encodePps(pps: Pps): Uint8Array {
  checkPps(pps, "encodePps: the PPS");
  const bytes = [PPSS, pps.protocol];
  [pps.pps1, pps.pps2, pps.pps3].forEach((value, index) => {
    if (value === undefined) return;
    bytes[1] = (bytes[1] ?? 0) | (0x10 << index);
    bytes.push(value);
  });
  bytes.push(bytes.reduce((check, byte) => check ^ byte, 0));
  return Uint8Array.from(bytes);
}

/** @throws TypeError, RangeError */
function checkPps(pps: Pps, name: string): void {
  checkMembers(pps, ["protocol", "pps1", "pps2", "pps3"], name);
  checkWhole(pps.protocol, 0, 14, "the protocol that a PPS selects");
  [pps.pps1, pps.pps2, pps.pps3].forEach((value, index) => {
    if (value !== undefined) checkWhole(value, 0, 0xff, `PPS${index + 1}`);
  });
}

/** Reads a PPS request or response. A wrong PCK is an error: the exchange fails then. ISO/IEC 7816-3:2006, 9.2. */
export function decodePps(bytes: Uint8Array): Result<Pps> {
  return decoding(bytes, (cursor) => {
    if (cursor.u8("PPSS") !== PPSS) cursor.fail("PPSS is not FF", 0);
    const pps0 = cursor.u8("PPS0");
    if ((pps0 & 0x80) !== 0) cursor.fail("the highest bit of PPS0 is reserved", 1);
    if ((pps0 & 0x0f) === 0x0f) cursor.fail("PPS0 selects T=15, which is no protocol", 1);
    const pps1 = (pps0 & 0x10) === 0 ? undefined : cursor.u8("PPS1");
    const pps2 = (pps0 & 0x20) === 0 ? undefined : cursor.u8("PPS2");
    const pps3 = (pps0 & 0x40) === 0 ? undefined : cursor.u8("PPS3");
    const end = cursor.offset;
    const pck = cursor.u8("PCK");
    const check = bytes.subarray(0, end).reduce((sum, byte) => sum ^ byte, 0);
    if (pck !== check) cursor.fail(`PCK is ${hexByte(pck)}, and should be ${hexByte(check)}`, end);
    return { protocol: pps0 & 0x0f, pps1, pps2, pps3 };
  });
}

/** Result of a PPS exchange: the protocol, F and D to use, or why the card must be reset. */
export type PpsOutcome =
  | { readonly agreed: true; readonly protocol: number; readonly factors: EtuFactors }
  | { readonly agreed: false; readonly reason: string };

/**
 * Checks whether a response accepts a request. A card agrees by echoing; it may leave PPS1, PPS2 or PPS3 out, and where
 * it leaves PPS1 out Fd and Dd stay in use. Anything else ends the exchange, and the reader has to reset the card.
 *
 * @throws TypeError, RangeError (not a PPS)
 * @see ISO/IEC 7816-3:2006, 9.3
 */
export function checkPpsResponse(request: Pps, response: Pps): PpsOutcome {
  checkPps(request, "checkPpsResponse: request");
  checkPps(response, "checkPpsResponse: response");
  if (response.protocol !== request.protocol) {
    return { agreed: false, reason: `T=${request.protocol} was asked for, and T=${response.protocol} answered` };
  }
  for (const name of ["pps1", "pps2", "pps3"] as const) {
    if (response[name] !== undefined && response[name] !== request[name]) {
      return { agreed: false, reason: `${name.toUpperCase()} of the response is not that of the request` };
    }
  }
  const factors = response.pps1 === undefined ? defaultEtuFactors : etuFactorsOf(response.pps1);
  if (factors === undefined) return { agreed: false, reason: "PPS1 has a reserved value of F or D" };
  return { agreed: true, protocol: response.protocol, factors };
}
