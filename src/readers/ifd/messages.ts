// SPDX-License-Identifier: MIT

import { failure, i32le, pad, type Result, struct, success, u8, u32le } from "../../base/binary/index.ts";
import { MAX_ATR_BYTES } from "../../port/index.ts";
import { MAX_BUFFER_BYTES, MAX_CAPABILITY_BYTES } from "./limits.ts";

/**
 * What the daemon asks a driver's process to do: its number, and the most bytes that an answer to it may have. All but the
 * first and the last four are a function of ifdhandler.h each.
 */
export const driverCalls = {
  /** Loads the library, whose path is the data. Returns the version of the interface, 2 or 3. */
  load: { number: 1, maxAnswerBytes: 2048 },
  /** IFDHCreateChannelByName: the name is the data. */
  "create-channel-by-name": { number: 2, maxAnswerBytes: 0 },
  /** IFDHCreateChannel: the channel is the argument. */
  "create-channel": { number: 3, maxAnswerBytes: 0 },
  "close-channel": { number: 4, maxAnswerBytes: 0 },
  presence: { number: 5, maxAnswerBytes: 0 },
  /** IFDHPowerICC: the action is the argument, the ATR the answer. */
  power: { number: 6, maxAnswerBytes: MAX_ATR_BYTES },
  /** IFDHSetProtocolParameters: the bit of the protocol is the argument. */
  "set-protocol": { number: 7, maxAnswerBytes: 0 },
  /** IFDHTransmitToICC: the number of the protocol is the argument, the command the data. */
  transmit: { number: 8, maxAnswerBytes: MAX_BUFFER_BYTES },
  /** IFDHControl: the code is the argument, which version 2 has not. */
  control: { number: 9, maxAnswerBytes: MAX_BUFFER_BYTES },
  /** IFDHGetCapabilities: the tag is the argument; `room` is how many bytes the driver may write. */
  capability: { number: 10, maxAnswerBytes: MAX_CAPABILITY_BYTES },
  /** Whether the slot has a polling function: one byte, 0 or 1. */
  "has-polling": { number: 11, maxAnswerBytes: 1 },
  /** The polling function: its argument is a number of milliseconds. */
  poll: { number: 12, maxAnswerBytes: 0 },
  /** The function that ends the polling function. */
  "stop-polling": { number: 13, maxAnswerBytes: 0 },
  /** Tells a driver that wants to know it (TAG_IFD_DEVICE_REMOVED) that its reader was pulled out. */
  "device-removed": { number: 14, maxAnswerBytes: 0 },
} as const;

/** A call of {@link driverCalls}. */
export type DriverCall = keyof typeof driverCalls;

const callsByNumber: ReadonlyMap<number, DriverCall> = new Map(
  (Object.keys(driverCalls) as DriverCall[]).map((call) => [driverCalls[call].number, call]),
);

const callHeader = struct("call of a driver", {
  /** Bytes of the whole message. */
  length: u32le,
  id: u32le,
  call: u8,
  padding: pad(3),
  lun: u32le,
  argument: u32le,
  room: u32le,
});

const answerHeader = struct("answer of a driver", {
  length: u32le,
  id: u32le,
  outcome: u8,
  padding: pad(3),
  code: i32le,
});

/** `returned`: the code is what the function returned. `missing`: the driver has no such function. `failed`: the data say why. */
const outcomes = ["returned", "missing", "failed"] as const;

/** A call as the process gets it. */
export interface CallMessage {
  readonly id: number;
  readonly call: DriverCall;
  readonly lun: number;
  readonly argument: number;
  readonly room: number;
  readonly data: Uint8Array;
}

/** What a call came to. */
export interface AnswerMessage {
  readonly id: number;
  readonly outcome: (typeof outcomes)[number];
  readonly code: number;
  readonly data: Uint8Array;
}

/** Longest call and longest answer, in bytes. */
export const MAX_CALL_BYTES: number = callHeader.size + MAX_BUFFER_BYTES;
export const MAX_ANSWER_BYTES: number = answerHeader.size + MAX_BUFFER_BYTES;

/** Writes a call. The message may hold a PIN: the sender clears it. */
export function encodeCall({ argument, call, data, id, lun, room }: CallMessage): Uint8Array {
  const length = callHeader.size + data.length;
  return callHeader.encode({ length, id, call: driverCalls[call].number, lun, argument, room }, data);
}

/** Reads a call. The data are a copy. */
export function decodeCall(message: Uint8Array): Result<CallMessage> {
  if (message.length < callHeader.size) return tooShort(callHeader, message);
  const { call: number, id, lun, argument, room } = callHeader.decodeStart(message);
  const call = callsByNumber.get(number);
  if (call === undefined) return failure(`there is no call ${number}`, callHeader.offsetOf.call);
  return success({ id, call, lun, argument, room, data: message.slice(callHeader.size) });
}

/** Writes an answer. */
export function encodeAnswer({ id, outcome, code, data }: AnswerMessage): Uint8Array {
  const length = answerHeader.size + data.length;
  return answerHeader.encode({ length, id, outcome: outcomes.indexOf(outcome), code }, data);
}

/** Reads an answer. The data are a copy. */
export function decodeAnswer(message: Uint8Array): Result<AnswerMessage> {
  if (message.length < answerHeader.size) return tooShort(answerHeader, message);
  const { id, outcome: number, code } = answerHeader.decodeStart(message);
  const outcome = outcomes[number];
  if (outcome === undefined) return failure(`there is no outcome ${number}`, answerHeader.offsetOf.outcome);
  return success({ id, outcome, code, data: message.slice(answerHeader.size) });
}

function tooShort(header: { readonly name: string; readonly size: number }, message: Uint8Array): Result<never> {
  return failure(`${header.name} has ${header.size} bytes, not ${message.length}`, message.length);
}

/**
 * Takes messages out of a byte stream that arrives in pieces of any size. Each begins with its length, and none is longer than
 * `maxBytes`: no more than one that is not complete is held.
 */
export class MessageDecoder {
  readonly #maxBytes: number;
  readonly #head = new Uint8Array(u32le.size);
  readonly #headView = new DataView(this.#head.buffer);
  #headFilled = 0;
  #message: Uint8Array | undefined;
  #filled = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Reads the next piece. Each message is an array of its own, which the caller clears.
   *
   * @returns undefined where a length cannot be: the stream is of no more use then
   */
  decode(piece: Uint8Array): readonly Uint8Array[] | undefined {
    const messages: Uint8Array[] = [];
    for (let at = 0; at < piece.length; ) {
      if (this.#message === undefined) {
        this.#head[this.#headFilled++] = piece[at++] ?? 0;
        if (this.#headFilled < this.#head.length) continue;
        const length = u32le.read(this.#headView, 0);
        if (length <= this.#head.length || length > this.#maxBytes) return undefined;
        this.#message = new Uint8Array(length);
        this.#message.set(this.#head);
        this.#filled = this.#head.length;
      }
      const part = piece.subarray(at, at + this.#message.length - this.#filled);
      this.#message.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < this.#message.length) continue;
      messages.push(this.#message);
      this.#message = undefined;
      this.#headFilled = 0;
    }
    return messages;
  }

  /** Clears what is held of a message that is not complete. */
  clear(): void {
    this.#message?.fill(0);
    this.#message = undefined;
    this.#headFilled = 0;
  }
}
