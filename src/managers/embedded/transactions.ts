// SPDX-License-Identifier: MIT

import {
  type Clock,
  type Disposition,
  describeHolder,
  type Holder,
  type ShareMode,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";
import type { CardLifecycle } from "./card-lifecycle.ts";
import type { ConnectionState } from "./connection-state.ts";
import { type Asked, asked, together } from "./dispositions.ts";
import { IdleLimit } from "./idle-limit.ts";
import type { OperationTurns } from "./operation-turns.ts";
import type { Profile } from "./profile.ts";
import type { ReaderTrace } from "./reader-trace.ts";
import { asClientWished } from "./reset-reason.ts";
import type { Lock, TransactionQueue, TurnContext } from "./transaction-queue.ts";

/** What transactions work with. */
export interface TransactionsDeps {
  readonly clock: Clock;
  readonly profile: Profile;
  /** The reader's unique name. */
  readonly name: string;
  readonly queue: TransactionQueue<ConnectionState>;
  readonly turns: OperationTurns;
  readonly lifecycle: CardLifecycle;
  readonly trace: ReaderTrace;
}

/**
 * The transactions on one reader: how the lock is taken, used, released, and taken from an idle holder; and which holder a
 * refusal names.
 */
export class Transactions {
  readonly #deps: TransactionsDeps;
  readonly #queue: TransactionQueue<ConnectionState>;
  readonly #idleLimit: IdleLimit;
  /** When the lock's holder last finished an exchange. */
  #lastExchange: number | undefined;

  constructor(deps: TransactionsDeps) {
    this.#deps = deps;
    this.#queue = deps.queue;
    this.#idleLimit = new IdleLimit(deps.clock, deps.profile.transactionIdleMs, (ms) => this.#idle(ms));
  }

  /** When the holder of the open transaction last finished an exchange, on the monotonic clock. */
  get lastExchange(): number | undefined {
    return this.#lastExchange;
  }

  /** Waits for the lock and takes it. */
  async begin(connection: ConnectionState, options: WaitOptions): Promise<void> {
    connection.checkUsable("card");
    const waiting = this.#queue.begin(connection.request("begin", connection.usesCard ? "card" : "reader"), options);
    if (waiting !== undefined) await waiting;
    options.onTurn?.();
    // A nested one is a use of the card like any other function.
    this.used(connection);
  }

  /** Releases the lock, once the holder's other operations are done. */
  async end(connection: ConnectionState, disposition: Disposition): Promise<void> {
    if (!this.#isOf(connection)) throw this.lost(connection);
    const waiting = this.#deps.turns.take(connection.request("end", "reader", "ends-lock"), {});
    if (waiting !== undefined) await waiting;
    try {
      connection.checkUsable("reader");
      const lock = this.#queue.lock;
      if (lock?.owner !== connection) throw this.lost(connection);
      this.#idleLimit.used();
      lock.due = together(lock.due, asked(disposition));
      if (lock.depth > 1) {
        lock.depth--;
        return;
      }
      try {
        const why = asClientWished(connection.context, `ended its transaction with ${lock.due.disposition}`);
        const except = this.#deps.profile.resetConcernsCaller ? {} : { except: connection };
        await this.#deps.lifecycle.dispose(lock.due, why, { ...except, keepPowered: true });
      } finally {
        this.drop(connection);
      }
    } finally {
      this.#deps.turns.end();
    }
  }

  /** What the ends of nested transactions of a connection have asked for, and what is not done yet. */
  owedBy(connection: ConnectionState): Asked {
    const lock = this.#queue.lock;
    return lock?.owner === connection ? lock.due : asked("leave");
  }

  /** Frees the lock where that connection has it. */
  drop(connection: ConnectionState): void {
    if (this.#isOf(connection)) this.#queue.unlock();
  }

  /** A connection did something; where it has the lock, it is not idle. */
  used(connection: ConnectionState): void {
    if (this.#isOf(connection)) this.#idleLimit.used();
  }

  /** A connection has exchanged something with the card. */
  exchanged(connection: ConnectionState): void {
    if (this.#isOf(connection)) this.#lastExchange = this.#deps.clock.now();
  }

  /** To be called when the lock is granted. */
  lockGranted(lock: Lock<ConnectionState>): void {
    this.#lastExchange = undefined;
    this.#idleLimit.start();
    this.#deps.trace.write("lock-granted", lock.owner.context);
  }

  /** To be called when the lock becomes free. */
  lockFreed({ owner, since }: Lock<ConnectionState>): void {
    this.#idleLimit.stop();
    this.#deps.trace.lasted("lock-freed", owner.context, since);
  }

  /** Who has the lock; with `of`, only where it is that connection. */
  holder(of?: ConnectionState): Holder | undefined {
    const lock = this.#queue.lock;
    if (lock === undefined || (of !== undefined && lock.owner !== of)) return undefined;
    const { context, shareMode } = lock.owner;
    const heldMs = this.#deps.clock.now() - lock.since;
    return { ...identify(context), shareMode, transaction: true, heldMs };
  }

  /** Why a connection cannot end a transaction: it has not begun one, or has lost it. */
  lost(connection: ConnectionState): SmartCardError {
    const { name: reader, profile } = this.#deps;
    const operation = "end transaction";
    const fault = connection.faultError(operation);
    if (fault !== undefined) return fault;
    const holder = this.holder();
    const what = "this connection has no transaction open";
    if (holder === undefined || profile.endOfForeignTransaction !== "sharing-violation") {
      return new SmartCardError("not-transacted", what, { reader, operation });
    }
    return sharingViolation(what, { reader, operation, holder });
  }

  /** A connection, as a holder by its share mode. */
  connected({ context, shareMode, since }: ConnectionState): Holder {
    return { ...identify(context), shareMode, transaction: false, heldMs: this.#deps.clock.now() - since };
  }

  /** Why a connection in mode `wanted` is refused beside `other`. */
  refused(wanted: ShareMode, operation: string, other: ConnectionState): SmartCardError {
    const { name: reader } = this.#deps;
    const holder = this.holder(other) ?? this.connected(other);
    return sharingViolation(`a connection in ${wanted} mode is refused`, { reader, operation, holder });
  }

  /** Ends a transaction, and resets the card, because its holder was idle for too long. */
  #idle(limitMs: number): boolean {
    const lock = this.#queue.lock;
    if (lock === undefined) return false;
    if (this.#queue.busy) return true;
    const { context } = lock.owner;
    this.#deps.trace.write("lock-idle", context);
    this.#deps.turns.runOwnWork(async () => {
      const text = `the transaction of ${context.client.name} was idle for ${limitMs} ms`;
      const why = { text, cause: "idle-limit", context } as const;
      await this.#deps.lifecycle.dispose(asked("reset"), why, { keepPowered: true });
      if (this.#queue.lock === lock) this.#queue.unlock();
    });
    return false;
  }

  #isOf(connection: ConnectionState): boolean {
    return this.#queue.lock?.owner === connection;
  }
}

function identify({ client }: TurnContext): { readonly client: string; readonly pid?: number } {
  return { client: client.name, ...(client.pid !== undefined && { pid: client.pid }) };
}

function sharingViolation(
  what: string,
  details: { readonly reader: string; readonly operation: string; readonly holder: Holder },
): SmartCardError {
  return new SmartCardError("sharing-violation", `${what}: ${describeHolder(details.holder)}`, details);
}
