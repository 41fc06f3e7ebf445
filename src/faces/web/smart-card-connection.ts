// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import type { CommandInit, Connection, ConnectionStatus, ResponseApdu } from "../../port/index.ts";
import type { OpenCard, OpenCardOptions } from "../modules/index.ts";
import { type ConnectionSlots, validProtocol } from "./connection-slots.ts";
import {
  disposition as convertDisposition,
  reconnectOptions,
  sendOptions,
  transactionOptions,
  transmitOptions,
  waitOptions,
} from "./dictionaries.ts";
import { domException } from "./dom-exception.ts";
import { invalidState } from "./exceptions.ts";
import type { ExtendedSmartCardConnection, SmartCardReconnectResult } from "./extensions.ts";
import type {
  BufferSource,
  SmartCardConnection as Idl,
  SmartCardConnectionState,
  SmartCardConnectionStatus,
  SmartCardProtocol,
} from "./idl.ts";
import { waitOf } from "./waits.ts";
import {
  arrayBufferOf,
  bufferSource,
  callbackFunction,
  enforcedUnsignedLong,
  exposeInterface,
  type InterfaceObject,
  illegalConstructor,
  isBufferSource,
  isDetached,
  needArguments,
} from "./web-idl.ts";

/** Opens the card on a connection of the manager: what `openCard` of `scard/modules` does. */
export type OpenCardOn = (connection: Connection, options?: OpenCardOptions) => Promise<OpenCard>;

type Arguments<K extends keyof ExtendedSmartCardConnection> = Parameters<ExtendedSmartCardConnection[K]>;

const construction = Symbol("construction");
const callback = callbackFunction<() => unknown>();

class ConnectionObject implements ExtendedSmartCardConnection {
  readonly #slots: ConnectionSlots;
  readonly #openCard: OpenCardOn | undefined;

  constructor(key: typeof construction, slots: ConnectionSlots, openCard: OpenCardOn | undefined) {
    if (key !== construction) throw illegalConstructor();
    this.#slots = slots;
    this.#openCard = openCard;
  }

  /** Draft, disconnect() method. */
  async disconnect(...[disposition]: Arguments<"disconnect">): Promise<undefined> {
    const slots = this.#slots;
    const then = disposition === undefined ? "leave" : convertDisposition(disposition, "disconnect: disposition");
    const comm = slots.usable();
    return slots.run(
      () => comm.disconnect(then),
      () => slots.destroyComm(),
    ) as Promise<undefined>;
  }

  /** Draft, transmit() method. */
  async transmit(...given: Arguments<"transmit">): Promise<ArrayBuffer> {
    const slots = this.#slots;
    needArguments(given, 1, "transmit");
    const source = bufferSource(given[0], "transmit: sendBuffer");
    const options = transmitOptions(given[1], "transmit: options");
    const comm = slots.usable();
    checkAttached(given[0], "transmit: sendBuffer");
    // Steps 5 to 7. The draft's step 9 takes the active protocol in place of this one (ADR).
    const protocol = options.protocol ?? validProtocol(slots.activeProtocol);
    if (protocol === undefined) throw noProtocol();
    const command = copyBytes(source);
    const { end, wait } = waitOf(options);
    return slots.run(() => cleared(command, () => comm.transmit(command, { ...wait, protocol })), arrayBufferOf, end);
  }

  /** Draft, startTransaction() method. */
  async startTransaction(...given: Arguments<"startTransaction">): Promise<undefined> {
    const slots = this.#slots;
    needArguments(given, 1, "startTransaction");
    const transaction = callback(given[0], "startTransaction: transaction");
    const options = transactionOptions(given[1], "startTransaction: options");
    const { end, wait } = waitOf(options);
    return slots.startTransaction((comm) => comm.beginTransaction(wait), transaction, end);
  }

  /** Draft, status() method. */
  async status(...[options]: Arguments<"status">): Promise<SmartCardConnectionStatus> {
    const slots = this.#slots;
    const { end, wait } = waitOf(waitOptions(options, "status: options"));
    const comm = slots.usable();
    return slots.run(() => comm.status(wait), correspondingStatus, end);
  }

  /** Draft, control() method. */
  async control(...given: Arguments<"control">): Promise<ArrayBuffer> {
    const slots = this.#slots;
    needArguments(given, 2, "control");
    const controlCode = enforcedUnsignedLong(given[0], "control: controlCode");
    const source = bufferSource(given[1], "control: data");
    const { end, wait } = waitOf(waitOptions(given[2], "control: options"));
    const comm = slots.usable();
    const data = copyBytes(source);
    return slots.run(() => cleared(data, () => comm.control(controlCode, data, wait)), arrayBufferOf, end);
  }

  /** Draft, getAttribute() method. */
  async getAttribute(...given: Arguments<"getAttribute">): Promise<ArrayBuffer> {
    const slots = this.#slots;
    needArguments(given, 1, "getAttribute");
    const tag = enforcedUnsignedLong(given[0], "getAttribute: tag");
    const { end, wait } = waitOf(waitOptions(given[1], "getAttribute: options"));
    const comm = slots.usable();
    return slots.run(() => comm.getAttribute(tag, wait), arrayBufferOf, end);
  }

  /** Draft, setAttribute() method. */
  async setAttribute(...given: Arguments<"setAttribute">): Promise<undefined> {
    const slots = this.#slots;
    needArguments(given, 2, "setAttribute");
    const tag = enforcedUnsignedLong(given[0], "setAttribute: tag");
    const source = bufferSource(given[1], "setAttribute: value");
    const { end, wait } = waitOf(waitOptions(given[2], "setAttribute: options"));
    const comm = slots.usable();
    checkAttached(given[1], "setAttribute: value");
    const value = copyBytes(source);
    return slots.run(() => cleared(value, () => comm.setAttribute(tag, value, wait)), nothing, end);
  }

  /** Not of the draft. */
  async send(...given: Arguments<"send">): Promise<ResponseApdu> {
    const slots = this.#slots;
    needArguments(given, 1, "send");
    const source = isBufferSource(given[0]) ? bufferSource(given[0], "send: command") : undefined;
    const { longData, ...limits } = sendOptions(given[1], "send: options");
    const comm = slots.usable();
    if (validProtocol(slots.activeProtocol) === undefined) throw noProtocol();
    const { end, wait } = waitOf(limits);
    const options = { ...wait, ...(longData !== undefined && { longData }) };
    if (source === undefined) return slots.run(() => comm.send(given[0] as CommandInit, options), same, end);
    const command = copyBytes(source);
    return slots.run(() => cleared(command, () => comm.send(command, options)), same, end);
  }

  /** Not of the draft. */
  async reconnect(...[options]: Arguments<"reconnect">): Promise<SmartCardReconnectResult> {
    const slots = this.#slots;
    const { initialization = "leave", timeout, signal, ...wanted } = reconnectOptions(options, "reconnect: options");
    const comm = slots.usable();
    const terms = { ...slots.terms, ...wanted };
    const { end, wait } = waitOf({
      ...(timeout !== undefined && { timeout }),
      ...(signal !== undefined && { signal }),
    });
    const { accessMode: shareMode, preferredProtocols } = terms;
    const work = (): Promise<unknown> => comm.reconnect({ ...wait, shareMode, preferredProtocols, initialization });
    return slots.run(
      work,
      () => {
        slots.terms = terms;
        slots.activeProtocol = comm.protocol;
        const activeProtocol = validProtocol(comm.protocol);
        return activeProtocol === undefined ? {} : { activeProtocol };
      },
      end,
    );
  }

  /** Not of the draft. */
  async openCard(...[options]: Arguments<"openCard">): Promise<OpenCard> {
    const slots = this.#slots;
    const openCard = this.#openCard;
    if (openCard === undefined) {
      throw domException("NotAllowedError", "openCard: no card modules were given to createSmartCard()");
    }
    const comm = slots.usable();
    if (slots.context.activeTransaction(slots.readerName) !== undefined) {
      throw invalidState("openCard: the connection is in a transaction; open the card before it");
    }
    // Its failures are those of card modules, as those of the card that it opens.
    return slots.context.operate(
      () => openCard(comm, options),
      (outcome) => {
        if (!outcome.ok) throw outcome.failure;
        return outcome.value;
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#slots.end();
  }

  [Symbol.dispose](): void {
    void this.#slots.end();
  }
}

exposeInterface(ConnectionObject, "SmartCardConnection", {
  disconnect: 0,
  transmit: 1,
  startTransaction: 1,
  status: 0,
  control: 2,
  getAttribute: 1,
  setAttribute: 2,
});

export type SmartCardConnection = Idl;

/** A connection to a reader, and to the card in it: what `connect()` gives. Scripts cannot construct it. */
export const SmartCardConnection: InterfaceObject<ExtendedSmartCardConnection> = ConnectionObject;

/** Makes a SmartCardConnection. */
export function makeConnection(slots: ConnectionSlots, openCard: OpenCardOn | undefined): ExtendedSmartCardConnection {
  return new ConnectionObject(construction, slots, openCard);
}

/** The draft takes a buffer that was transferred for one without bytes. Chrome refuses it where the bytes are the point of the call (ADR). */
function checkAttached(source: BufferSource, place: string): void {
  if (isDetached(source)) throw new TypeError(`${place} was transferred; pass a buffer that is still yours`);
}

/** What was sent may be a PIN: it is cleared when it was. */
async function cleared<T>(bytes: Uint8Array, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    zeroBytes(bytes);
  }
}

/** Draft, status() method, steps 6.7.3 to 6.7.9. */
function correspondingStatus({ atr, protocol, reader, state }: ConnectionStatus): SmartCardConnectionStatus {
  const corresponding = correspondingState(state, validProtocol(protocol));
  if (corresponding === undefined) {
    const message = `the reader's state ${JSON.stringify(state)} with the protocol ${protocol ?? "none"} has no name in this API`;
    throw domException("UnknownError", message);
  }
  return { readerName: reader, state: corresponding, answerToReset: arrayBufferOf(atr) };
}

/** Draft, SmartCardConnectionState enum (corresponding). */
function correspondingState(
  state: ConnectionStatus["state"],
  protocol: SmartCardProtocol | undefined,
): SmartCardConnectionState | undefined {
  if (state === "specific") return protocol;
  return state === "unknown" ? undefined : state;
}

function noProtocol(): Error {
  return invalidState("no protocol is in use with the card: connect in mode shared or exclusive, or name one");
}

const nothing = (): undefined => undefined;

function same<T>(value: T): T {
  return value;
}
