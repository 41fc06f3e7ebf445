// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock, Connection } from "../../port/index.ts";
import { saysGone } from "./failures.ts";

/** How often the manager is asked whether the card is there while a PIN of it is cached, and how long it may take to answer. */
const LOOK_EVERY_MS = 1000;

/** What a watch works with. */
export interface RemovalWatchOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  /** Whether it matters still that the card is pulled. */
  readonly isNeeded: () => boolean;
  /** Called once the card was pulled. */
  readonly gone: () => void;
}

/**
 * Notices that a card is pulled while nothing is done with it. It asks, because a program's connection has no event for that on any
 * manager; it sends nothing to the card, and does not keep the program alive.
 */
export class RemovalWatch {
  readonly #options: RemovalWatchOptions;
  #cancel: CancelTimer | undefined;
  #isOver = false;

  constructor(options: RemovalWatchOptions) {
    this.#options = options;
  }

  /** Begins to watch, where it does not already. */
  start(): void {
    if (this.#isOver || this.#cancel !== undefined) return;
    const { clock } = this.#options;
    const look = (): void => void this.#look();
    this.#cancel = clock.schedule(LOOK_EVERY_MS, "card with a cached PIN", look, { background: true, coarse: true });
  }

  /** Ends it for good. */
  stop(): void {
    this.#isOver = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #look(): Promise<void> {
    const { connection, gone, isNeeded } = this.#options;
    if (isNeeded()) {
      const failure: unknown = await connection.status({ timeoutMs: LOOK_EVERY_MS }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (saysGone(failure) && !this.#isOver) {
        this.stop();
        gone();
      }
    }
    this.#cancel = undefined;
    if (isNeeded()) this.start();
  }
}
