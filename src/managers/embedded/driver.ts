// SPDX-License-Identifier: MIT

import { copyBytes, isBytes, type SecretBytes } from "../../base/binary/index.ts";
import {
  assert,
  type CancelTimer,
  type Clock,
  MAX_RESPONSE_BYTES,
  ownError,
  type PowerAction,
  type Protocol,
  type Reader,
  type ReaderDescription,
  type ReaderEvents,
  SmartCardError,
} from "../../port/index.ts";
import { guardedController, quietly, settleQuietly } from "./guarded-signal.ts";
import type { ManagerLimits } from "./limits.ts";

/** Longest reason of a driver that a message repeats, in UTF-16 code units. */
const MAX_REASON_LENGTH = 500;

/** What a driver tells its slot: the events of the reader, and what its operations come to. */
export interface DriverEvents extends ReaderEvents {
  /** An exchange was interrupted, and the card is still present: its state is unknown until a reset. */
  exchangeAborted(): void;
}

/**
 * A reader as the manager drives it: one operation at a time, each bounded in time, and each can be interrupted. An
 * interrupted operation fails at once for its caller, while the driver keeps the reader until it has given it back.
 */
export class Driver {
  /** The reader's description when it was put into service. */
  readonly description: ReaderDescription;
  readonly #reader: Reader;
  readonly #clock: Clock;
  readonly #limits: ManagerLimits;
  readonly #events: DriverEvents;
  /** Aborts the operation under way; a new one takes its place once it was used. */
  #controller = guardedController();
  #current: Operation | undefined;
  #onIdle: (() => void) | undefined;

  constructor(
    reader: Reader,
    description: ReaderDescription,
    clock: Clock,
    limits: ManagerLimits,
    events: DriverEvents,
  ) {
    this.#reader = reader;
    this.description = description;
    this.#clock = clock;
    this.#limits = limits;
    this.#events = events;
  }

  /**
   * Starts the driver. One that takes longer than an operation may is given up, and closed when it comes to an end.
   *
   * @throws what `open` fails with, comm-error for anything else that it throws, waited-too-long
   */
  open(): Promise<void> {
    // The reader is foreign code: it gets these three functions, and nothing else of the slot.
    const events: ReaderEvents = {
      inserted: () => this.#events.inserted(),
      removed: () => this.#events.removed(),
      lost: (reason) => this.#events.lost(reasonOf(reason)),
    };
    return new Promise((resolve, reject) => {
      const { operationMs } = this.#limits;
      let isGivenUp = false;
      const cancel = this.#clock.schedule(operationMs, "open ceiling", () => {
        isGivenUp = true;
        reject(new SmartCardError("waited-too-long", `open took longer than ${operationMs} ms`, { operation: "open" }));
      });
      const settled = (settle: () => void): void => {
        cancel();
        if (isGivenUp) quietly(() => this.#reader.close());
        else settle();
      };
      const failed = (error: unknown): void => settled(() => reject(asSmartCardError(error, "open")));
      // No more promise callbacks than it takes: the reader is to be in service before its card has been attended to.
      try {
        Promise.resolve(this.#reader.open(events)).then(() => settled(resolve), failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  /** Whether the driver has not given an aborted operation back yet: no other can begin. */
  get isHeld(): boolean {
    return this.#current?.isInterrupted() === true;
  }

  power(action: PowerAction): Promise<Uint8Array> {
    return this.#operate(action, "power", (signal) => this.#reader.power(action, signal), bytesFrom);
  }

  setProtocol(protocol: Protocol): Promise<void> {
    return this.#operate("set protocol", "exchange", (signal) => this.#reader.setProtocol(protocol, signal), nothing);
  }

  transmit(command: SecretBytes, protocol: Protocol): Promise<Uint8Array> {
    const send = (signal: AbortSignal): Promise<Uint8Array> =>
      command.use((bytes) => this.#reader.transmit(bytes, protocol, signal));
    return this.#operate("transmit", "exchange", send, responseFrom, command);
  }

  control(code: number, input: SecretBytes): Promise<Uint8Array> {
    const send = (signal: AbortSignal): Promise<Uint8Array> =>
      input.use((bytes) => this.#reader.control(code, bytes, signal));
    return this.#operate("control", "reader", send, bytesFrom, input);
  }

  eject(): Promise<void> {
    return this.#operate("eject", "reader", async (signal) => this.#reader.eject?.(signal), nothing);
  }

  /** @throws comm-error where the driver fails */
  getAttribute(attribute: number): Uint8Array | undefined {
    const operation = "get attribute";
    return attempt(operation, () => {
      const value: unknown = this.#reader.getAttribute(attribute);
      return value === undefined ? undefined : bytesFrom(value, operation);
    });
  }

  /** @throws comm-error where the driver fails */
  setAttribute(attribute: number, value: Uint8Array): boolean {
    const operation = "set attribute";
    return attempt(operation, () => {
      const isSet: unknown = this.#reader.setAttribute(attribute, value);
      if (typeof isSet === "boolean") return isSet;
      settleQuietly(isSet);
      throw wrong(operation, "neither true nor false");
    });
  }

  /**
   * Ends the driver: one that fails or hangs must not keep the service from ending. Returns the failure, without the
   * driver's own text.
   */
  close(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const { abortMs } = this.#limits;
      const cancel = this.#clock.schedule(abortMs, "close", () => resolve(`it did not end within ${abortMs} ms`));
      const ended = (problem: string | undefined): void => {
        cancel();
        resolve(problem);
      };
      invoke(() => this.#reader.close(), this.#controller.signal).then(
        () => ended(undefined),
        () => ended("it failed when it was to end"),
      );
    });
  }

  /** Ends the operation under way, if there is one, because the card, or the reader with it, is gone. */
  interrupt(error: SmartCardError, gone: "card" | "reader"): void {
    const current = this.#current;
    if (current !== undefined && (current.kind !== "reader" || gone === "reader")) current.interrupt(error);
  }

  /** Ends the operation under way, if there is one, though card and reader are there. */
  abort(error: SmartCardError): void {
    const current = this.#current;
    if (current === undefined) return;
    // A reset that was cut off leaves a mute card. No retry: the next user resets it.
    if (current.kind === "exchange") this.#events.exchangeAborted();
    current.interrupt(error);
  }

  /** Calls `callback` as soon as no operation is under way: now, or later. */
  whenIdle(callback: () => void): void {
    if (this.#current === undefined) callback();
    else this.#onIdle = callback;
  }

  /**
   * @param take what is taken of the driver's answer: it refuses those that no driver may give, as one that is written in JavaScript can
   * @param secret what the driver was given: cleared where it does not come back
   */
  #operate<T>(
    name: string,
    kind: Operation["kind"],
    run: (signal: AbortSignal) => Promise<unknown>,
    take: (answer: unknown, operation: string) => T,
    secret?: SecretBytes,
  ): Promise<T> {
    const before = this.#current;
    if (before?.isInterrupted()) {
      // After an interruption a turn of several operations continues for its caller only, not for the driver.
      const message = `${name} cannot begin: the driver has not given the torn ${before.name} back`;
      return Promise.reject(new SmartCardError("comm-error", message, { operation: name }));
    }
    assert(before === undefined, `${name} began while ${before?.name} was under way`);
    return new Promise<T>((resolve, reject) => {
      const controller = this.#controller;
      let graceTimer: CancelTimer | undefined;
      const interrupt = (error: SmartCardError): void => {
        cancelCeiling();
        reject(error);
        graceTimer ??= this.#clock.schedule(this.#limits.abortMs, `${name} abort`, () => {
          // The reader is dropped before the turn continues: the driver is still busy, and must not be called again.
          this.#events.lost("the driver hangs");
          secret?.wipe();
          this.#returned();
          // It has a device open that can be tried anew once it is free, and must not report of it any more.
          quietly(() => this.#reader.close());
        });
        this.#controller = guardedController();
        controller.abort(error);
      };
      const tooLong = (): void =>
        this.abort(new SmartCardError("waited-too-long", `${name} took longer than ${this.#limits.operationMs} ms`));
      const cancelCeiling = this.#clock.schedule(this.#limits.operationMs, `${name} ceiling`, tooLong, {
        coarse: true,
      });
      const isInterrupted = (): boolean => graceTimer !== undefined;
      const operation: Operation = { name, kind, interrupt, isInterrupted };
      this.#current = operation;
      const settled = (): void => {
        cancelCeiling();
        graceTimer?.();
        if (this.#current === operation) this.#returned();
      };
      // The caller is answered before the slot goes on: its next call finds its place in the queue.
      const failed = (error: unknown): void => {
        reject(asSmartCardError(error, name));
        settled();
      };
      const succeeded = (value: unknown): void => {
        try {
          resolve(take(value, name));
        } catch (error) {
          reject(asSmartCardError(error, name));
        }
        settled();
      };
      invoke(run, controller.signal).then(succeeded, failed);
    });
  }

  #returned(): void {
    this.#current = undefined;
    const callback = this.#onIdle;
    this.#onIdle = undefined;
    callback?.();
  }
}

interface Operation {
  readonly name: string;
  /** What it is about: the card's power, an exchange with the card, or the reader alone. */
  readonly kind: "power" | "exchange" | "reader";
  interrupt(error: SmartCardError): void;
  /** Whether it has failed for its caller, and the driver has not given the reader back yet. */
  isInterrupted(): boolean;
}

/** A copy of the bytes that a driver answers. Its own array may change later, or be of a class that lies about itself. */
function bytesFrom(answer: unknown, operation: string): Uint8Array {
  if (isBytes(answer)) return copyBytes(answer);
  settleQuietly(answer);
  throw wrong(operation, "no bytes");
}

/** A copy of the response that a driver answers. */
function responseFrom(answer: unknown, operation: string): Uint8Array {
  const response = bytesFrom(answer, operation);
  if (response.length >= 2 && response.length <= MAX_RESPONSE_BYTES) return response;
  throw new SmartCardError("comm-error", `the reader answered ${response.length} bytes; a response has 2 to 65,538`);
}

function nothing(): void {}

/** What a driver says of its end; no more of it than a message has room for. */
function reasonOf(reason: unknown): string {
  return typeof reason === "string" ? reason.slice(0, MAX_REASON_LENGTH) : "its driver gives no reason";
}

/** Calls a driver so that what it throws at once and what it rejects later come the same way. */
async function invoke<T>(run: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  return run(signal);
}

/** Calls a driver that answers at once. */
function attempt<T>(operation: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw asSmartCardError(error, operation);
  }
}

function wrong(operation: string, what: string): SmartCardError {
  return new SmartCardError("comm-error", `${operation}: the driver answers ${what}`, { operation });
}

function asSmartCardError(error: unknown, operation: string): SmartCardError {
  const own = ownError(error);
  if (own !== undefined) return own;
  // The driver's own text may quote what was sent to the card, so it goes to the cause only.
  return new SmartCardError(
    "comm-error",
    `${operation} failed in the reader's driver`,
    { operation },
    { cause: error },
  );
}
