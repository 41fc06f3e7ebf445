// SPDX-License-Identifier: MIT

import { type Clock, PromisedWait, SmartCardError, tooManyWaits, type WaitOptions } from "../../port/index.ts";
import type { Card } from "./card.ts";
import type { ConnectionState } from "./connection-state.ts";

interface CardWait {
  readonly connection: ConnectionState;
  readonly isThere: boolean;
  readonly wait: PromisedWait<void>;
}

/** Connections that wait for a card to come, or to go: IOCTL_SMARTCARD_IS_PRESENT and IOCTL_SMARTCARD_IS_ABSENT. */
export class CardWaits {
  readonly #clock: Clock;
  readonly #card: Card;
  readonly #waits = new Set<CardWait>();

  constructor(clock: Clock, card: Card) {
    this.#clock = clock;
    this.#card = card;
  }

  /**
   * Waits until a card is present, or absent; undefined where that is so already. It takes no turn.
   *
   * @throws timeout, cancelled, server-too-busy
   */
  until(isThere: boolean, connection: ConnectionState, options: WaitOptions): Promise<void> | undefined {
    if (this.#card.attended === isThere) return undefined;
    const { context, reader } = connection;
    const details = { reader, operation: "control" };
    const timedOut = (): SmartCardError => {
      return new SmartCardError("timeout", `no card ${isThere ? "came" : "went"} in the time given`, details);
    };
    if (options.timeoutMs === 0) return Promise.reject(timedOut());
    if (context.waits.size >= context.waitLimit) {
      return Promise.reject(tooManyWaits(context.waitLimit, details));
    }
    const ended = (): void => void this.#waits.delete(entry);
    const deps = { clock: this.#clock, waits: context.waits, operation: "control", timedOut, ended };
    const entry: CardWait = { connection, isThere, wait: new PromisedWait<void>(deps, options) };
    this.#waits.add(entry);
    return entry.wait.promise;
  }

  /** A card has come or gone. */
  moved(isThere: boolean): void {
    for (const entry of [...this.#waits]) if (entry.isThere === isThere) entry.wait.resolve();
  }

  /** Ends the waits of a connection, or of all. */
  fail(error: (connection: ConnectionState) => SmartCardError, of?: ConnectionState): void {
    for (const { connection, wait } of [...this.#waits]) {
      if (of === undefined || of === connection) wait.fail(error(connection));
    }
  }
}
