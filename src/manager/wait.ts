// SPDX-License-Identifier: MIT

import { abortedError, type CancelTimer, type Clock, type SmartCardError, type WaitOptions } from "../pcsc/index.ts";

/** What ends a wait early. */
interface WaitEnder {
  /** What is waited for. */
  readonly operation: string;
  /** Ends the wait with an error; does nothing where it has ended already. */
  fail(error: SmartCardError): void;
}

/** Where the waits of one context are kept, so that cancelling and releasing find them. */
export type WaitSet = Set<WaitEnder>;

/** Dependencies of a wait. */
export interface WaitSetting {
  readonly clock: Clock;
  readonly waits: WaitSet;
  /** Names the operation in errors and timers. */
  readonly operation: string;
  /** Makes the error for a deadline that has passed. */
  readonly timedOut: () => SmartCardError;
  /** Called once, however the wait ends, before its promise settles. */
  readonly ended: () => void;
}

/**
 * One outstanding wait. It ends exactly once, for one reason: it is resolved, it fails, its deadline passes, its signal
 * is aborted, or its context is cancelled or released; later events have no effect.
 */
export class Wait<T> implements WaitEnder {
  readonly promise: Promise<T>;
  readonly #setting: WaitSetting;
  readonly #signal: AbortSignal | undefined;
  #cancelTimer: CancelTimer | undefined;
  #resolve!: (value: T) => void;
  #reject!: (error: SmartCardError) => void;
  #over = false;

  constructor(setting: WaitSetting, options: WaitOptions) {
    this.#setting = setting;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    setting.waits.add(this);
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#aborted, { once: true });
    if (options.timeoutMs !== undefined) {
      this.#cancelTimer = setting.clock.schedule(options.timeoutMs, `${setting.operation} deadline`, () => {
        this.fail(setting.timedOut());
      });
    }
  }

  get operation(): string {
    return this.#setting.operation;
  }

  resolve(value: T): void {
    if (this.#end()) this.#resolve(value);
  }

  fail(error: SmartCardError): void {
    if (this.#end()) this.#reject(error);
  }

  readonly #aborted = (): void => {
    this.fail(abortedError(this.#setting.operation, this.#signal));
  };

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#setting.waits.delete(this);
    this.#cancelTimer?.();
    this.#signal?.removeEventListener("abort", this.#aborted);
    this.#setting.ended();
    return true;
  }
}
