// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes } from "../../src/base/binary/index.ts";
import type { RigCard } from "../usb/models/index.ts";

/** Commands of GemCore readers, by their first byte. */
const SET_MODE = 0x01;
const POWER_DOWN = 0x11;
const POWER_UP = 0x12;
const ISO_OUTPUT = 0x13;
const ISO_INPUT = 0x14;
const EXCHANGE_APDU = 0x15;
const DEFINE_TYPE = 0x17;
const READ_MEMORY = 0x22;

/** Status bytes: done, no such command, more of the answer is there, no card, the card has no power. */
const DONE = 0x00;
const UNKNOWN_COMMAND = 0x01;
const MORE = 0x1b;
const NO_CARD = 0xfb;
const NOT_POWERED = 0xe4;

/** Where the reader says what it is: "GemCore-R1." and its release. */
const NAME_ADDRESS = 0x3fe0;
const NAME = "GemCore-R1.21-GM";

/** Card in, power, T=1; the type of the card: ISO 7816. */
const CARD_IN = 0x04;
const POWERED = 0x02;
const T1 = 0x08;
const ISO_CARD = 0x02;

/** Most bytes of an APDU, or of an answer, in one command; the rest has a command of its own. */
const MAX_PART_BYTES = 254;
/** In the place of a command's header: the rest of an APDU, or of an answer. */
const REST = 0xff;
const REST_HEADER_BYTES = 5;

/** The GemCore chip of Gemplus' readers before CCID: its commands, whatever they come in. It has a card of T=1. */
export class GemCore {
  #card: RigCard | undefined;
  #isPowered = false;
  /** The end of an APDU comes first. */
  #rest: Uint8Array = new Uint8Array(0);
  /** The end of an answer that has no room in one. */
  #more: Uint8Array = new Uint8Array(0);

  insert(card: RigCard): void {
    this.#card = card;
    this.#isPowered = false;
  }

  remove(): void {
    this.#card = undefined;
    this.#isPowered = false;
  }

  /** The answer to a command: a status, and what belongs to it. */
  command(command: Uint8Array): Uint8Array {
    const [code, ...parameters] = command;
    const rest = Uint8Array.from(parameters);
    switch (code) {
      case SET_MODE:
        return Uint8Array.of(DONE, 0, 0);
      case READ_MEMORY:
        return concatBytes(Uint8Array.of(DONE), memory(parameters));
      case DEFINE_TYPE:
        return Uint8Array.of(DONE, this.#cardStatus(), ISO_CARD, 0, 0, 0, 0);
      case POWER_DOWN:
        this.#isPowered = false;
        return Uint8Array.of(this.#card === undefined ? NO_CARD : DONE);
      case POWER_UP:
        return this.#powerUp(parameters.length > 1);
      case EXCHANGE_APDU:
      case ISO_OUTPUT:
        return this.#exchange(rest);
      case ISO_INPUT:
        // A command without data has its four bytes and a zero.
        return this.#exchange(rest.length === 5 ? rest.subarray(0, 4) : rest);
      default:
        return Uint8Array.of(UNKNOWN_COMMAND);
    }
  }

  #cardStatus(): number {
    if (this.#card === undefined) return 0;
    return CARD_IN | (this.#isPowered ? POWERED | T1 : 0);
  }

  /** With PPS bytes the card that has power negotiates, and there is no ATR. */
  #powerUp(isPps: boolean): Uint8Array {
    if (this.#card === undefined) return Uint8Array.of(NO_CARD);
    if (isPps) return Uint8Array.of(this.#isPowered ? DONE : NOT_POWERED);
    this.#isPowered = true;
    return concatBytes(Uint8Array.of(DONE), this.#card.reset());
  }

  #exchange(part: Uint8Array): Uint8Array {
    if (this.#card === undefined) return Uint8Array.of(NO_CARD);
    if (!this.#isPowered) return Uint8Array.of(NOT_POWERED);
    if (part.subarray(0, REST_HEADER_BYTES - 1).every((byte) => byte === REST)) {
      if (this.#more.length > 0) return this.#answer(DONE, this.#more);
      this.#rest = copyBytes(part.subarray(REST_HEADER_BYTES));
      return Uint8Array.of(DONE);
    }
    const answer = this.#card.process(concatBytes(part, this.#rest));
    this.#rest = new Uint8Array(0);
    return this.#answer(answer.length > MAX_PART_BYTES ? MORE : DONE, answer);
  }

  #answer(status: number, bytes: Uint8Array): Uint8Array {
    this.#more = bytes.slice(MAX_PART_BYTES);
    return concatBytes(Uint8Array.of(status), bytes.subarray(0, MAX_PART_BYTES));
  }
}

/** What is at an address; only the name of the reader is told, and zeros elsewhere. */
function memory([, high = 0, low = 0, length = 0]: readonly number[]): Uint8Array {
  const found = new Uint8Array(length);
  if (((high << 8) | low) === NAME_ADDRESS) found.set(new TextEncoder().encode(NAME).subarray(0, length));
  return found;
}
