// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock } from "../../port/index.ts";

/**
 * Watches one open transaction for idleness. A single timer looks back at the last use when it fires, so that using the
 * card costs no timer.
 */
export class IdleLimit {
  readonly #clock: Clock;
  /** Milliseconds without use; undefined for no limit. */
  readonly #limitMs: number | undefined;
  /** Called when the limit is reached; answers true to be asked again after the limit, because the card is in use. */
  readonly #reached: (limitMs: number) => boolean;
  #lastUse = 0;
  #cancelTimer: CancelTimer | undefined;

  constructor(clock: Clock, limitMs: number | undefined, reached: (limitMs: number) => boolean) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#reached = reached;
  }

  /** A transaction has begun. */
  start(): void {
    this.used();
    if (this.#limitMs !== undefined) this.#wait(this.#limitMs, this.#limitMs);
  }

  /** The transaction's holder did something. */
  used(): void {
    this.#lastUse = this.#clock.now();
  }

  /** The transaction has ended. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #wait(delayMs: number, limitMs: number): void {
    this.#cancelTimer = this.#clock.schedule(delayMs, "transaction idle limit", () => this.#look(limitMs), {
      background: true,
    });
  }

  #look(limitMs: number): void {
    const remainingMs = this.#lastUse + limitMs - this.#clock.now();
    if (remainingMs > 0) this.#wait(remainingMs, limitMs);
    else if (this.#reached(limitMs)) this.#wait(limitMs, limitMs);
  }
}
