// SPDX-License-Identifier: MIT

import { type Clock, SmartCardError, type WaitOptions } from "../../port/index.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { Driver } from "./driver.ts";
import type { ManagerLimits } from "./limits.ts";
import type { TransactionQueue, TurnContext, TurnRequest } from "./transaction-queue.ts";

/** What turns work with. */
export interface OperationTurnsDeps {
  readonly clock: Clock;
  readonly limits: ManagerLimits;
  /** The reader's unique name. */
  readonly name: string;
  readonly queue: TransactionQueue<ConnectionState>;
  readonly driver: Driver;
}

/**
 * The turns of single operations on one reader. The queue says who is next; a turn lasts until the driver has given the reader
 * back, which for an interrupted operation is later than the answer to its caller.
 */
export class OperationTurns {
  readonly #deps: OperationTurnsDeps;
  readonly #queue: TransactionQueue<ConnectionState>;

  constructor(deps: OperationTurnsDeps) {
    this.#deps = deps;
    this.#queue = deps.queue;
  }

  /**
   * Takes the turn, which the caller ends with {@link end}. Undefined where it was free; else a promise that resolves when
   * the turn has come.
   */
  take(request: TurnRequest<ConnectionState>, options: WaitOptions): Promise<void> | undefined {
    return this.#queue.acquire(request, options);
  }

  /** Gives the turn on, once the driver has given the reader back. */
  end(): void {
    this.#deps.driver.whenIdle(() => this.#queue.release());
  }

  /** Runs work of the slot's own as a turn; only where no client has one. It must not fail. */
  runOwnWork(work: () => Promise<void>): void {
    this.#queue.seize();
    const ended = (): void => this.end();
    work().then(ended, (error: unknown) => {
      ended();
      throw error;
    });
  }

  /** A program is gone: its operation, if one is under way, is aborted unless it soon ends by itself. */
  limitOrphan(context: TurnContext): void {
    if (this.#queue.operating !== context) return;
    const { clock, driver, limits, name } = this.#deps;
    const { orphanMs } = limits;
    const abort = (): void => {
      if (this.#queue.operating !== context) return;
      const message = `the operation's program exited ${orphanMs} ms ago`;
      const code = context.serviceStopped ? "service-stopped" : "cancelled";
      driver.abort(new SmartCardError(code, message, { reader: name }));
    };
    clock.schedule(orphanMs, "orphaned operation", abort, { background: true });
  }
}
