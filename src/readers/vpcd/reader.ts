// SPDX-License-Identifier: MIT

import { copyBytes, hexDword, zeroBytes } from "../../base/binary/index.ts";
import {
  anyText,
  assert,
  type Clock,
  callback,
  checkNewReaderName,
  clockObject,
  type ErrorCode,
  ioctls,
  limitsOf,
  MAX_ATR_BYTES,
  optional,
  optionsOf,
  type PowerAction,
  type Protocol,
  type Reader,
  type ReaderDescription,
  type ReaderEvents,
  readerAttribute,
  refuse,
  SmartCardError,
  type Trace,
  text,
  wholeNumber,
} from "../../port/index.ts";
import type { BytePipe, BytePipeEvents } from "./byte-pipe.ts";
import { encodeControl, encodeFrame, FrameDecoder } from "./frame.ts";
import { defaultVpcdLimits, MAX_FRAME_BYTES, MIN_COMMAND_FRAME_BYTES, type VpcdLimits } from "./limits.ts";

/** The shortest ATR: TS and T0 (ISO/IEC 7816-3:2006, 8.2). */
const MIN_ATR_BYTES = 2;

const noBytes = new Uint8Array(0);

/** What a vpcd reader is made of. */
export interface VpcdReaderOptions {
  /** Address that the slot listens on; with the port it makes the reader's stable id. */
  readonly host?: string;
  /** Port that the slot listens on, 1 to 65,535. */
  readonly port?: number;
  /** Path of the Unix socket that the slot listens on, in the place of host and port: it makes the reader's stable id. */
  readonly path?: string;
  /** The name to show, 1 to 127 bytes of UTF-8 without control characters. @default "Virtual PCD" */
  readonly name?: string;
  readonly clock: Clock;
  readonly trace: Trace;
  /** Limits that differ from {@link defaultVpcdLimits}. */
  readonly limits?: Partial<VpcdLimits>;
  /** Called by `close`: the platform ends what it holds for this reader, such as the listening socket. */
  readonly release?: () => Promise<void>;
}

const readerOptions = optionsOf<VpcdReaderOptions>({
  host: optional(text("an address", 255)),
  port: optional(wholeNumber(0, 65_535)),
  path: optional(text("the path of a socket", 4096)),
  name: optional(anyText),
  clock: clockObject,
  trace: callback<Trace>("a function that takes trace events"),
  limits: optional(limitsOf(defaultVpcdLimits)),
  release: optional(callback<() => Promise<void>>("a function that ends what is held for the reader")),
});

/** The connection to the card, and what is known of the card behind it. */
interface Peer {
  readonly pipe: BytePipe;
  readonly decoder: FrameDecoder;
  /** ATR of the powered card; empty without power. */
  atr: Uint8Array;
  protocol: Protocol | undefined;
}

/** A question that was put to the peer and is not answered yet. */
interface Exchange {
  readonly operation: "power" | "transmit";
  /** Both end the exchange's timer and its hold on the abort signal. */
  answered(answer: Uint8Array): void;
  failed(error: SmartCardError): void;
}

/**
 * A reader with one slot whose card is another program: the reader side of the vpcd protocol of the vsmartcard project,
 * which `vicc`, the Android card emulators and the JavaCard simulators speak on the card side.
 *
 * A connection is a card: {@link VpcdReader.attach} inserts it, its end removes it. The protocol has no error, no
 * sequence number and no way to cancel a request. A late answer would therefore be taken for the answer to the next
 * command; so a peer is dropped, and the card with it, when it does not answer in time, when the question was aborted,
 * and when it sends what was not requested. The reader stays, and the next connection is a new card.
 *
 * @see virtualsmartcard/doc/api.txt and virtualsmartcard/src/vpcd/vpcd.c of the vsmartcard project
 */
export class VpcdReader implements Reader {
  readonly description: ReaderDescription;
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #limits: VpcdLimits;
  readonly #release: (() => Promise<void>) | undefined;
  #stage: "new" | "open" | "over" = "new";
  #events: ReaderEvents | undefined;
  #peer: Peer | undefined;
  #exchange: Exchange | undefined;

  /** @throws invalid-value for a name that no reader can have; invalid-parameter for options that are unknown or wrong */
  constructor(given: VpcdReaderOptions) {
    const options = readerOptions(given, { operation: "VpcdReader", path: "options" });
    const { name = "Virtual PCD" } = options;
    checkNewReaderName(name);
    const place = placeOf(options);
    this.description = {
      name,
      id: `vpcd:${place}`,
      vendor: "scard",
      product: "Virtual PCD",
      serial: place,
      type: "vendor",
      protocols: ["t0", "t1"],
      canEject: true,
    };
    this.#clock = options.clock;
    this.#trace = options.trace;
    this.#limits = { ...defaultVpcdLimits, ...options.limits };
    this.#release = options.release;
  }

  /**
   * Inserts a card: takes over a connection that the platform accepted. One at a time: while there is a card, and once the
   * reader is over, the connection is closed at once and undefined is returned.
   *
   * @returns where the platform reports what happens to the connection
   */
  attach(pipe: BytePipe): BytePipeEvents | undefined {
    if (this.#stage === "over" || this.#peer !== undefined) {
      const reason = this.#stage === "over" ? "the reader is closed" : "there is a card already";
      this.#tell("peer-refused", reason);
      pipe.close(reason);
      return undefined;
    }
    const peer: Peer = { pipe, decoder: new FrameDecoder(), atr: noBytes, protocol: undefined };
    this.#peer = peer;
    this.#tell("peer-attached", undefined);
    this.#events?.inserted();
    return {
      received: (bytes) => this.#received(peer, bytes),
      closed: (reason) => this.#remove(peer, "peer-closed", reason),
    };
  }

  /** Takes the reader out of service, as pulling its cable would. The manager is told; the card is gone. */
  lose(reason: string): void {
    if (this.#stage === "over") return;
    const events = this.#retire(reason);
    events?.lost(reason);
  }

  async open(events: ReaderEvents): Promise<void> {
    assert(this.#stage !== "open", "a reader is opened once");
    if (this.#stage === "over") throw unavailable("open");
    this.#stage = "open";
    this.#events = events;
    if (this.#peer !== undefined) events.inserted();
  }

  /**
   * Cold reset: power off, power on, get ATR. Warm reset: reset, get ATR. A peer whose ATR does not come in time is
   * dropped; one whose ATR is not 2 to 33 bytes long (an empty one stands for a mute card) stays in the reader.
   */
  async power(action: PowerAction, signal: AbortSignal): Promise<Uint8Array> {
    const peer = this.#ready("power", signal);
    peer.atr = noBytes;
    peer.protocol = undefined;
    if (action === "warm-reset") peer.pipe.write(encodeControl("reset"));
    else peer.pipe.write(encodeControl("power-off"));
    if (action === "power-down") return noBytes;
    if (action === "cold-reset") peer.pipe.write(encodeControl("power-on"));
    const atr = await this.#ask(peer, "power", encodeControl("get-atr"), signal);
    if (atr.length < MIN_ATR_BYTES || atr.length > MAX_ATR_BYTES) {
      const what = atr.length === 0 ? "the card is mute: its ATR is empty" : `an ATR of ${atr.length} bytes`;
      throw failure("unresponsive-card", what, "power");
    }
    peer.atr = copyBytes(atr);
    return atr;
  }

  /** Nothing is negotiated: a vpcd card takes whole APDUs with every protocol. */
  async setProtocol(protocol: Protocol, signal: AbortSignal): Promise<void> {
    const peer = this.#ready("setProtocol", signal);
    if (!this.description.protocols.includes(protocol)) {
      throw failure("proto-mismatch", `a virtual PCD does not speak ${protocol}`, "setProtocol");
    }
    peer.protocol = protocol;
  }

  /** Sends the command as it is given, with either protocol: 2 to 65,535 bytes. */
  async transmit(command: Uint8Array, protocol: Protocol, signal: AbortSignal): Promise<Uint8Array> {
    const peer = this.#ready("transmit", signal);
    if (!this.description.protocols.includes(protocol)) {
      throw failure("proto-mismatch", `a virtual PCD does not speak ${protocol}`, "transmit");
    }
    if (command.length < MIN_COMMAND_FRAME_BYTES || command.length > MAX_FRAME_BYTES) {
      const range = `${MIN_COMMAND_FRAME_BYTES} to ${MAX_FRAME_BYTES}`;
      throw failure("invalid-parameter", `a command has ${range} bytes here, not ${command.length}`, "transmit");
    }
    const response = await withFrame(command, (frame) => this.#ask(peer, "transmit", frame, signal));
    if (response.length < 2) {
      throw failure("comm-error", `the answer has ${response.length} bytes: no status word`, "transmit");
    }
    return response;
  }

  /** A virtual PCD has no feature of PC/SC part 10: the list is empty, and every other code is refused. */
  async control(code: number, _input: Uint8Array, _signal: AbortSignal): Promise<Uint8Array> {
    if (code === ioctls["get-feature-request"].pcsclite) return noBytes;
    throw failure("unsupported-feature", `control code ${hexDword(code)}`, "control");
  }

  getAttribute(attribute: number): Uint8Array | undefined {
    const { atr = noBytes, protocol } = this.#peer ?? {};
    return readerAttribute(attribute, {
      description: this.description,
      cardPresent: this.#peer !== undefined,
      powered: atr.length > 0,
      atr: atr.length > 0 ? atr : undefined,
      protocol,
    });
  }

  setAttribute(_attribute: number, _value: Uint8Array): boolean {
    return false;
  }

  /** Ejects the card by closing its connection. @throws removed-card without a card */
  async eject(signal: AbortSignal): Promise<void> {
    const peer = this.#ready("eject", signal);
    peer.pipe.write(encodeControl("power-off"));
    this.#remove(peer, "peer-ejected", "ejected");
  }

  async close(): Promise<void> {
    if (this.#stage !== "over") this.#retire("the reader was closed");
    await this.#release?.();
  }

  /** Ends the reader's service and returns the listener to tell: no listener is called after that. */
  #retire(reason: string): ReaderEvents | undefined {
    const events = this.#events;
    this.#stage = "over";
    this.#events = undefined;
    const peer = this.#peer;
    if (peer !== undefined) {
      peer.pipe.write(encodeControl("power-off"));
      this.#remove(peer, "peer-dropped", reason, unavailable(this.#exchange?.operation));
    }
    return events;
  }

  /** The peer, where an operation can begin. */
  #ready(operation: string, signal: AbortSignal): Peer {
    assert(this.#exchange === undefined, "the manager calls one operation at a time");
    if (signal.aborted) throw cancelled(operation, signal);
    if (this.#stage === "over") throw unavailable(operation);
    if (this.#peer === undefined) throw failure("removed-card", "there is no card", operation);
    return this.#peer;
  }

  /** Sends a question and waits for the one frame that answers it. */
  #ask(peer: Peer, operation: "power" | "transmit", message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const waitMs = operation === "power" ? this.#limits.atrWaitMs : this.#limits.apduWaitMs;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#remove(peer, "peer-dropped", `${operation} was cancelled`, cancelled(operation, signal));
      };
      const cancelTimer = this.#clock.schedule(waitMs, `vpcd-${operation}`, () => {
        const reason = `no answer within ${waitMs} ms`;
        const code = operation === "power" ? "unresponsive-card" : "comm-error";
        this.#remove(peer, "peer-dropped", reason, failure(code, `${reason}; the card was dropped`, operation));
      });
      const end = (): void => {
        cancelTimer();
        signal.removeEventListener("abort", onAbort);
        this.#exchange = undefined;
      };
      signal.addEventListener("abort", onAbort);
      this.#exchange = {
        operation,
        answered: (answer) => {
          end();
          resolve(answer);
        },
        failed: (error) => {
          end();
          reject(error);
        },
      };
      peer.pipe.write(message);
    });
  }

  #received(peer: Peer, bytes: Uint8Array): void {
    // A connection that was given up may still deliver what was under way.
    if (peer !== this.#peer) return;
    for (const frame of peer.decoder.decode(bytes)) {
      if (this.#exchange === undefined) {
        this.#remove(peer, "peer-dropped", `it sent ${frame.length} bytes that were not requested`);
        return;
      }
      this.#exchange.answered(frame);
    }
    if (peer.decoder.partial && this.#exchange === undefined) {
      this.#remove(peer, "peer-dropped", "it began to send what was not requested");
    }
  }

  /**
   * Ends the connection to a peer and tells the manager that the card is gone. An exchange under way fails with
   * `error`, or else with `removed-card`.
   */
  #remove(
    peer: Peer,
    kind: "peer-closed" | "peer-dropped" | "peer-ejected",
    reason: string,
    error?: SmartCardError,
  ): void {
    if (peer !== this.#peer) return;
    this.#peer = undefined;
    if (kind !== "peer-closed") peer.pipe.close(reason);
    this.#tell(kind, reason);
    const exchange = this.#exchange;
    exchange?.failed(error ?? failure("removed-card", `the card is gone: ${reason}`, exchange.operation));
    this.#events?.removed();
  }

  #tell(kind: string, detail: string | undefined): void {
    const event = { at: this.#clock.now(), kind: `vpcd-${kind}`, reader: this.description.id };
    this.#trace(detail === undefined ? event : { ...event, detail });
  }
}

/** Where a slot listens. @throws invalid-parameter where that is not said, or said twice */
function placeOf({ host, path, port }: VpcdReaderOptions): string {
  const at = { operation: "VpcdReader", path: "options" };
  if (path !== undefined) {
    if (host === undefined && port === undefined) return path;
    return refuse(at, "an object with a path and with host or port", "give the path, or host and port");
  }
  if (host === undefined || port === undefined) {
    return refuse(at, "an object without a place", "give host and port, or the path of a socket");
  }
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function failure(code: ErrorCode, message: string, operation: string): SmartCardError {
  return new SmartCardError(code, message, { operation });
}

function cancelled(operation: string, signal: AbortSignal): SmartCardError {
  return new SmartCardError("cancelled", `${operation} was cancelled`, { operation }, { cause: signal.reason });
}

function unavailable(operation: string | undefined): SmartCardError {
  const message = "the virtual PCD is closed";
  return new SmartCardError("reader-unavailable", message, operation === undefined ? {} : { operation });
}

/** Runs `work` with the frame of a command, which is cleared afterwards: it may hold a PIN. */
async function withFrame<T>(command: Uint8Array, work: (frame: Uint8Array) => Promise<T>): Promise<T> {
  const frame = encodeFrame(command);
  try {
    return await work(frame);
  } finally {
    zeroBytes(frame);
  }
}
