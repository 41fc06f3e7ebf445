// SPDX-License-Identifier: MIT

import type { Answer } from "../../../managers/client/index.ts";
import { errorNumber } from "../../../port/index.ts";
import {
  type Abi,
  decodeMultiString,
  dword,
  encodeMultiString,
  encodeText,
  ioRequestStruct,
  type NativeFunction,
  word,
} from "./abi.ts";
import type { NativeArgument, NativeLibrary } from "./library.ts";
import { decodeStates, encodeStates, type NativeReaderState } from "./reader-states.ts";
import type { CallKind, Threads } from "./threads.ts";

/** SCARD_S_SUCCESS. */
export const SUCCESS = 0;

/** What SCardStatus says of a card. */
export interface NativeStatus extends Answer {
  /** The state, and in pcsc-lite the event count in the high word. */
  readonly state: number;
  readonly protocol: number;
  readonly atr: Uint8Array;
}

/** Longest answer of SCardTransmit and SCardControl (MAX_BUFFER_SIZE_EXTENDED of pcsclite.h). */
export const MAX_EXCHANGE_BYTES = 65_548;
/** Room for an attribute (MAX_BUFFER_SIZE of pcsclite.h, which is also the most that pcsc-lite takes). */
const ATTRIBUTE_BYTES = 264;
/** Room for names, in characters; if it is too small the library returns the required size. */
const NAME_CHARACTERS = 4_096;
/** A list may grow between being told its length and asking again. */
const LIST_ATTEMPTS = 4;
const MAX_LIST_CHARACTERS = 1 << 20;

/**
 * The functions of the library, each with its arguments put into memory and its results taken out of it. It contains no
 * policy: the caller interprets the return codes.
 */
export class Calls {
  readonly library: NativeLibrary;
  readonly threads: Threads;
  readonly abi: Abi;
  readonly #insufficientBuffer: number;

  constructor(library: NativeLibrary, threads: Threads) {
    this.library = library;
    this.threads = threads;
    this.abi = library.abi;
    this.#insufficientBuffer = errorNumber("insufficient-buffer", this.abi.dialect);
  }

  async establishContext(scope: number): Promise<Answer & { readonly context: bigint }> {
    const handle = this.#handleCell();
    const rv = await this.#run("prompt", "establishContext", [scope, null, null, handle.bytes]);
    return { rv, context: handle.value() };
  }

  async releaseContext(kind: CallKind, context: bigint): Promise<Answer> {
    return { rv: await this.#run(kind, "releaseContext", [context]) };
  }

  /** On this thread: nothing else works when the process ends. */
  releaseContextNow(context: bigint): void {
    this.library.callNow("releaseContext", [context]);
  }

  async cancel(context: bigint): Promise<Answer> {
    return { rv: await this.#run("prompt", "cancel", [context]) };
  }

  /** On this thread, as {@link releaseContextNow}. */
  cancelNow(context: bigint): void {
    this.library.callNow("cancel", [context]);
  }

  listReaders(context: bigint, groups?: readonly string[]): Promise<Answer & { readonly names: string[] }> {
    const searched = groups === undefined ? null : encodeMultiString(this.abi, groups);
    return this.#list((names, length) => this.#run("prompt", "listReaders", [context, searched, names, length]));
  }

  listReaderGroups(context: bigint): Promise<Answer & { readonly names: string[] }> {
    return this.#list((names, length) => this.#run("prompt", "listReaderGroups", [context, names, length]));
  }

  /** SCardGetStatusChange. The states that come back are those of the readers at the end, in the same order. */
  async getStatusChange(
    kind: CallKind,
    context: bigint,
    timeoutMs: number,
    readers: readonly { readonly name: string; readonly state: number }[],
  ): Promise<Answer & { readonly states: NativeReaderState[] }> {
    const memory = encodeStates(this.abi, this.library, readers);
    const rv = await this.#run(kind, "getStatusChange", [context, timeoutMs, memory, readers.length]);
    return { rv, states: decodeStates(this.abi, memory, readers) };
  }

  async connect(
    context: bigint,
    reader: string,
    shareMode: number,
    protocols: number,
  ): Promise<Answer & { readonly card: bigint; readonly activeProtocol: number }> {
    const card = this.#handleCell();
    const protocol = this.#dwordCell();
    const name = encodeText(this.abi, reader);
    const args = [context, name, shareMode, protocols, card.bytes, protocol.bytes];
    const rv = await this.#run("patient", "connect", args);
    return { rv, card: card.value(), activeProtocol: protocol.value() };
  }

  async reconnect(
    kind: CallKind,
    card: bigint,
    shareMode: number,
    protocols: number,
    initialization: number,
  ): Promise<Answer & { readonly activeProtocol: number }> {
    const protocol = this.#dwordCell();
    const rv = await this.#run(kind, "reconnect", [card, shareMode, protocols, initialization, protocol.bytes]);
    return { rv, activeProtocol: protocol.value() };
  }

  async disconnect(kind: CallKind, card: bigint, disposition: number): Promise<Answer> {
    return { rv: await this.#run(kind, "disconnect", [card, disposition]) };
  }

  async beginTransaction(kind: CallKind, card: bigint): Promise<Answer> {
    return { rv: await this.#run(kind, "beginTransaction", [card]) };
  }

  async endTransaction(card: bigint, disposition: number): Promise<Answer> {
    return { rv: await this.#run("prompt", "endTransaction", [card, disposition]) };
  }

  async status(kind: CallKind, card: bigint): Promise<NativeStatus> {
    // The name is not asked for: the connection knows it, and what Windows answers is a list of several.
    const nameLength = this.#dwordCell();
    const state = this.#dwordCell();
    const protocol = this.#dwordCell();
    const atr = new Uint8Array(this.abi.atrBytes);
    const atrLength = this.#dwordCell(atr.length);
    const places = [nameLength.bytes, state.bytes, protocol.bytes, atr, atrLength.bytes];
    const rv = await this.#run(kind, "status", [card, null, ...places]);
    return { rv, state: state.value(), protocol: protocol.value(), atr: atr.slice(0, atrLength.value()) };
  }

  /**
   * @param command left alone until it is answered
   * @param room where the answer is written, MAX_EXCHANGE_BYTES long; it is cleared afterwards
   */
  async transmit(
    kind: CallKind,
    card: bigint,
    protocol: number,
    command: Uint8Array,
    room: Uint8Array,
  ): Promise<Answer & { readonly response: Uint8Array }> {
    const io = ioRequestStruct(this.abi);
    const request = io.encode({ dwProtocol: protocol, cbPciLength: io.size });
    const sent = [card, request, command, command.length];
    const { bytes, rv } = await this.#exchange(room, (length) =>
      this.#run(kind, "transmit", [...sent, null, room, length]),
    );
    return { rv, response: bytes };
  }

  /** @param input and `room` as for {@link transmit} */
  async control(
    kind: CallKind,
    card: bigint,
    code: number,
    input: Uint8Array,
    room: Uint8Array,
  ): Promise<Answer & { readonly output: Uint8Array }> {
    const sent = [card, code, input, input.length];
    const { bytes, rv } = await this.#exchange(room, (length) =>
      this.#run(kind, "control", [...sent, room, room.length, length]),
    );
    return { rv, output: bytes };
  }

  async getAttribute(
    kind: CallKind,
    card: bigint,
    attribute: number,
  ): Promise<Answer & { readonly value: Uint8Array }> {
    let size = ATTRIBUTE_BYTES;
    for (;;) {
      const room = new Uint8Array(size);
      const length = this.#dwordCell(size);
      const rv = await this.#run(kind, "getAttrib", [card, attribute, room, length.bytes]);
      const wanted = length.value();
      const grows = rv === this.#insufficientBuffer && wanted > size && wanted <= MAX_EXCHANGE_BYTES;
      if (!grows) return { rv, value: room.slice(0, rv === SUCCESS ? wanted : 0) };
      size = wanted;
    }
  }

  async setAttribute(kind: CallKind, card: bigint, attribute: number, value: Uint8Array): Promise<Answer> {
    return { rv: await this.#run(kind, "setAttrib", [card, attribute, value, value.length]) };
  }

  async #exchange(
    room: Uint8Array,
    call: (length: Uint8Array) => Promise<number>,
  ): Promise<Answer & { readonly bytes: Uint8Array }> {
    const length = this.#dwordCell(room.length);
    try {
      const rv = await call(length.bytes);
      return { rv, bytes: room.slice(0, rv === SUCCESS ? length.value() : 0) };
    } finally {
      room.fill(0, 0, length.value());
    }
  }

  async #list(
    ask: (names: Uint8Array, length: Uint8Array) => Promise<number>,
  ): Promise<Answer & { readonly names: string[] }> {
    let characters = NAME_CHARACTERS;
    for (let attempt = 1; ; attempt++) {
      const names = new Uint8Array(characters * this.abi.characterBytes);
      const length = this.#dwordCell(characters);
      const rv = await ask(names, length.bytes);
      if (rv === SUCCESS) {
        const used = names.subarray(0, length.value() * this.abi.characterBytes);
        return { rv, names: decodeMultiString(this.abi, used) };
      }
      const wanted = length.value();
      if (rv !== this.#insufficientBuffer || attempt === LIST_ATTEMPTS || wanted > MAX_LIST_CHARACTERS) {
        return { rv, names: [] };
      }
      characters = Math.max(wanted, 2 * characters);
    }
  }

  #run(kind: CallKind, name: NativeFunction, args: readonly NativeArgument[]): Promise<number> {
    return this.threads.run(kind, () => this.library.call(name, args));
  }

  #handleCell(): { readonly bytes: Uint8Array; readonly value: () => bigint } {
    const field = word(this.abi.handleBytes);
    const bytes = new Uint8Array(field.size);
    return { bytes, value: () => field.read(new DataView(bytes.buffer), 0) };
  }

  #dwordCell(initial = 0): { readonly bytes: Uint8Array; readonly value: () => number } {
    const field = dword(this.abi);
    const bytes = new Uint8Array(field.size);
    const view = new DataView(bytes.buffer);
    field.write(view, 0, initial);
    return { bytes, value: () => field.read(view, 0) };
  }
}
