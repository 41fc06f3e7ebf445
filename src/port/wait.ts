// SPDX-License-Identifier: MIT

import { abortedError } from "./arguments.ts";
import { describeHolder, type ErrorDetails, type Holder, SmartCardError } from "./error.ts";
import type { WaitOptions } from "./resource-manager.ts";
import type { CancelTimer, Clock } from "./runtime.ts";

/** The outstanding waits of a context, so that cancelling and releasing find them. */
export type WaitSet = Set<Wait>;

/** Dependencies of a wait. */
export interface WaitDeps {
  readonly clock: Clock;
  /** Where the wait is kept while it lasts; nowhere for one that belongs to no context. */
  readonly waits?: WaitSet;
  /** Names the operation in errors and timers. */
  readonly operation: string;
  readonly details?: ErrorDetails;
  /** Makes the error for a deadline that has passed. */
  readonly timedOut?: () => SmartCardError;
  /** Asks the other side for the holder, for the error of a timeout. It must not reject. */
  readonly whoHolds?: (() => Promise<Holder | undefined>) | undefined;
}

/** How long before a deadline the holder is asked for, in milliseconds; half of a shorter wait. */
const ASK_BEFORE_MS = 100;

/**
 * What may end a wait before its time: a deadline, a signal, or the context, which is cancelled or released. It calls `gaveUp`
 * once at most, and never after {@link Wait.over}.
 */
export class Wait {
  readonly #deps: WaitDeps;
  readonly #signal: AbortSignal | undefined;
  readonly #gaveUp: (error: SmartCardError) => void;
  #cancelTimer: CancelTimer | undefined;
  #cancelQuestion: CancelTimer | undefined;
  #holder: (() => Holder) | undefined;
  #isOver = false;

  constructor(deps: WaitDeps, options: WaitOptions, gaveUp: (error: SmartCardError) => void) {
    this.#deps = deps;
    this.#gaveUp = gaveUp;
    this.#signal = options.signal;
    deps.waits?.add(this);
    this.#signal?.addEventListener("abort", this.#aborted, { once: true });
    if (options.timeoutMs !== undefined) {
      this.startDeadline(options.timeoutMs);
    }
  }

  /** What is waited for. */
  get operation(): string {
    return this.#deps.operation;
  }

  /** Whether it is neither over nor given up. */
  get lasts(): boolean {
    return !this.#isOver;
  }

  /** Gives up after that many milliseconds, with an error of its own where that is given. */
  startDeadline(timeoutMs: number, error: (() => SmartCardError) | undefined = this.#deps.timedOut): void {
    if (this.#isOver) return;
    const { clock, details, operation, whoHolds } = this.#deps;
    this.#cancelTimer = clock.schedule(timeoutMs, `${operation} deadline`, () => {
      const known = { ...details, ...(this.#holder && { holder: this.#holder() }) };
      this.giveUp(error?.() ?? timedOut(operation, known));
    });
    if (whoHolds === undefined || timeoutMs === 0) return;
    const askAfter = timeoutMs - Math.min(ASK_BEFORE_MS, timeoutMs / 2);
    this.#cancelQuestion = clock.schedule(askAfter, `${operation} holder`, () => void this.#askWhoHolds());
  }

  /** Ends the wait with an error; does nothing where it has ended already. */
  giveUp(error: SmartCardError): void {
    if (this.#isOver) return;
    this.over();
    this.#gaveUp(error);
  }

  /** What was waited for has come, or has failed. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deps.waits?.delete(this);
    this.#cancelTimer?.();
    this.#cancelQuestion?.();
    this.#signal?.removeEventListener("abort", this.#aborted);
  }

  async #askWhoHolds(): Promise<void> {
    const { clock, whoHolds } = this.#deps;
    const holder = await whoHolds?.();
    const told = clock.now();
    this.#holder = holder && (() => ({ ...holder, heldMs: holder.heldMs + clock.now() - told }));
  }

  readonly #aborted = (): void => {
    this.giveUp(abortedError(this.#deps.operation, this.#signal, this.#deps.details));
  };
}

/**
 * A wait with the promise of its result. It ends exactly once: it is resolved, it fails, its deadline passes, its signal is
 * aborted, or its context is cancelled or released; later events have no effect.
 */
export class PromisedWait<T> {
  readonly promise: Promise<T>;
  readonly #wait: Wait;
  readonly #ended: () => void;
  #resolve!: (value: T) => void;

  /** @param deps `ended` is called once, however the wait ends, before its promise settles */
  constructor(deps: WaitDeps & { readonly ended: () => void }, options: WaitOptions) {
    this.#ended = deps.ended;
    let reject!: (error: SmartCardError) => void;
    this.promise = new Promise((resolved, rejected) => {
      this.#resolve = resolved;
      reject = rejected;
    });
    this.#wait = new Wait(deps, options, (error) => {
      deps.ended();
      reject(error);
    });
  }

  resolve(value: T): void {
    if (!this.#wait.lasts) return;
    this.#wait.over();
    this.#ended();
    this.#resolve(value);
  }

  fail(error: SmartCardError): void {
    this.#wait.giveUp(error);
  }
}

/** The error of a wait whose deadline has passed. */
export function timedOut(operation: string, details: ErrorDetails = {}, cause?: unknown): SmartCardError {
  const why = details.holder === undefined ? "" : `: ${describeHolder(details.holder)}`;
  const message = `${operation} did not come to an end in the time given${why}`;
  return new SmartCardError("timeout", message, { ...details, operation }, cause === undefined ? {} : { cause });
}
