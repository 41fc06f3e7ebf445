// SPDX-License-Identifier: MIT

/**
 * `scard/compat/smartcard`: the API of the package `smartcard`, version 3, over any resource manager.
 *
 *     const { Devices } = require("scard/compat/smartcard");
 *     const devices = new Devices();
 *     devices.on("card-inserted", async ({ reader, card }) => …);
 *     devices.start();
 *
 * docs/guide/compat.md says where it differs.
 */

import { EventEmitter } from "node:events";
import { setImmediate } from "node:timers";
import { checkObject, isBytes } from "../base/binary/index.ts";
import {
  type CommandBytes,
  commandWithLe,
  type DeviceEvents as EventArguments,
  exchangeToTheEnd,
  getResponseCommand,
  type MonitorEvent,
  parseFeatures as readFeatures,
  type SmartcardCard,
  SmartcardContext,
  SmartcardDevices,
  SmartcardMonitor,
  type SmartcardReader,
  smartcardError,
  type TransmitOptions,
} from "../faces/compat/index.ts";
import { having } from "../port/index.ts";
import { asBuffer, type CompatOptions, smartcardHost } from "./compat-host.ts";
import type { Emitter, NodeBuffer } from "./emitter.ts";

export type {
  CompatHost,
  DeviceEvents as EventArguments,
  SmartcardContext,
  SmartcardHost,
  SmartcardMonitor,
} from "../faces/compat/index.ts";
export {
  CardRemovedError,
  type CardStatus,
  type CommandBytes,
  createPCSCError,
  type MonitorEvent,
  NoReadersError,
  PCSCError,
  type ReaderEventInfo,
  type ReaderState,
  ServiceNotRunningError,
  SharingViolationError,
  SmartcardCard as Card,
  SmartcardCard as CardWrapper,
  SmartcardReader as Reader,
  TimeoutError,
  type TransmitOptions,
  type WatchedReader,
} from "../faces/compat/index.ts";
export { type CompatOptions, provideManager } from "./compat-host.ts";
export type { Emitter, NodeBuffer } from "./emitter.ts";
export * from "./smartcard-constants.ts";

/** The events of {@link Devices}, and what their listeners get. */
export type DeviceEvents = EventArguments<NodeBuffer>;

/**
 * A program's context: lists readers, and waits for changes.
 *
 * @throws ServiceNotRunningError, PCSCError, where it can be seen at once that there is no service
 */
export class Context extends SmartcardContext<NodeBuffer> {
  constructor(options: CompatOptions = {}) {
    const host = smartcardHost(options);
    try {
      host.look();
    } catch (error) {
      throw smartcardError(error);
    }
    super(host);
  }
}

/** Tells of readers and cards as they come and go. */
export class ReaderMonitor extends SmartcardMonitor<NodeBuffer> {
  constructor(options: CompatOptions = {}) {
    super(smartcardHost(options));
  }

  override start(callback: (event: MonitorEvent<NodeBuffer>) => void): void {
    if (typeof callback !== "function") throw new TypeError("Callback function required");
    // In a turn of its own: an exception in it is the program's.
    super.start((event) => setImmediate(() => this.isRunning && callback(event)));
  }
}

const DevicesBase: new () => Emitter<DeviceEvents> = EventEmitter as never;

/**
 * Watches the readers, connects to each card that comes, and tells of both: `reader-attached`, `reader-detached`,
 * `card-inserted`, `card-removed`, `error`. Without a service it emits one `error`, and goes on when there is one.
 */
export class Devices extends DevicesBase {
  readonly #devices: SmartcardDevices<NodeBuffer>;
  /** Counts the calls of `stop`: what is still to be emitted then is not. */
  #run = 0;

  constructor(options: CompatOptions = {}) {
    super();
    // Each in a separate turn of the event loop: a program that awaits one event does not miss the next, and an exception in
    // a listener is the program's, as with any emitter.
    const emit = (event: keyof DeviceEvents, ...args: unknown[]): void => {
      const run = this.#run;
      setImmediate(() => run === this.#run && EventEmitter.prototype.emit.call(this, event, ...args));
    };
    this.#devices = new SmartcardDevices<NodeBuffer>(smartcardHost(options), emit);
  }

  /** Begins to watch. */
  start(): void {
    this.#devices.start();
  }

  /** Ends it: cards are disconnected. */
  stop(): void {
    this.#run++;
    this.#devices.stop();
  }

  /** The readers that there are; none between `stop` and `start`. */
  listReaders(): SmartcardReader<NodeBuffer>[] {
    return this.#devices.listReaders();
  }

  /** The connected cards, by the names of their readers. */
  getCards(): ReadonlyMap<string, SmartcardCard<NodeBuffer>> {
    return this.#devices.getCards();
  }

  /** The connected card in a reader, or null. */
  getCard(readerName: string): SmartcardCard<NodeBuffer> | null {
    return this.#devices.getCard(readerName);
  }
}

/** Anything that sends a command to a card. */
export interface Transmitting {
  transmit(command: CommandBytes, options?: TransmitOptions): Promise<NodeBuffer>;
}

/** Sends a command, and where `autoGetResponse` is set follows 61xx and 6Cxx up. @throws as `card.transmit` */
export async function transmitWithAutoResponse(
  card: Transmitting,
  command: CommandBytes,
  options: TransmitOptions = {},
): Promise<NodeBuffer> {
  having<Transmitting>(["transmit"], "a card")(card, { operation: "transmitWithAutoResponse", path: "card" });
  checkObject(options, "transmitWithAutoResponse: options", "pass an object with autoGetResponse, or leave it out");
  const { autoGetResponse, ...plain } = options;
  if (!isBytes(command) && !Array.isArray(command)) throw new TypeError("Expected Buffer or Array");
  const bytes = Buffer.from(command);
  // A view, not a copy: a command may hold a PIN.
  const view = (part: Uint8Array): Buffer => Buffer.from(part.buffer, part.byteOffset, part.length);
  try {
    const send = (part: Uint8Array): Promise<NodeBuffer> => card.transmit(view(part), plain);
    return autoGetResponse ? asBuffer(await exchangeToTheEnd(send, bytes)) : await send(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** The card itself: every card of ours knows `autoGetResponse`. */
export function wrapCard<B extends Uint8Array>(card: SmartcardCard<B>): SmartcardCard<B> {
  return card;
}

/** GET RESPONSE for so many bytes, 0 to 255; 0 stands for 256. */
export function buildGetResponseCommand(bytesAvailable: number): NodeBuffer {
  return asBuffer(getResponseCommand(bytesAvailable));
}

/** The command with another Le: behind a command of 4 bytes, and in place of the last byte of a longer one. */
export function correctLeInCommand(command: Uint8Array, newLe: number): NodeBuffer {
  return asBuffer(commandWithLe(command, newLe));
}

/** The control codes of a reader's features, by tag: what `CM_IOCTL_GET_FEATURE_REQUEST` answered. */
export function parseFeatures(response: Uint8Array): Map<number, number> {
  return readFeatures(response);
}
