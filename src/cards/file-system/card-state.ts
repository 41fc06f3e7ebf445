// SPDX-License-Identifier: MIT

import { type Result, success, zeroBytes } from "../../base/binary/index.ts";
import { type CommandApdu, MAX_EXTENDED_LE, MAX_SHORT_LE } from "../../base/iso7816/index.ts";
import type { Random } from "../../port/index.ts";
import { type Answer, CommandChain, status, sw } from "../software-card/index.ts";
import type { CardKey } from "./card-key.ts";
import { cardLimits } from "./card-limits.ts";
import { type CardFile, childBySfi, type DedicatedFile, type ElementaryFile } from "./file-system.ts";
import type { Pin } from "./pin.ts";

/** State shared by all commands of a file-system card. */
export interface CardState {
  readonly masterFile: DedicatedFile;
  readonly pins: ReadonlyMap<number, Pin>;
  readonly keys: ReadonlyMap<number, CardKey>;
  readonly random: Random;
  /** Most bytes in one challenge. */
  readonly challengeBytes: number;
  /** The open logical channels by number; 0 is always among them. */
  readonly channels: Map<number, Channel>;
}

/** A logical channel, with its own selection and security status. ISO/IEC 7816-4:2005, 5.1.1.2. */
export interface Channel {
  readonly card: CardState;
  readonly number: number;
  currentDf: DedicatedFile;
  currentEf: ElementaryFile | undefined;
  /** Index of the current record, 0 for record 1; undefined where there is none. */
  currentRecord: number | undefined;
  /** Where a walk through a directory is, until a file is selected in another way. */
  walk: { readonly directory: DedicatedFile; readonly last: CardFile } | undefined;
  /** The security status: references of verified PINs, and of keys with which the terminal has authenticated. */
  readonly provedPins: Set<number>;
  readonly provedKeys: Set<number>;
  /** The last challenge, until it is used. */
  challenge: Uint8Array | undefined;
  readonly chain: CommandChain;
  /** Parts of a command in envelopes. */
  envelope: Uint8Array | undefined;
}

/** One command of a card: never throws for any command, and keeps no reference to its data. */
export type Instruction = (channel: Channel, command: CommandApdu) => Answer;

/**
 * Opens a logical channel. It begins as the basic channel does after a reset; or, where another channel than the basic
 * one opens it, with that one's DF and security status. ISO/IEC 7816-4:2005, 7.1.2.
 */
export function openChannel(card: CardState, number: number, from?: Channel): Channel {
  const channel: Channel = {
    card,
    number,
    currentDf: from?.currentDf ?? card.masterFile,
    currentEf: undefined,
    currentRecord: undefined,
    walk: undefined,
    provedPins: new Set(from?.provedPins),
    provedKeys: new Set(from?.provedKeys),
    challenge: undefined,
    chain: new CommandChain(cardLimits.chainedBytes),
    envelope: undefined,
  };
  card.channels.set(number, channel);
  return channel;
}

/** Closes a logical channel. What it holds may be parts of a PIN. */
export function closeChannel({ channels }: CardState, number: number): void {
  const channel = channels.get(number);
  channels.delete(number);
  if (channel === undefined) return;
  channel.chain.drop();
  dropEnvelope(channel);
}

/** Forgets a command in envelopes that did not end. */
export function dropEnvelope(channel: Channel): void {
  if (channel.envelope !== undefined) zeroBytes(channel.envelope);
  channel.envelope = undefined;
}

/** The elementary file that a command means: by its short identifier, or 0 for the current one. */
export function targetFile(channel: Channel, sfi: number): Result<ElementaryFile, Answer> {
  if (sfi === 0) {
    const { currentEf } = channel;
    return currentEf === undefined ? { ok: false, error: status(sw.noCurrentFile) } : success(currentEf);
  }
  if (sfi > 30) return { ok: false, error: status(sw.wrongP1P2) };
  const file = childBySfi(channel.currentDf, sfi);
  return file === undefined ? { ok: false, error: status(sw.fileNotFound) } : success(file);
}

/** Makes a file the current one, as a command with its short identifier does. ISO/IEC 7816-4:2005, 7.2.2 and 7.3.2. */
export function makeCurrent(channel: Channel, file: ElementaryFile): void {
  if (channel.currentEf === file) return;
  channel.currentDf = file.parent;
  channel.currentEf = file;
  channel.currentRecord = undefined;
}

/** Makes a file the current one, as SELECT does. ISO/IEC 7816-4:2005, 7.1.1. */
export function selectFile(channel: Channel, file: CardFile): void {
  channel.currentDf = file.type === "df" ? file : file.parent;
  channel.currentEf = file.type === "df" ? undefined : file;
  channel.currentRecord = undefined;
}

/** Whether Le holds only zeros: everything up to the end is wanted, as much as fits. ISO/IEC 7816-4:2005, 5.1. */
export function wantsAll(command: CommandApdu): boolean {
  return command.le === (command.extended ? MAX_EXTENDED_LE : MAX_SHORT_LE);
}

/** Answers with as many of these bytes as requested, with a warning if there are fewer. */
export function readOut(command: CommandApdu, whole: Uint8Array): Answer {
  const data = whole.slice(0, command.le);
  return { data, status: data.length === command.le || wantsAll(command) ? sw.success : sw.endOfFile };
}

/** Answers with all of these bytes, or with the required Le. ISO/IEC 7816-4:2005, 5.1.3, on 6Cxx. */
export function answerWhole(command: CommandApdu, data: Uint8Array, word: number = sw.success): Answer {
  const { le = 0 } = command;
  if (data.length <= le) return { data, status: word };
  // One byte holds at most 256, written as 00.
  return status(data.length > MAX_SHORT_LE ? sw.wrongLength : sw.wrongLe | (data.length & 0xff));
}
