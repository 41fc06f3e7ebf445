// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { type CommandApdu, instructions } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { directTransmit } from "./direct-transmit.ts";
import type { FieldCard, KeyName } from "./field-card.ts";

/** The class byte of commands that the reader answers itself. PC/SC part 3, 3.2.2 */
export const READER_CLASS = 0xff;

const INS_DIRECT_TRANSMIT = 0x00;
const INS_LOAD_KEYS = 0x82;

const GET_DATA_UID = 0x00;
const GET_DATA_HISTORICAL_BYTES = 0x01;
const MAX_READ_BYTES = 256;

/** P1 of LOAD KEYS: a key that is encrypted on its way, and one that the reader keeps without power. */
const KEY_STRUCTURE_SECURED = 0x40;
const KEY_STRUCTURE_READER = 0x80;
const KEY_BYTES = 6;
const KEYS = 32;

/** Status words of LOAD KEYS and GENERAL AUTHENTICATE. PC/SC part 3, 3.2.2.1.4 and 3.2.2.1.6 */
const keyStatus = {
  securedNotSupported: 0x6983,
  noSuchKeyNumber: 0x6988,
  wrongKeyLength: 0x6989,
  keyNotLoaded: 0x6984,
  addressInvalid: 0x6986,
} as const;

const GENERAL_AUTHENTICATE_BYTES = 5;
const GENERAL_AUTHENTICATE_VERSION = 0x01;
const keyNames: ReadonlyMap<number, KeyName> = new Map([
  [0x60, "a"],
  [0x61, "b"],
]);

/**
 * What a contactless reader does for a storage card, which has no APDUs: the commands of class FF.
 *
 * ```
 *   FF CA 00 00 Le                            the UID; FF CA 01 00 Le the historical bytes of the ATS
 *   FF 82 <structure> <number> 06 <key>       the reader keeps a key
 *   FF 86 00 00 05 01 <block> 60|61 <number>  authenticates with key A (60) or B (61) of a sector
 *   FF B0 <block> Le                          reads; Le 00 stands for all, 256 bytes at most
 *   FF D6 <block> Lc <data>                   writes
 *   FF 00 00 00 Lc D4 42|40 …                 a frame of the card's own: InCommunicateThru, InDataExchange (PN532)
 * ```
 *
 * @see PC/SC part 3, 3.2.2; NXP PN532 user manual, 7.3.8 and 7.3.9
 */
export class ReaderCommands {
  readonly #card: FieldCard;
  readonly #historicalBytes: Uint8Array | undefined;
  /** The reader's keys: they are its own, and outlive a card. */
  readonly #keys = new Map<number, Uint8Array>();

  /** @param historicalBytes of the ATS, which processor cards have */
  constructor(card: FieldCard, historicalBytes?: Uint8Array) {
    this.#card = card;
    this.#historicalBytes = historicalBytes;
  }

  /** Answers a command of class FF. */
  answer(command: CommandApdu): Answer {
    const address = (command.p1 << 8) | command.p2;
    switch (command.ins) {
      case instructions.GET_DATA:
        return this.#getData(command);
      case INS_LOAD_KEYS:
        return this.#loadKey(command);
      case instructions.GENERAL_AUTHENTICATE:
        return this.#authenticate(command);
      case instructions.READ_BINARY:
        return this.#read(address, command);
      case instructions.UPDATE_BINARY:
        return command.data.length === 0 ? status(sw.wrongLength) : this.#card.update(address, command.data);
      case INS_DIRECT_TRANSMIT:
        return directTransmit(this.#card, command);
      default:
        return status(sw.wrongInstruction);
    }
  }

  #getData({ p1, p2, data, le }: CommandApdu): Answer {
    const found = p2 === 0 ? this.#identity(p1) : undefined;
    if (found === undefined) return status(sw.functionNotSupported);
    if (le === undefined || data.length > 0) return status(sw.wrongLength);
    if (le < found.length) return status(sw.wrongLe | found.length);
    return { data: copyBytes(found), status: endOr(le, found.length) };
  }

  #identity(p1: number): Uint8Array | undefined {
    if (p1 === GET_DATA_UID) return this.#card.uid;
    return p1 === GET_DATA_HISTORICAL_BYTES ? this.#historicalBytes : undefined;
  }

  #loadKey({ p1, p2, data }: CommandApdu): Answer {
    if ((p1 & KEY_STRUCTURE_SECURED) !== 0) return status(keyStatus.securedNotSupported);
    if ((p1 & KEY_STRUCTURE_READER) !== 0) return status(sw.functionNotSupported);
    if (p2 >= KEYS) return status(keyStatus.noSuchKeyNumber);
    if (data.length !== KEY_BYTES) return status(keyStatus.wrongKeyLength);
    zeroBytes(this.#keys.get(p2) ?? new Uint8Array(0));
    this.#keys.set(p2, copyBytes(data));
    return status(sw.success);
  }

  #authenticate({ p1, p2, data }: CommandApdu): Answer {
    if (this.#card.authenticate === undefined) return status(sw.functionNotSupported);
    if (p1 !== 0 || p2 !== 0) return status(sw.wrongP1P2);
    const [version, high = 0, low = 0, type = 0, number = 0] = data;
    if (data.length !== GENERAL_AUTHENTICATE_BYTES) return status(sw.wrongLength);
    const name = keyNames.get(type);
    if (version !== GENERAL_AUTHENTICATE_VERSION || name === undefined) return status(keyStatus.addressInvalid);
    const key = this.#keys.get(number);
    if (key === undefined) return status(keyStatus.keyNotLoaded);
    return status(this.#card.authenticate((high << 8) | low, name, key) ? sw.success : sw.warningMemoryChanged);
  }

  #read(address: number, { data, le }: CommandApdu): Answer {
    if (le === undefined || data.length > 0) return status(sw.wrongLength);
    const answer = this.#card.read(address, Math.min(le, MAX_READ_BYTES));
    if (answer.status !== sw.success) return answer;
    return { ...answer, status: endOr(le, answer.data?.length ?? 0) };
  }
}

/** 6282 where there are fewer bytes than requested; Le 00, the maximum, requests all. */
function endOr(le: number, length: number): number {
  return length < le && le < MAX_READ_BYTES ? sw.endOfFile : sw.success;
}
