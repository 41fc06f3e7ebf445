// SPDX-License-Identifier: MIT

import { type CommandApdu, checkCommandApdu, checkResponseApdu, MAX_SHORT_LE, type ResponseApdu } from "./apdu.ts";
import { plainClassByte } from "./class-byte.ts";
import { instructions } from "./instruction.ts";

/** The follow-up that a response requires. */
export type FollowUp =
  | { readonly kind: "done" }
  /** 61xx: the card holds response data; send this GET RESPONSE to fetch it. */
  | { readonly kind: "get-response"; readonly command: CommandApdu }
  /** 6Cxx: the card did nothing because Le was wrong; send this same command with the right one. */
  | { readonly kind: "repeat"; readonly command: CommandApdu };

/**
 * Returns the follow-up that a response requires. SW2 is the number of bytes in both cases, and 00 stands for 256.
 *
 * GET RESPONSE goes to the logical channel of the command, without its chaining and secure messaging bits, as it is a
 * command of the transport and belongs to no chain; a class that is not interindustry is kept as it is (A0 C0 of
 * GSM 11.11, FF C0 of contactless readers).
 *
 * @param command the command that was answered: what is repeated after 6Cxx.
 * @throws TypeError, RangeError (not a command, or not a response)
 * @see ISO/IEC 7816-4:2005, 5.1.3 and 7.6.1; ISO/IEC 7816-3:2006, 12.2
 */
export function followUp(command: CommandApdu, response: ResponseApdu): FollowUp {
  checkCommandApdu(command, "followUp: command");
  checkResponseApdu(response, "followUp: response");
  const le = response.sw2 || MAX_SHORT_LE;
  if (response.sw1 === 0x61) {
    const cla = plainClassByte(command.cla);
    const data = new Uint8Array(0);
    return {
      kind: "get-response",
      command: { cla, ins: instructions.GET_RESPONSE, p1: 0, p2: 0, data, le, extended: false },
    };
  }
  if (response.sw1 === 0x6c) return { kind: "repeat", command: { ...command, le } };
  return { kind: "done" };
}
