// SPDX-License-Identifier: MIT

import { checkBytes, concatBytes, copyBytes, zeroBytes } from "../../base/binary/index.ts";
import {
  decodeResponse,
  encodeResponse,
  instructions,
  MAX_SHORT_LE,
  type ResponseApdu,
  T0_HEADER_BYTES,
} from "../../base/iso7816/index.ts";
import { having } from "../../port/index.ts";
import type { SoftwareCard } from "./software-card.ts";
import { sw } from "./status.ts";

const softwareCard = having<SoftwareCard>(["reset", "powerOff", "process"], "a software card");

const HEADER_BYTES = 4;

/** An answer that the card has given and the reader has not fetched yet. */
interface Pending {
  /** What is left of the response data. Never empty. */
  readonly data: Uint8Array;
  /** The card's own status word, for the end. */
  readonly status: number;
  /** CLA INS P1 P2 of a command that the reader must repeat with the right P3; undefined where GET RESPONSE fetches the answer. */
  readonly again: Uint8Array | undefined;
}

/**
 * Carries a card that speaks APDUs over the transmission protocol T=0, in which a command goes either way but never
 * both ways at once: the card's side of the rules.
 *
 * ```
 *   case  to the card                  answered with
 *   1     CLA INS P1 P2 [00]           SW
 *   2     CLA INS P1 P2 Le             data SW, or 6Cxx: "the answer has xx bytes, ask again with Le = xx"
 *   3     CLA INS P1 P2 Lc data        SW
 *   4     CLA INS P1 P2 Lc data        61xx: "xx bytes wait for GET RESPONSE"
 * ```
 *
 * P3 alone does not tell the cases apart. The command is offered to the card as case 2 or 4 first; a card that answers
 * 6700 to that is offered it as case 1 or 3. A command that gets 6Cxx or 61xx was already executed, and its answer is
 * kept: when it is repeated, it is not executed again.
 *
 * @see ISO/IEC 7816-3:2006, 12.2; ISO/IEC 7816-4:2005, 7.6.1 (GET RESPONSE)
 */
export class T0Adapter {
  readonly #card: SoftwareCard;
  #pending: Pending | undefined;

  /** @throws invalid-parameter (not a card) */
  constructor(card: SoftwareCard) {
    softwareCard(card, { operation: "T0Adapter", path: "card" });
    this.#card = card;
  }

  /**
   * Executes one command TPDU: a header of 5 bytes, or 5 and P3 data bytes; 4 bytes stand for case 1, and a trailing Le
   * after the data is accepted. Anything else is answered with 6700.
   *
   * @returns at most 256 data bytes and SW1 SW2, or the card's answer where that is not a valid response.
   * @throws what the card throws
   */
  async transmit(command: Uint8Array): Promise<Uint8Array> {
    checkBytes(command, "T0Adapter.transmit: command");
    const pending = this.#pending;
    this.#pending = undefined;
    const p3 = command[HEADER_BYTES];
    const noData = command.length <= T0_HEADER_BYTES;
    if (pending !== undefined && noData) {
      if (pending.again === undefined && command[1] === instructions.GET_RESPONSE)
        return this.#getResponse(pending, command);
      if (pending.again !== undefined && startsWith(command, pending.again))
        return this.#handOut(pending, expected(p3));
    }
    if (p3 === undefined) return this.#askAndAnnounce(command);
    if (noData) return this.#withoutData(command, p3);
    const surplus = command.length - T0_HEADER_BYTES - p3;
    if (p3 === 0 || surplus < 0 || surplus > 1) return encodeResponse(new Uint8Array(0), sw.wrongLength);
    return this.#withData(command.subarray(0, T0_HEADER_BYTES + p3));
  }

  /** Cases 1 and 2. */
  async #withoutData(command: Uint8Array, p3: number): Promise<Uint8Array> {
    const answer = await this.#ask(command);
    const response = decodeResponse(answer);
    if (!response.ok) return answer;
    if (p3 === 0 && isWrongLength(response.value)) return this.#askAndAnnounce(command.subarray(0, HEADER_BYTES));
    const { data, sw: status } = response.value;
    if (data.length === 0) return answer;
    const again = copyBytes(command.subarray(0, HEADER_BYTES));
    return this.#handOut({ data, status, again }, expected(p3));
  }

  /** Cases 3 and 4. */
  async #withData(command: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#ask(command, Uint8Array.of(0));
    const response = decodeResponse(answer);
    if (!response.ok) return answer;
    return isWrongLength(response.value) ? this.#askAndAnnounce(command) : this.#announce(response.value);
  }

  /** Cases 1 and 3: data that a card answers although none was asked for waits for GET RESPONSE, as in case 4. */
  async #askAndAnnounce(command: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#ask(command);
    const response = decodeResponse(answer);
    return response.ok ? this.#announce(response.value) : answer;
  }

  /** Gives the card a copy and overwrites it after the answer: it may hold a PIN. */
  async #ask(...parts: readonly Uint8Array[]): Promise<Uint8Array> {
    const command = concatBytes(...parts);
    try {
      // A card may build its answer in the command's own bytes.
      return copyBytes(await this.#card.process(command));
    } finally {
      zeroBytes(command);
    }
  }

  #getResponse(pending: Pending, command: Uint8Array): Uint8Array {
    if (command[2] !== 0 || command[3] !== 0) return encodeResponse(new Uint8Array(0), sw.wrongP1P2);
    return this.#handOut(pending, expected(command[HEADER_BYTES]));
  }

  /**
   * Sends `le` bytes of an answer; or tells how many there are where that is fewer, for T=0 never sends less than
   * asked.
   */
  #handOut(pending: Pending, le: number): Uint8Array {
    const { data, status, again } = pending;
    const fits = Math.min(data.length, MAX_SHORT_LE);
    // GET RESPONSE may fetch less than there is. A repeated command must ask for exactly what 6Cxx said.
    if (le > fits || (again !== undefined && le !== fits)) {
      this.#pending = pending;
      return encodeResponse(new Uint8Array(0), sw.wrongLe | (fits & 0xff));
    }
    const rest = data.subarray(le);
    if (rest.length === 0) return encodeResponse(data, status);
    this.#pending = { data: rest, status, again: undefined };
    return encodeResponse(data.subarray(0, le), available(rest));
  }

  #announce(response: ResponseApdu): Uint8Array {
    const { data, sw: status } = response;
    if (data.length === 0) return encodeResponse(data, status);
    this.#pending = { data, status, again: undefined };
    return encodeResponse(new Uint8Array(0), available(data));
  }
}

/** 61xx: how many bytes the next GET RESPONSE can fetch, 00 for 256 or more. */
function available(data: Uint8Array): number {
  return sw.bytesAvailable | (data.length >= MAX_SHORT_LE ? 0 : data.length);
}

/** What P3 asks for where it is Le: 00, or no P3 at all, is 256. */
function expected(p3: number | undefined): number {
  return p3 || MAX_SHORT_LE;
}

function isWrongLength(response: ResponseApdu): boolean {
  return response.sw === sw.wrongLength && response.data.length === 0;
}

function startsWith(command: Uint8Array, header: Uint8Array): boolean {
  return header.every((value, index) => command[index] === value);
}
