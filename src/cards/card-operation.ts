// SPDX-License-Identifier: MIT

import { assert, type CancelTimer, type Clock, type ErrorCode, type SmartCardError } from "../pcsc/index.ts";

/**
 * One operation of the virtual reader while it is under way. It can be ended from outside at any moment, by an abort or
 * because the card or the reader went; its caller is told at once, and what it still does has no effect.
 */
export class CardOperation {
  readonly name: string;
  /** What it fails with when the card falls silent; undefined where the card has no part in it. */
  readonly whenMute: ErrorCode | undefined;
  readonly #reject: (error: SmartCardError) => void;
  readonly #ended: Promise<never>;
  #error: SmartCardError | undefined;
  #done = false;
  #cancelTimer: CancelTimer | undefined;

  constructor(name: string, whenMute: ErrorCode | undefined) {
    this.name = name;
    this.whenMute = whenMute;
    let reject: ((error: SmartCardError) => void) | undefined;
    this.#ended = new Promise<never>((_resolve, rejectEnded) => {
      reject = rejectEnded;
    });
    assert(reject !== undefined, "a promise runs its executor at once");
    this.#reject = reject;
  }

  /** Settles as `work` does, or rejects as soon as the operation is ended. */
  async run<T>(work: (operation: CardOperation) => Promise<T>): Promise<T> {
    try {
      return await Promise.race([work(this), this.#ended]);
    } finally {
      this.#done = true;
    }
  }

  /** Ends the operation with an error; does nothing when it has ended already. */
  end(error: SmartCardError): void {
    if (this.#done) return;
    this.#done = true;
    this.#error = error;
    this.#cancelTimer?.();
    this.#reject(error);
  }

  /** To be called after every wait inside the work: nothing may happen to the card once the operation was ended. */
  check(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** Waits on the clock. An operation that is ended stops waiting and goes no further. */
  sleep(clock: Clock, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#cancelTimer = clock.schedule(delayMs, `virtual reader: ${this.name}`, () => {
        this.#cancelTimer = undefined;
        resolve();
      });
    });
  }
}
