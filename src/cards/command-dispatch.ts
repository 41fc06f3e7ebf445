// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes, zeroBytes } from "../binary/index.ts";
import { type CommandApdu, decodeClassByte, decodeCommand } from "../iso7816/index.ts";
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
import { type Answer, status, sw } from "./status.ts";

/** By INS. ISO/IEC 7816-4:2005, table 4; ISO/IEC 7816-9:2000. */
const instructions: ReadonlyMap<number, Instruction> = new Map([
  [0x04, deactivateFile],
  [0x0e, eraseBinary],
  [0x20, verify],
  [0x24, changeReferenceData],
  [0x26, disableVerification],
  [0x28, enableVerification],
  [0x2c, resetRetryCounter],
  [0x44, activateFile],
  [0x70, manageChannel],
  [0x82, externalAuthenticate],
  [0x84, getChallenge],
  [0x88, internalAuthenticate],
  [0xa2, searchRecord],
  [0xa4, select],
  [0xb0, readBinary],
  [0xb1, readBinaryOdd],
  [0xb2, readRecord],
  [0xca, getData],
  [0xd0, writeBinary],
  [0xd2, writeRecord],
  [0xd6, updateBinary],
  [0xd7, updateBinaryOdd],
  [0xda, putData],
  [0xdc, updateRecord],
  [0xe0, createFile],
  [0xe2, appendRecord],
  [0xe4, deleteFile],
  [0xe6, terminateDf],
  [0xe8, terminateEf],
  [0xfe, terminateCardUsage],
]);
const insEnvelope = 0xc2;

/** Carries out one command, on the channel that its class byte names. The command's data is not kept. */
export function answerCommand(card: CardState, command: CommandApdu): Answer {
  return dispatch(card, command, false);
}

function dispatch(card: CardState, command: CommandApdu, enveloped: boolean): Answer {
  const { ins } = command;
  const decoded = decodeClassByte(command.cla);
  if (decoded.kind !== "interindustry") return status(sw.wrongClass);
  if (decoded.secureMessaging !== "none") return status(sw.secureMessagingNotSupported);
  const channel = card.channels.get(decoded.channel);
  if (channel === undefined) return status(sw.channelNotSupported);
  const instruction = ins === insEnvelope && !enveloped ? envelope : instructions.get(ins);
  if (instruction === undefined) return status(sw.wrongInstruction);
  if (ins !== insEnvelope) dropEnvelope(channel);
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
