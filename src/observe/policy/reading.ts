// SPDX-License-Identifier: MIT

import { decodeClassByte, instructions } from "../../base/iso7816/index.ts";
import type { CommandView } from "./command-view.ts";

const reading: ReadonlySet<number> = new Set([
  instructions.SELECT,
  instructions.MANAGE_CHANNEL,
  instructions.READ_BINARY,
  instructions.READ_RECORD,
  instructions.GET_DATA,
  instructions.GET_RESPONSE,
  instructions.GET_CHALLENGE,
]);

/** GET DATA, GET RESPONSE and GET STATUS of GlobalPlatform and EMV, class 80; SELECT and what reads of a SIM, class A0. */
const readingByClass: Readonly<Record<number, ReadonlySet<number>>> = {
  128: new Set([0xca, 0xc0, 0xf2]),
  160: new Set([0xa4, 0xb0, 0xb2, 0xc0, 0xf2]),
  // GET DATA and READ BINARY of the reader, for contactless cards. PC/SC part 3, 3.2.2.1.
  255: new Set([0xca, 0xb0]),
};

/**
 * Whether a command only reads, in an application that uses the standard's instructions. VERIFY without data asks for the
 * tries that are left. Parts of a chain, secure messaging and all else that cannot be read are not known to read.
 *
 * @param yubico true in Yubico's own applications, which give the instructions other meanings: only SELECT by name reads there
 */
export function readsOnly({ chained, command, instruction, unreadable }: CommandView, yubico: boolean): boolean {
  if (command === undefined || unreadable !== undefined || chained || instruction === undefined) return false;
  if (yubico) return instruction === instructions.SELECT && command.p1 === 0x04;
  if (decodeClassByte(command.cla).kind !== "interindustry")
    return readingByClass[command.cla]?.has(command.ins) === true;
  if (instruction === instructions.VERIFY) return command.p1 === 0 && command.data.length === 0;
  return reading.has(instruction);
}
