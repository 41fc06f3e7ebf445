// SPDX-License-Identifier: MIT

/**
 * `scard/compat/pcsclite`: the API of the packages `pcsclite` and `@pokusew/pcsclite`, over any resource manager.
 *
 *     const pcsclite = require("scard/compat/pcsclite");
 *     const pcsc = pcsclite();
 *     pcsc.on("reader", (reader) => …);
 *
 * docs/guide/compat.md says how to have nfc-pcsc use it, and where it differs.
 */

import { EventEmitter } from "node:events";
import { nextTick } from "node:process";
import { setImmediate } from "node:timers";
import { isBytes } from "../base/binary/index.ts";
import {
  CardLine,
  type PcscliteConstants,
  pcscliteConstants,
  pcscliteError,
  ReaderWatch,
  stateNumber,
} from "../faces/compat/index.ts";
import { controlCode, type ReaderStateReport } from "../port/index.ts";
import { asBuffer, type CompatOptions, compatHost, dialect } from "./compat-host.ts";
import type { Emitter, NodeBuffer } from "./emitter.ts";

export type { CardLine, CompatHost, PcscliteConstants } from "../faces/compat/index.ts";
export { type CompatOptions, provideManager } from "./compat-host.ts";
export type { Emitter, NodeBuffer } from "./emitter.ts";

/** What a reader's `status` event tells. */
export interface Status {
  /** SCARD_STATE_*, and the number of insertions and removals in the high word. */
  readonly state: number;
  /** ATR of the card; empty without one. */
  readonly atr?: NodeBuffer;
}

/** How to connect. */
export interface ConnectOptions {
  /** SCARD_SHARE_*. @default SCARD_SHARE_EXCLUSIVE */
  readonly share_mode?: number | undefined;
  /** SCARD_PROTOCOL_*, as bits of a mask. @default SCARD_PROTOCOL_T0 and SCARD_PROTOCOL_T1 */
  readonly protocol?: number | null | undefined;
}

/**
 * A callback: an error, or null and the result. The types say, as those of `@pokusew/pcsclite` do, that a result is there:
 * it is, unless there is an error.
 */
export type Callback<T extends unknown[] = []> = (error: Error | null | undefined, ...result: T) => void;

/** What {@link CardReader.get_status} calls. */
export type GetStatusCallback = (error: Error | undefined, state: number, atr: NodeBuffer) => void;

/** A class of emitters with the constants on its prototype, where `pcsclite` has them. */
const ReaderBase: new () => Emitter<{ status: [Status]; end: []; error: [Error] }> & PcscliteConstants =
  class extends EventEmitter {} as never;
Object.assign(ReaderBase.prototype, pcscliteConstants(dialect));

/**
 * A reader. It emits `status` when a card comes or goes, and when else its state changes, and `end` when it is gone.
 *
 * Calls are carried out in the order in which they are made. Callbacks get an Error with the text that `pcsclite` has,
 * `SCardConnect error: Sharing violation.(0x8010000b)`; its `cause` is our `SmartCardError`, which tells more.
 */
export class CardReader extends ReaderBase {
  readonly name: string;
  /** Whether there is a connection; it stays when the card is pulled out, until `disconnect`. */
  connected = false;
  /** The state as the last `status` told it; undefined before the first. Set behind the listeners. */
  state: number | undefined;
  readonly #line: CardLine;
  readonly #close: () => void;
  readonly #statusCallbacks = new Set<GetStatusCallback>();
  #last: ReaderStateReport | undefined;
  /** A card that comes while the one before is still being disconnected gets a connection of its own. */
  #disconnecting = 0;

  /** @internal Readers come from {@link PCSCLite}. */
  constructor(name: string, line: CardLine, close: () => void) {
    super();
    this.name = name;
    this.#line = line;
    this.#close = close;
    this.get_status((error, state, atr) => {
      if (error) this.emit("error", error);
      else this.emit("status", { state, atr });
      this.state = state;
    });
  }

  /** Connects; when it is connected already, the callback is called without a protocol. */
  connect(callback: Callback<[protocol: number]>): void;
  connect(options: ConnectOptions | undefined, callback: Callback<[protocol: number]>): void;
  connect(
    options: ConnectOptions | Callback<[protocol: number]> | undefined,
    callback?: Callback<[protocol: number]>,
  ): void {
    const done = typeof options === "function" ? options : callback;
    const wanted = typeof options === "function" ? undefined : options;
    const shareMode = wanted?.share_mode || this.SCARD_SHARE_EXCLUSIVE;
    const protocols = wanted?.protocol ?? this.SCARD_PROTOCOL_T0 | this.SCARD_PROTOCOL_T1;
    checkInteger(shareMode, "First");
    checkInteger(protocols, "Second");
    checkCallback(done, "Third");
    if (this.connected && this.#disconnecting === 0) {
      withoutResult(done, undefined);
      return;
    }
    const connecting = this.#line.connect(shareMode, protocols).then((protocol) => {
      this.connected = true;
      return protocol;
    });
    answer(connecting, done);
  }

  /** Disconnects; without a disposition the card is powered down. When it is not connected, nothing happens. */
  disconnect(callback: Callback): void;
  disconnect(disposition: number | undefined, callback: Callback): void;
  disconnect(disposition: number | Callback | undefined, callback?: Callback): void {
    const done = typeof disposition === "function" ? disposition : callback;
    const wanted = typeof disposition === "number" ? disposition : this.SCARD_UNPOWER_CARD;
    checkInteger(wanted, "First");
    checkCallback(done, "Second");
    if (!this.connected) {
      done(undefined);
      return;
    }
    this.#disconnecting++;
    const disconnecting = this.#line.disconnect(wanted).then(() => {
      this.connected = false;
    });
    answer(
      disconnecting.finally(() => this.#disconnecting--),
      done,
    );
  }

  /**
   * Sends a command to the card.
   *
   * @param res_len room for the response, SW1 SW2 included; a longer one fails with "Insufficient buffer."
   * @param protocol what `connect` gave
   * @throws Error for arguments of other types
   */
  transmit(data: Uint8Array, res_len: number, protocol: number, callback: Callback<[response: NodeBuffer]>): void {
    if (!this.connected) {
      withoutResult(callback, new Error("Card Reader not connected"));
      return;
    }
    checkBytes(data, "First");
    checkInteger(res_len, "Second");
    checkInteger(protocol, "Third");
    checkCallback(callback, "Fourth");
    answer(this.#line.transmit(data, res_len, protocol).then(asBuffer), callback);
  }

  /** Sends a command to the reader. @param res_len room for its answer @throws Error for arguments of other types */
  control(data: Uint8Array, control_code: number, res_len: number, callback: Callback<[response: NodeBuffer]>): void {
    if (!this.connected) {
      withoutResult(callback, new Error("Card Reader not connected"));
      return;
    }
    checkBytes(data, "First");
    checkInteger(control_code, "Second");
    checkInteger(res_len, "Third");
    checkCallback(callback, "Fourth");
    answer(this.#line.control(data, control_code, res_len).then(asBuffer), callback);
  }

  /** Calls back with the reader's state, now and at each change, until the reader ends. */
  get_status(callback: GetStatusCallback): void {
    this.#statusCallbacks.add(callback);
    const report = this.#last;
    if (report) later(() => this.#statusCallbacks.has(callback) && tell(report, callback));
  }

  /** The control code for a function number of this system. */
  SCARD_CTL_CODE(code: number): number {
    return controlCode(code, dialect);
  }

  /** Ends it: nothing is told any more but `end`; calls under way come to their end, and the connection with them. */
  close(): number {
    this.#statusCallbacks.clear();
    this.#close();
    return 0;
  }

  /** @internal A new state. */
  takeState(report: ReaderStateReport): void {
    this.#last = report;
    for (const callback of [...this.#statusCallbacks]) if (this.#statusCallbacks.has(callback)) tell(report, callback);
  }

  /** @internal The reader is gone, or was closed. */
  takeEnd(): void {
    this.#statusCallbacks.clear();
    this.removeAllListeners("status");
    void this.#line.close();
    this.connected = false;
    this.emit("end");
  }
}

const PCSCLiteBase: new () => Emitter<{ reader: [CardReader]; error: [Error] }> = EventEmitter as never;

/** What {@link pcsclite} gives: it emits `reader` for each reader that is there or comes, and `error`. */
export class PCSCLite extends PCSCLiteBase {
  /** The readers that are there, by name. */
  readonly readers: { [name: string]: CardReader } = {};
  readonly #watch: ReaderWatch;

  constructor(options: CompatOptions = {}) {
    super();
    const host = compatHost(options);
    const watch = new ReaderWatch(host, {
      arrived: (report) => {
        const { reader: name } = report;
        const reader = new CardReader(name, new CardLine(host, name), () => {
          watch.ignore(name);
          later(() => this.#end(reader));
        });
        later(() => {
          this.readers[name] = reader;
          this.emit("reader", reader);
        });
        later(() => reader.takeState(report));
      },
      changed: (report) => later(() => this.readers[report.reader]?.takeState(report)),
      left: (name) => later(() => this.#end(this.readers[name])),
      failed: (error) => {
        const call = error.code === "no-service" ? "SCardEstablishContext" : "SCardGetStatusChange";
        later(() => this.emit("error", pcscliteError(call, error, dialect)));
      },
    });
    this.#watch = watch;
    later(() => void watch.run());
  }

  /** Looks for no new readers any more. Those that there are go on until they are closed, or gone. */
  close(): number {
    this.#watch.stopDiscovery();
    return 0;
  }

  #end(reader: CardReader | undefined): void {
    // Gone already, and perhaps another of that name is there.
    if (reader === undefined || this.readers[reader.name] !== reader) return;
    delete this.readers[reader.name];
    reader.takeEnd();
  }
}

/**
 * Watches the readers of this machine, or of a manager that is given. Without a service it emits one `error` and waits for
 * a service; readers come when there is one.
 */
export function pcsclite(options: CompatOptions = {}): PCSCLite {
  return new PCSCLite(options);
}

// For `import pcsclite from …`, and for `require`, which is to give the function itself.
export { pcsclite as default, pcsclite as "module.exports" };

/**
 * Events are emitted in order, each in a separate turn of the event loop: a program that awaits one event does not miss the next. An
 * exception in a listener is the program's, as with any emitter.
 */
function later(work: () => void): void {
  setImmediate(work);
}

/** Settles a callback, behind the promise: an exception in it is the program's, and no rejection. */
function answer<T>(result: Promise<T>, callback: (error: Error | null, value: T) => void): void {
  result.then(
    (value) => nextTick(callback, null, value),
    (error) => nextTick(callback, error),
  );
}

/** Calls back without the result that the type promises: with an error, or where there is nothing new to tell. */
function withoutResult(callback: Callback<never[]>, error: Error | undefined): void {
  callback(error);
}

function tell(report: ReaderStateReport, callback: GetStatusCallback): void {
  callback(undefined, stateNumber(report), asBuffer(report.atr));
}

function checkInteger(value: unknown, which: string): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return;
  throw new Error(`${which} argument must be an integer`);
}

function checkBytes(value: unknown, which: string): void {
  if (!isBytes(value)) throw new Error(`${which} argument must be a Buffer`);
}

function checkCallback(value: unknown, which: string): asserts value is (...parameters: never[]) => void {
  if (typeof value !== "function") throw new Error(`${which} argument must be a callback function`);
}
