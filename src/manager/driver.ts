// SPDX-License-Identifier: MIT

import {
  assert,
  type CancelTimer,
  type Clock,
  MAX_RESPONSE_BYTES,
  type PowerAction,
  type Protocol,
  type Reader,
  SmartCardError,
} from "../pcsc/index.ts";
import type { ManagerLimits } from "./limits.ts";

/** What the manager learns from the way it drives a reader. */
export interface DriverEvents {
  /** An exchange was torn, and the card is still there: only a reset tells what state it is in. */
  readonly torn: () => void;
  /** The driver does not give an aborted operation back. */
  readonly wedged: () => void;
}

/**
 * A reader as the manager drives it: one operation at a time, each bounded in time, and each can be interrupted. An
 * interrupted operation fails at once for its caller, while the driver keeps the reader until it has given it back.
 */
export class Driver {
  readonly reader: Reader;
  readonly #clock: Clock;
  readonly #limits: ManagerLimits;
  readonly #events: DriverEvents;
  /** Aborts the operation under way; a new one takes its place once it was used. */
  #controller = new AbortController();
  #current: Operation | undefined;
  #onIdle: (() => void) | undefined;

  constructor(reader: Reader, clock: Clock, limits: ManagerLimits, events: DriverEvents) {
    this.reader = reader;
    this.#clock = clock;
    this.#limits = limits;
    this.#events = events;
  }

  power(action: PowerAction): Promise<Uint8Array> {
    return this.#operate(action, true, (signal) => this.reader.power(action, signal));
  }

  setProtocol(protocol: Protocol): Promise<void> {
    return this.#operate("set protocol", true, (signal) => this.reader.setProtocol(protocol, signal));
  }

  async transmit(command: Uint8Array, protocol: Protocol): Promise<Uint8Array> {
    const response = await this.#operate("transmit", true, (signal) => this.reader.transmit(command, protocol, signal));
    if (response.length < 2 || response.length > MAX_RESPONSE_BYTES) {
      throw new SmartCardError(
        "comm-error",
        `the reader answered ${response.length} bytes; a response has 2 to 65,538`,
      );
    }
    return response;
  }

  control(code: number, input: Uint8Array): Promise<Uint8Array> {
    return this.#operate("control", false, (signal) => this.reader.control(code, input, signal));
  }

  eject(): Promise<void> {
    return this.#operate("eject", false, async (signal) => this.reader.eject?.(signal));
  }

  /** Ends the operation under way, if there is one, because the card, or the reader with it, is gone. */
  interrupt(error: SmartCardError, gone: "card" | "reader"): void {
    const current = this.#current;
    if (current !== undefined && (current.needsCard || gone === "reader")) current.interrupt(error);
  }

  /** Ends the operation under way, if there is one, though card and reader are there. */
  tear(error: SmartCardError): void {
    const current = this.#current;
    if (current === undefined) return;
    if (current.needsCard) this.#events.torn();
    current.interrupt(error);
  }

  /** Calls `callback` as soon as no operation is under way: now, or later. */
  whenIdle(callback: () => void): void {
    if (this.#current === undefined) callback();
    else this.#onIdle = callback;
  }

  #operate<T>(name: string, needsCard: boolean, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const before = this.#current;
    if (before?.isInterrupted()) {
      // A turn of several operations goes on when one of them was torn: for its caller only, not for the driver.
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
          // The reader is given up before the turn goes on: the driver is still at work, and must not be called again.
          this.#events.wedged();
          this.#returned();
        });
        this.#controller = new AbortController();
        controller.abort(error);
      };
      const cancelCeiling = this.#clock.schedule(this.#limits.operationMs, `${name} ceiling`, () => {
        this.tear(new SmartCardError("waited-too-long", `${name} took longer than ${this.#limits.operationMs} ms`));
      });
      const isInterrupted = (): boolean => graceTimer !== undefined;
      const operation: Operation = { name, needsCard, interrupt, isInterrupted };
      this.#current = operation;
      const settled = (): void => {
        cancelCeiling();
        graceTimer?.();
        if (this.#current === operation) this.#returned();
      };
      // The caller is answered before the slot goes on: its next call finds its place in the queue.
      invoke(run, controller.signal).then(
        (value) => {
          resolve(value);
          settled();
        },
        (error: unknown) => {
          reject(asSmartCardError(error, name));
          settled();
        },
      );
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
  readonly needsCard: boolean;
  interrupt(error: SmartCardError): void;
  /** Whether it has failed for its caller, and the driver has not given the reader back yet. */
  isInterrupted(): boolean;
}

/** Calls a driver so that what it throws at once and what it rejects later come the same way. */
async function invoke<T>(run: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  return run(signal);
}

function asSmartCardError(error: unknown, operation: string): SmartCardError {
  if (error instanceof SmartCardError) return error;
  // The driver's own text may quote what was sent to the card, so it goes to the cause only.
  return new SmartCardError(
    "comm-error",
    `${operation} failed in the reader's driver`,
    { operation },
    { cause: error },
  );
}
