// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { type CommandApdu, decodeClassByte, decodeCommand, instructions as ins } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { externalAuthenticate, getChallenge, internalAuthenticate } from "./authentication-commands.ts";
import {
  eraseBinary,
  readBinary,
  readBinaryOdd,
  updateBinary,
  updateBinaryOdd,
  writeBinary,
} from "./binary-commands.ts";
import { cardLimits } from "./card-limits.ts";
import type { CardState, Channel, Instruction } from "./card-state.ts";
import { manageChannel } from "./channel-commands.ts";
import {
  activateFile,
  createFile,
  deactivateFile,
  deleteFile,
  terminateCardUsage,
  terminateDf,
  terminateEf,
} from "./file-commands.ts";
import { getData, putData } from "./object-commands.ts";
import { appendRecord, readRecord, searchRecord, updateRecord, writeRecord } from "./record-commands.ts";
import {
  changeReferenceData,
  disableVerification,
  enableVerification,
  resetRetryCounter,
  verify,
} from "./security-commands.ts";
import { select } from "./select-command.ts";

/** By INS. ISO/IEC 7816-4:2005, table 4; ISO/IEC 7816-9:2000. */
const commands: ReadonlyMap<number, Instruction> = new Map<number, Instruction>([
  [ins.DEACTIVATE_FILE, deactivateFile],
  [ins.ERASE_BINARY, eraseBinary],
  [ins.VERIFY, verify],
  [ins.CHANGE_REFERENCE_DATA, changeReferenceData],
  [ins.DISABLE_VERIFICATION_REQUIREMENT, disableVerification],
  [ins.ENABLE_VERIFICATION_REQUIREMENT, enableVerification],
  [ins.RESET_RETRY_COUNTER, resetRetryCounter],
  [ins.ACTIVATE_FILE, activateFile],
  [ins.MANAGE_CHANNEL, manageChannel],
  [ins.EXTERNAL_AUTHENTICATE, externalAuthenticate],
  [ins.GET_CHALLENGE, getChallenge],
  [ins.INTERNAL_AUTHENTICATE, internalAuthenticate],
  [ins.SEARCH_RECORD, searchRecord],
  [ins.SELECT, select],
  [ins.READ_BINARY, readBinary],
  [ins.READ_BINARY + 1, readBinaryOdd],
  [ins.READ_RECORD, readRecord],
  [ins.GET_DATA, getData],
  [ins.WRITE_BINARY, writeBinary],
  [ins.WRITE_RECORD, writeRecord],
  [ins.UPDATE_BINARY, updateBinary],
  [ins.UPDATE_BINARY + 1, updateBinaryOdd],
  [ins.PUT_DATA, putData],
  [ins.UPDATE_RECORD, updateRecord],
  [ins.CREATE_FILE, createFile],
  [ins.APPEND_RECORD, appendRecord],
  [ins.DELETE_FILE, deleteFile],
  [ins.TERMINATE_DF, terminateDf],
  [ins.TERMINATE_EF, terminateEf],
  [ins.TERMINATE_CARD_USAGE, terminateCardUsage],
]);

/** Carries out one command, on the channel that its class byte names. The command's data is not kept. */
export function answerCommand(card: CardState, command: CommandApdu): Answer {
  return dispatch(card, command, false);
}

function dispatch(card: CardState, command: CommandApdu, enveloped: boolean): Answer {
  const { ins: code } = command;
  const decoded = decodeClassByte(command.cla);
  if (decoded.kind !== "interindustry") return status(sw.wrongClass);
  if (decoded.secureMessaging !== "none") return status(sw.secureMessagingNotSupported);
  const channel = card.channels.get(decoded.channel);
  if (channel === undefined) return status(sw.channelNotSupported);
  const instruction = code === ins.ENVELOPE && !enveloped ? envelope : commands.get(code);
  if (instruction === undefined) return status(sw.wrongInstruction);
  if (code !== ins.ENVELOPE) dropEnvelope(channel);
  return decoded.chaining ? continueChain(channel, command) : endChain(channel, command, instruction);
}

/**
 * All commands of a chain but the last. Their data is put together, and the last is carried out with all of it. A
 * command that does not continue the chain ends it. ISO/IEC 7816-4:2005, 5.1.1.1.
 */
function continueChain(channel: Channel, command: CommandApdu): Answer {
  const header = headerOf(command);
  const before = channel.chain?.header === header ? channel.chain.data : new Uint8Array(0);
  const data = concatBytes(before, command.data);
  dropChain(channel);
  if (data.length > cardLimits.chainedBytes) {
    zeroBytes(data);
    return status(sw.notEnoughMemory);
  }
  channel.chain = { header, data };
  return status(sw.success);
}

function endChain(channel: Channel, command: CommandApdu, instruction: Instruction): Answer {
  const { chain } = channel;
  if (chain === undefined) return instruction(channel, command);
  if (chain.header !== headerOf(command)) {
    dropChain(channel);
    return instruction(channel, command);
  }
  const data = concatBytes(chain.data, command.data);
  dropChain(channel);
  try {
    if (data.length > cardLimits.chainedBytes) return status(sw.notEnoughMemory);
    return changedSomething(instruction(channel, { ...command, data }));
  } finally {
    zeroBytes(data);
  }
}

/** After 6700 a T=0 reader tries the command in another form, but the chain has already ended. */
function changedSomething(answer: Answer): Answer {
  return answer.status === sw.wrongLength ? status(sw.wrongLcForP1P2) : answer;
}

function headerOf({ ins, p1, p2 }: CommandApdu): string {
  return `${ins} ${p1} ${p2}`;
}

/**
 * ENVELOPE, even instruction C2: ISO/IEC 7816-4:2005, 7.6.2. The data of one or more of them is a whole command; when it
 * is there, it is carried out, and its answer is the one to the envelope. An empty envelope says that there is no more.
 */
function envelope(channel: Channel, command: CommandApdu): Answer {
  if (command.p1 !== 0 || command.p2 !== 0) return status(sw.wrongP1P2);
  const data = concatBytes(channel.envelope ?? new Uint8Array(0), command.data);
  dropEnvelope(channel);
  const inner = decodeCommand(data);
  try {
    if (!inner.ok) {
      if (command.data.length === 0 || data.length > cardLimits.envelopedBytes) return status(sw.wrongData);
      channel.envelope = copyBytes(data);
      return status(sw.success);
    }
    return changedSomething(dispatch(channel.card, inner.value, true));
  } finally {
    zeroBytes(data);
    if (inner.ok) zeroBytes(inner.value.data);
  }
}

/** Either may hold a PIN. */
function dropChain(channel: Channel): void {
  if (channel.chain !== undefined) zeroBytes(channel.chain.data);
  channel.chain = undefined;
}

function dropEnvelope(channel: Channel): void {
  if (channel.envelope !== undefined) zeroBytes(channel.envelope);
  channel.envelope = undefined;
}

/** Clears the volatile state: every channel but the basic one, and the state of that. */
export function forgetChannels(card: CardState): void {
  for (const channel of card.channels.values()) {
    dropChain(channel);
    dropEnvelope(channel);
  }
  card.channels.clear();
}
