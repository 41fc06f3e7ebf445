// SPDX-License-Identifier: MIT

import {
  abortedError,
  type CancelTimer,
  type Clock,
  checkWait,
  describeHolder,
  type ErrorDetails,
  type Holder,
  SmartCardError,
  type WaitOptions,
} from "../pcsc/index.ts";

/** The outstanding waits of a context, so that cancelling and releasing find them. */
export type WaitSet = Set<Wait>;

/** Dependencies of a wait. */
export interface WaitSetting {
  readonly clock: Clock;
  /** Where the wait is kept while it lasts; nowhere for one that belongs to no context. */
  readonly waits?: WaitSet;
  /** Names the operation in errors and timers. */
  readonly operation: string;
  readonly details?: ErrorDetails;
  /** Asks the other side for the holder, for the error of a timeout. It must not reject. */
  readonly whoHolds?: (() => Promise<Holder | undefined>) | undefined;
}

/** How long before a deadline the holder is asked for, in milliseconds; half of a shorter wait. */
const ASK_BEFORE_MS = 100;

/**
 * What may end a wait before its time: a deadline, a signal, and a cancel. It calls `gaveUp` once at most, and
 * never after {@link Wait.over}.
 */
export class Wait {
  readonly #setting: WaitSetting;
  readonly #signal: AbortSignal | undefined;
  readonly #gaveUp: (error: SmartCardError) => void;
  #cancelTimer: CancelTimer | undefined;
  #cancelQuestion: CancelTimer | undefined;
  #holder: (() => Holder) | undefined;
  #isOver = false;

  constructor(setting: WaitSetting, options: WaitOptions, gaveUp: (error: SmartCardError) => void) {
    this.#setting = setting;
    this.#gaveUp = gaveUp;
    this.#signal = options.signal;
    setting.waits?.add(this);
    this.#signal?.addEventListener("abort", this.#aborted, { once: true });
    if (options.timeoutMs !== undefined) {
      this.startDeadline(options.timeoutMs);
    }
  }

  /** Gives up after that many milliseconds, with an error of its own where that is given. */
  startDeadline(timeoutMs: number, error?: () => SmartCardError): void {
    if (this.#isOver) return;
    const { clock, details, operation } = this.#setting;
    this.#cancelTimer = clock.schedule(timeoutMs, `${operation} deadline`, () => {
      const known = { ...details, ...(this.#holder && { holder: this.#holder() }) };
      this.giveUp(error?.() ?? timedOut(operation, known));
    });
    if (this.#setting.whoHolds === undefined || timeoutMs === 0) return;
    const askAfter = timeoutMs - Math.min(ASK_BEFORE_MS, timeoutMs / 2);
    this.#cancelQuestion = clock.schedule(askAfter, `${operation} holder`, () => void this.#askWhoHolds());
  }

  /** Whether it is neither over nor given up. */
  get lasts(): boolean {
    return !this.#isOver;
  }

  giveUp(error: SmartCardError): void {
    if (this.#isOver) return;
    this.over();
    this.#gaveUp(error);
  }

  /** What was waited for has come, or has failed. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#setting.waits?.delete(this);
    this.#cancelTimer?.();
    this.#cancelQuestion?.();
    this.#signal?.removeEventListener("abort", this.#aborted);
  }

  async #askWhoHolds(): Promise<void> {
    const { clock, whoHolds } = this.#setting;
    const holder = await whoHolds?.();
    const told = clock.now();
    this.#holder = holder && (() => ({ ...holder, heldMs: holder.heldMs + clock.now() - told }));
  }

  readonly #aborted = (): void => {
    this.giveUp(abortedError(this.#setting.operation, this.#signal, this.#setting.details));
  };
}

/** The error of a wait whose deadline has passed. */
export function timedOut(operation: string, details: ErrorDetails = {}, cause?: unknown): SmartCardError {
  const why = details.holder === undefined ? "" : `: ${describeHolder(details.holder)}`;
  const message = `${operation} did not come to an end in the time given${why}`;
  return new SmartCardError("timeout", message, { ...details, operation }, cause === undefined ? {} : { cause });
}

/** A failure of ours, for anything that is thrown. */
export function asFailure(error: unknown): SmartCardError {
  return error instanceof SmartCardError ? error : new SmartCardError("internal-error", String(error));
}

/** Waits for a while. @throws timeout (the deadline comes before its end), cancelled */
export function pause(clock: Clock, operation: string, ms: number, options: WaitOptions): Promise<void> {
  checkWait(operation, options);
  return new Promise((resolve, reject) => {
    let cancelTimer: CancelTimer | undefined;
    const wait = new Wait({ clock, operation }, options, (error) => {
      cancelTimer?.();
      reject(error);
    });
    cancelTimer = clock.schedule(ms, operation, () => {
      wait.over();
      resolve();
    });
  });
}
