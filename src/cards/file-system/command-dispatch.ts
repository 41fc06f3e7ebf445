// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { type CommandApdu, decodeClassByte, decodeCommand, instructions as ins } from "../../base/iso7816/index.ts";
import { type Answer, notRepeated, status, sw } from "../software-card/index.ts";
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
import { type CardState, type Channel, closeChannel, dropEnvelope, type Instruction } from "./card-state.ts";
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
  if (decoded.chaining) return channel.chain.add(command);
  const whole = channel.chain.end(command);
  if (!whole.ok) return whole.error;
  try {
    return whole.value.answer(instruction(channel, whole.value.command));
  } finally {
    zeroBytes(whole.value.command.data);
  }
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
    return notRepeated(dispatch(channel.card, inner.value, true));
  } finally {
    zeroBytes(data);
    if (inner.ok) zeroBytes(inner.value.data);
  }
}

/** Clears the volatile state: every channel but the basic one, and the state of that. */
export function forgetChannels(card: CardState): void {
  for (const number of [...card.channels.keys()]) closeChannel(card, number);
}
