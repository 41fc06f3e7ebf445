// SPDX-License-Identifier: MIT

import { copyBytes, hexDword, zeroBytes } from "../../base/binary/index.ts";
import { decodeAtr } from "../../base/iso7816/index.ts";
import {
  assert,
  type Clock,
  type ErrorCode,
  type PowerAction,
  type Protocol,
  pause,
  type Reader,
  type ReaderDescription,
  type ReaderEvents,
  readerAttribute,
  SmartCardError,
} from "../../port/index.ts";
import { DriverGone } from "./driver-process.ts";
import { type DriverSession, presenceOf, type SessionSlot } from "./driver-session.ts";
import { powerActions, protocolBits, returnCodes, returnCodeText, transmitProtocols } from "./ifd-handler.ts";
import type { IfdLimits } from "./limits.ts";
import type { AnswerMessage } from "./messages.ts";

const noBytes = new Uint8Array(0);

/** The shortest ATR: TS and T0 (ISO/IEC 7816-3:2006, 8.2). */
const MIN_ATR_BYTES = 2;

/** Between two calls of a polling function, in milliseconds, so that one that returns at once does no harm. */
const LEAST_PAUSE_MS = 10;

/** What a reader needs of the device that it is a slot of. */
export interface IfdReaderHost {
  readonly clock: Clock;
  readonly limits: IfdLimits;
  /** The running driver; undefined while it is being started again, and once the device is over. */
  session(): DriverSession | undefined;
  /** The driver says that the device is not there any more. */
  deviceGone(session: DriverSession): boolean;
  /** The reader was closed; returns when what it held is closed too. */
  closed(slot: number): Promise<void>;
}

/**
 * One slot of a reader that a driver of pcsc-lite drives. It stays while the driver's process is started again: the card counts
 * as removed meanwhile, and as inserted after that.
 */
export class IfdReader implements Reader {
  readonly description: ReaderDescription;
  readonly #host: IfdReaderHost;
  readonly #slot: number;
  #stage: "new" | "open" | "over" = "new";
  #events: ReaderEvents | undefined;
  #isPresent = false;
  #hasFailed = false;
  #atr: Uint8Array | undefined;
  #protocol: Protocol | undefined;
  #watch = new AbortController();
  /** What the driver said of the reader, when it was last asked. */
  #attributes: ReadonlyMap<number, Uint8Array> = new Map();

  constructor(host: IfdReaderHost, slot: number, description: ReaderDescription) {
    this.#host = host;
    this.#slot = slot;
    this.description = description;
  }

  /** Whether the reader was closed, or is lost. */
  get isOver(): boolean {
    return this.#stage === "over";
  }

  /** The driver is running: looks for cards from now on. */
  sessionStarted(session: DriverSession): void {
    if (this.#stage !== "open") return;
    const { attributes } = this.#slotOf(session);
    if (attributes.size > 0) this.#attributes = attributes;
    this.#watch = new AbortController();
    void this.#watchCard(session, this.#watch.signal);
  }

  /** The driver's process has ended: its card is gone. */
  sessionEnded(): void {
    this.#watch.abort();
    this.#hasFailed = false;
    this.#tell(false);
  }

  /** Takes the reader out of service for good. */
  lose(reason: string): void {
    if (this.#stage === "over") return;
    const events = this.#retire();
    events?.lost(reason);
  }

  async open(events: ReaderEvents): Promise<void> {
    assert(this.#stage !== "open", "a reader is opened once");
    const session = this.#session("open");
    this.#stage = "open";
    this.#events = events;
    await this.#look(session);
    this.sessionStarted(session);
  }

  /**
   * Cold reset: power down where the card has power, then power up. Warm reset: IFD_RESET. Before that the driver is asked whether
   * there is a card, as pcscd does.
   */
  power(action: PowerAction, signal: AbortSignal): Promise<Uint8Array> {
    return this.#operate("power", signal, async (session) => {
      const { powerMs } = this.#host.limits;
      const wasPowered = this.#atr !== undefined;
      this.#atr = undefined;
      this.#protocol = undefined;
      if (action !== "power-down") await this.#checkPresence(session);
      if (action === "power-down" || (action === "cold-reset" && wasPowered)) {
        const down = await session.call("power", this.#slot, { argument: powerActions.IFD_POWER_DOWN }, powerMs);
        if (down.code === returnCodes.IFD_NO_SUCH_DEVICE) throw this.#failure(session, down, "power", "comm-error");
        if (action === "power-down") return noBytes;
      }
      const argument = action === "warm-reset" ? powerActions.IFD_RESET : powerActions.IFD_POWER_UP;
      const answer = await session.call("power", this.#slot, { argument }, powerMs);
      if (answer.code !== returnCodes.IFD_SUCCESS) throw this.#failure(session, answer, "power", "unresponsive-card");
      if (answer.data.length < MIN_ATR_BYTES) {
        const message = `the driver gives an ATR of ${answer.data.length} bytes`;
        throw this.#error("unresponsive-card", message, "power");
      }
      this.#atr = answer.data;
      return copyBytes(answer.data);
    });
  }

  /**
   * IFDHSetProtocolParameters. Where the driver has no such function, or does not support it, the card speaks the protocol that
   * its ATR offers first.
   */
  setProtocol(protocol: Protocol, signal: AbortSignal): Promise<void> {
    return this.#operate("setProtocol", signal, async (session) => {
      const argument = bitOf(protocol);
      const answer = await session.call("set-protocol", this.#slot, { argument }, this.#host.limits.protocolMs);
      if (answer.outcome === "missing" || answer.code === returnCodes.IFD_NOT_SUPPORTED) {
        if (this.#offeredFirst() !== protocol) {
          throw this.#error("proto-mismatch", `the driver cannot change the protocol to ${protocol}`, "setProtocol");
        }
      } else if (answer.code !== returnCodes.IFD_SUCCESS) {
        const { IFD_PROTOCOL_NOT_SUPPORTED, IFD_ERROR_NOT_SUPPORTED } = returnCodes;
        const isOther = answer.code === IFD_PROTOCOL_NOT_SUPPORTED || answer.code === IFD_ERROR_NOT_SUPPORTED;
        throw this.#failure(session, answer, "setProtocol", isOther ? "proto-mismatch" : "unresponsive-card");
      }
      this.#protocol = protocol;
    });
  }

  transmit(command: Uint8Array, protocol: Protocol, signal: AbortSignal): Promise<Uint8Array> {
    return this.#operate("transmit", signal, async (session) => {
      const args = { argument: numberOf(protocol), data: command };
      const answer = await session.call("transmit", this.#slot, args, this.#host.limits.transmitMs);
      if (answer.code === returnCodes.IFD_SUCCESS) return answer.data;
      zeroBytes(answer.data);
      // A driver says that the exchange failed where the card was pulled, too.
      if (answer.code !== returnCodes.IFD_NO_SUCH_DEVICE) await this.#checkPresence(session);
      throw this.#failure(session, answer, "transmit", "comm-error");
    });
  }

  /**
   * IFDHControl. Version 2 of the interface has no code: the input alone counts, and there must be one. What such a driver answers
   * does not tell an unknown command from one that failed.
   */
  control(code: number, input: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return this.#operate("control", signal, async (session) => {
      if (session.version === 2 && input.length === 0) {
        const message = "a driver of version 2 of the interface is told what to do by the input alone, which is empty";
        throw this.#error("invalid-parameter", message, "control");
      }
      const args = { argument: code >>> 0, data: input };
      const answer = await session.call("control", this.#slot, args, this.#host.limits.controlMs);
      if (answer.code === returnCodes.IFD_SUCCESS) return answer.data;
      zeroBytes(answer.data);
      const { IFD_ERROR_NOT_SUPPORTED, IFD_NOT_SUPPORTED } = returnCodes;
      const isUnknown = answer.code === IFD_ERROR_NOT_SUPPORTED || answer.code === IFD_NOT_SUPPORTED;
      if (isUnknown && session.version === 3) {
        throw this.#error(
          "unsupported-feature",
          `the driver does not know the control code ${hexDword(code)}`,
          "control",
        );
      }
      throw this.#failure(session, answer, "control", "comm-error");
    });
  }

  /** What the driver said of the reader when it was opened, and what is known of the card. */
  getAttribute(attribute: number): Uint8Array | undefined {
    const own = this.#attributes.get(attribute >>> 0);
    if (own !== undefined) return copyBytes(own);
    return readerAttribute(attribute, {
      description: this.description,
      cardPresent: this.#isPresent,
      powered: this.#atr !== undefined,
      atr: this.#atr,
      protocol: this.#protocol,
    });
  }

  setAttribute(_attribute: number, _value: Uint8Array): boolean {
    return false;
  }

  async close(): Promise<void> {
    if (this.#stage === "over") return;
    this.#retire();
    await this.#host.closed(this.#slot);
  }

  #retire(): ReaderEvents | undefined {
    const events = this.#events;
    this.#stage = "over";
    this.#events = undefined;
    this.#watch.abort();
    this.#isPresent = false;
    this.#atr = undefined;
    return events;
  }

  /** Runs one operation in the turn of the slot. Where it is cancelled and the driver does not come back, the process is ended. */
  async #operate<T>(operation: string, signal: AbortSignal, work: (session: DriverSession) => Promise<T>): Promise<T> {
    if (signal.aborted) throw cancelled(operation, signal);
    const session = this.#session(operation);
    const { clock, limits } = this.#host;
    let hasBegun = false;
    let cancelTimer = (): void => {};
    const aborted = (): void => {
      if (!hasBegun) return;
      cancelTimer = clock.schedule(limits.cancelMs, `driver: cancelled ${operation}`, () => {
        session.kill(`the driver did not come back from ${operation}, which was cancelled`);
      });
    };
    signal.addEventListener("abort", aborted, { once: true });
    try {
      const result = await this.#slotOf(session).gate.run(async () => {
        hasBegun = true;
        return work(session);
      }, signal);
      if (!signal.aborted) return result;
      throw cancelled(operation, signal);
    } catch (error) {
      throw signal.aborted ? cancelled(operation, signal) : this.#asError(error, operation);
    } finally {
      signal.removeEventListener("abort", aborted);
      cancelTimer();
    }
  }

  #asError(error: unknown, operation: string): unknown {
    if (!(error instanceof DriverGone)) return error;
    if (this.#stage === "over") return this.#error("reader-unavailable", "the reader is closed", operation, error);
    const code = operation === "control" ? "comm-error" : "removed-card";
    return this.#error(code, `${error.message}; it is started again`, operation, error);
  }

  #session(operation: string): DriverSession {
    if (this.#stage === "over") throw this.#error("reader-unavailable", "the reader is closed", operation);
    const session = this.#host.session();
    if (session !== undefined && this.#slot < session.slots.length) return session;
    const code = this.#stage === "new" ? "reader-unavailable" : "comm-error";
    throw this.#error(code, "the driver of the reader is being started again: try again", operation);
  }

  #slotOf(session: DriverSession): SessionSlot {
    const slot = session.slots[this.#slot];
    assert(slot !== undefined, "a session has all slots that its readers use");
    return slot;
  }

  /** @throws removed-card where there is none; it has been reported then */
  async #checkPresence(session: DriverSession): Promise<void> {
    const code = await session.presence(this.#slot);
    if (code === returnCodes.IFD_NO_SUCH_DEVICE) this.#host.deviceGone(session);
    if (presenceOf(code) !== false) return;
    this.#tell(false);
    throw this.#error("removed-card", "there is no card in the reader", "presence");
  }

  /** The error for what a driver has returned. */
  #failure(
    session: DriverSession,
    { code, outcome }: AnswerMessage,
    operation: string,
    other: ErrorCode,
  ): SmartCardError {
    const { IFD_ERROR_INSUFFICIENT_BUFFER, IFD_ICC_NOT_PRESENT, IFD_NO_SUCH_DEVICE } = returnCodes;
    if (outcome !== "returned") return this.#error("comm-error", `the driver cannot do ${operation}`, operation);
    const message = `the driver answers ${returnCodeText(code)}`;
    if (code === IFD_ICC_NOT_PRESENT) {
      this.#tell(false);
      return this.#error("removed-card", message, operation);
    }
    if (code === IFD_ERROR_INSUFFICIENT_BUFFER) return this.#error("insufficient-buffer", message, operation);
    if (code !== IFD_NO_SUCH_DEVICE) return this.#error(other, message, operation);
    const isLost = this.#host.deviceGone(session);
    if (!isLost) return this.#error("comm-error", `${message}: the reader is opened again`, operation);
    return this.#error("reader-unavailable", `${message}: the reader is not there any more`, operation);
  }

  // Cards that come and go.

  /** Looks for a card again and again, until the session or the reader ends. */
  async #watchCard(session: DriverSession, signal: AbortSignal): Promise<void> {
    const { clock, limits } = this.#host;
    const { polls } = this.#slotOf(session);
    let polling: Promise<number> | undefined;
    while (!signal.aborted) {
      if (polls) {
        polling ??= session.poll(this.#slot).catch(() => returnCodes.IFD_COMMUNICATION_ERROR);
        const code = await firstOf(clock, limits.pollingFunctionMs, polling, signal);
        if (code !== undefined) polling = undefined;
        // As pcscd, which waits after a polling function that has failed.
        if (code !== undefined && code !== returnCodes.IFD_SUCCESS)
          await pause(clock, limits.pollMs, "ifd poll", { signal });
      } else {
        await pause(clock, limits.pollMs, "ifd poll", { signal });
      }
      if (signal.aborted) return;
      await this.#look(session, signal);
      if (polls) await pause(clock, LEAST_PAUSE_MS, "ifd poll", { signal });
    }
  }

  /** Asks for the card once, in the turn of the slot, and reports what has changed. */
  async #look(session: DriverSession, signal?: AbortSignal): Promise<void> {
    try {
      await this.#slotOf(session).gate.run(async () => {
        const code = await session.presence(this.#slot);
        if (signal?.aborted) return;
        if (code === returnCodes.IFD_NO_SUCH_DEVICE) {
          this.#host.deviceGone(session);
          return;
        }
        const isPresent = presenceOf(code);
        // One failure may be the line's; two in a row are the card's, as its state is not known any more.
        if (isPresent !== undefined || this.#hasFailed) this.#tell(isPresent === true);
        this.#hasFailed = isPresent === undefined;
      }, signal);
    } catch (error) {
      if (!(error instanceof DriverGone) && !signal?.aborted) throw error;
    }
  }

  #tell(isPresent: boolean): void {
    if (isPresent === this.#isPresent) return;
    this.#isPresent = isPresent;
    if (isPresent) {
      this.#events?.inserted();
      return;
    }
    this.#atr = undefined;
    this.#protocol = undefined;
    this.#events?.removed();
  }

  /** The protocol that the card offers first, or the one of its specific mode. */
  #offeredFirst(): Protocol | undefined {
    const atr = this.#atr === undefined ? undefined : decodeAtr(this.#atr);
    if (atr?.ok !== true) return undefined;
    return { 0: "t0", 1: "t1" }[atr.value.defaultProtocol] as Protocol | undefined;
  }

  #error(code: ErrorCode, message: string, operation: string, cause?: unknown): SmartCardError {
    const details = { reader: this.description.name, operation };
    return new SmartCardError(code, message, details, cause === undefined ? undefined : { cause });
  }
}

function bitOf(protocol: Protocol): number {
  return protocol === "t15" ? 0 : protocolBits[protocol];
}

function numberOf(protocol: Protocol): number {
  return protocol === "t15" ? 0 : transmitProtocols[protocol];
}

function cancelled(operation: string, signal: AbortSignal): SmartCardError {
  return new SmartCardError("cancelled", `${operation} was cancelled`, { operation }, { cause: signal.reason });
}

/** What the work comes to; undefined after so many milliseconds, and as soon as the signal is aborted. */
async function firstOf<T>(
  clock: Clock,
  limitMs: number,
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const round = new AbortController();
  const end = (): void => round.abort();
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([
      work,
      pause(clock, limitMs, "ifd polling function", { signal: round.signal }).then(() => undefined),
    ]);
  } finally {
    signal.removeEventListener("abort", end);
    round.abort();
  }
}
