// SPDX-License-Identifier: MIT

import { type Clock, type Disposition, PromisedWait, SmartCardError } from "../../port/index.ts";
import { type Asked, asked } from "./dispositions.ts";
import type { ResetReason } from "./reset-reason.ts";
import type { TurnContext } from "./transaction-queue.ts";

/** A pending disposition of a closed connection. */
export interface PendingDisposition {
  readonly due: Asked;
  /** On whose account. */
  readonly why: ResetReason;
  /** Told when it is done, with the error if it could not be done. */
  readonly waits: PromisedWait<void>[];
}

/**
 * Pending dispositions of a card: they run as soon as no transaction is open, and before the next client's turn. A
 * connection that ends while another one holds the lock must neither disturb that one nor leave the card as it was.
 */
export class PendingDispositions {
  readonly #clock: Clock;
  #pending: PendingDisposition[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes a disposition; the promise settles when it is done, or is no longer possible. Cancelling ends the wait only. */
  add(due: Asked, why: ResetReason, context: TurnContext): Promise<void> {
    const wait = new PromisedWait<void>(
      {
        clock: this.#clock,
        waits: context.waits,
        operation: "disconnect",
        timedOut: () => new SmartCardError("timeout", "the card is still in use"),
        ended: () => {},
      },
      {},
    );
    this.#note(due, why).waits.push(wait);
    return wait.promise;
  }

  /** Notes a disposition whose result is not awaited. */
  note(disposition: Disposition, why: ResetReason): void {
    this.#note(asked(disposition), why);
  }

  /** The oldest disposition, to be performed now. */
  take(): PendingDisposition | undefined {
    return this.#pending.shift();
  }

  #note(due: Asked, why: ResetReason): PendingDisposition {
    const last = this.#pending.at(-1);
    if (last?.due.disposition === due.disposition && last.due.otherwise === due.otherwise) return last;
    const pending: PendingDisposition = { due, why, waits: [] };
    this.#pending.push(pending);
    return pending;
  }

  /** The card is gone, and its dispositions with it. */
  clear(): void {
    const cleared = this.#pending;
    this.#pending = [];
    for (const pending of cleared) for (const wait of pending.waits) wait.resolve();
  }
}
