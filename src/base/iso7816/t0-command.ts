// SPDX-License-Identifier: MIT

import { type CommandApdu, checkCommandApdu, MAX_SHORT_DATA_BYTES, MAX_SHORT_LE } from "./apdu.ts";

/** CLA, INS, P1, P2 and P3: what a command of T=0 begins with on the line. ISO/IEC 7816-3:2006, 10.3.2. */
export const T0_HEADER_BYTES = 5;

/**
 * A command as T=0 carries it: command data and Le never go together, as GET RESPONSE fetches what Le asks for, and there
 * is one byte for a length. An Le beyond 256 is asked for as 256; the card says with 61xx that there is more.
 *
 * @throws TypeError, RangeError (not a command)
 * @returns undefined for more than 255 bytes of data, which T=0 cannot carry in one command
 * @see ISO/IEC 7816-3:2006, 12.2.1 to 12.2.6
 */
export function commandForT0(command: CommandApdu): CommandApdu | undefined {
  checkCommandApdu(command, "commandForT0: command");
  const { data, le } = command;
  if (data.length > MAX_SHORT_DATA_BYTES) return undefined;
  const wanted = data.length > 0 || le === undefined ? undefined : Math.min(le, MAX_SHORT_LE);
  return { ...command, le: wanted, extended: false };
}
