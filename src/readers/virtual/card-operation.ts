// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock, ErrorCode, SmartCardError } from "../../port/index.ts";

/**
 * A running operation of the virtual reader. It can be ended at any time, by an abort or because the card or the reader was
 * removed; its caller is notified at once, and its later steps have no effect.
 */
export class CardOperation {
  readonly name: string;
  /** Its failure when the card stops answering; undefined where it does not use the card. */
  readonly whenMute: ErrorCode | undefined;
  #reject: ((error: SmartCardError) => void) | undefined;
  #error: SmartCardError | undefined;
  #done = false;
  #cancelTimer: CancelTimer | undefined;

  constructor(name: string, whenMute: ErrorCode | undefined) {
    this.name = name;
    this.whenMute = whenMute;
  }

  /** Settles as `work` does, or rejects as soon as the operation is ended. */
  run<T>(work: (operation: CardOperation) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#error !== undefined) {
        reject(this.#error);
        return;
      }
      work(this).then(
        (result) => {
          this.#done = true;
          resolve(result);
        },
        (error: unknown) => {
          this.#done = true;
          reject(error);
        },
      );
    });
  }

  /** Ends the operation with an error; does nothing when it has ended already. */
  end(error: SmartCardError): void {
    if (this.#done) return;
    this.#done = true;
    this.#error = error;
    this.#cancelTimer?.();
    this.#reject?.(error);
  }

  /** Call it after every wait inside the work: an ended operation must not touch the card. */
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
