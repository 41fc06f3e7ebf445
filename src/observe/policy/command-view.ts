// SPDX-License-Identifier: MIT

import {
  type CommandApdu,
  decodeClassByte,
  decodeCommand,
  instructionName,
  instructions,
  pinPadCommand,
} from "../../base/iso7816/index.ts";

/** What a policy can read of a command. */
export interface CommandView {
  /** Undefined where the bytes are not a well-formed command. */
  readonly command: CommandApdu | undefined;
  /** Why it cannot be told what the card will do; undefined where it can. */
  readonly unreadable: string | undefined;
  /** The logical channel; undefined where only the application knows what the class means. */
  readonly channel: number | undefined;
  /** Whether it is a part of a chain that others follow. */
  readonly chained: boolean;
  /** The instruction; the number of its form without BER-TLV data where the standard has two. Undefined where there is none. */
  readonly instruction: number | undefined;
  /** Whether a PIN is in it, or will be: the reader puts it into a command of its own. */
  readonly carriesReferenceData: boolean;
}

/**
 * Instructions that compare a PIN, a PUK or a resetting code: VERIFY, CHANGE REFERENCE DATA, DISABLE and ENABLE
 * VERIFICATION REQUIREMENT, RESET RETRY COUNTER. ISO/IEC 7816-4:2005, 7.5.6 to 7.5.10.
 */
const comparing: ReadonlySet<number> = new Set([
  instructions.VERIFY,
  instructions.CHANGE_REFERENCE_DATA,
  instructions.DISABLE_VERIFICATION_REQUIREMENT,
  instructions.ENABLE_VERIFICATION_REQUIREMENT,
  instructions.RESET_RETRY_COUNTER,
]);

/** What a reader does with its own commands, by instruction; others carry frames for the card. PC/SC part 3, 3.2.2.1. */
const readerInstructions: ReadonlySet<number> = new Set([0x20, 0x82, 0x86, 0x88, 0xb0, 0xca, 0xd6]);

/** Reads a command as far as its header and form tell what it is. */
export function viewOfCommand(bytes: Uint8Array): CommandView {
  const decoded = decodeCommand(bytes);
  if (!decoded.ok) {
    const instruction = bytes.length >= 2 ? plainInstruction(bytes[1] ?? 0) : undefined;
    const unreadable = "the command is malformed";
    return {
      command: undefined,
      unreadable,
      channel: undefined,
      chained: false,
      instruction,
      carriesReferenceData: false,
    };
  }
  const command = decoded.value;
  const classByte = decodeClassByte(command.cla);
  const instruction = plainInstruction(command.ins);
  const isInterindustry = classByte.kind === "interindustry";
  return {
    command,
    unreadable: unreadableFor(command, instruction),
    channel: isInterindustry ? classByte.channel : undefined,
    chained: isInterindustry && classByte.chaining,
    instruction,
    carriesReferenceData: comparing.has(instruction) && (command.data.length > 0 || isReset(command)),
  };
}

/**
 * Reads the command that a reader with a PIN pad is to complete: it stands behind a PIN_VERIFY_STRUCTURE or a
 * PIN_MODIFY_STRUCTURE, under any control code. PC/SC part 10.
 */
export function viewOfControl(input: Uint8Array): CommandView {
  const command = pinPadCommand(input);
  if (command !== undefined) return { ...viewOfCommand(command), carriesReferenceData: true };
  const unreadable = "what a control call makes the reader send cannot be read";
  const nothing = { command: undefined, channel: undefined, chained: false, instruction: undefined };
  return { ...nothing, unreadable, carriesReferenceData: false };
}

/** RESET RETRY COUNTER of Yubico's PIV and of others may have no data and still act: it is never a question. */
function isReset({ ins }: CommandApdu): boolean {
  return plainInstruction(ins) === instructions.RESET_RETRY_COUNTER;
}

function unreadableFor(command: CommandApdu, instruction: number): string | undefined {
  const { cla } = command;
  const classByte = decodeClassByte(cla);
  if (classByte.kind === "reserved") return "the class byte is reserved";
  if (classByte.kind === "reader")
    return readerInstructions.has(command.ins) ? undefined : "the reader may send what is in it to the card";
  if (classByte.kind === "interindustry" && classByte.secureMessaging !== "none") return "it has secure messaging";
  // GlobalPlatform 2.3.1, 11.1.4: class bytes of its commands with secure messaging.
  const isSecured = cla < 0xc0 ? cla < 0x90 && (cla & 0x0c) !== 0 : (cla & 0x20) !== 0;
  if (classByte.kind === "proprietary" && isSecured) return "it has secure messaging";
  if (instruction === instructions.ENVELOPE) return "ENVELOPE carries another command";
  const isPart = classByte.kind === "interindustry" && classByte.chaining;
  const selects = instruction === instructions.SELECT || instruction === instructions.MANAGE_CHANNEL;
  return isPart && selects ? "it selects in parts" : undefined;
}

/** VERIFY with BER-TLV data (21) is VERIFY (20), and so on. ISO/IEC 7816-4:2005, 5.1.2. */
export function plainInstruction(ins: number): number {
  const isOdd = (ins & 1) === 1;
  return isOdd && instructionName(0, ins) !== undefined && instructionName(0, ins) === instructionName(0, ins - 1)
    ? ins - 1
    : ins;
}

/** Whether the instruction compares a PIN, a PUK or a resetting code. */
export function comparesReferenceData(instruction: number | undefined): boolean {
  return instruction !== undefined && comparing.has(instruction);
}
