// SPDX-License-Identifier: MIT

import type { Connection, Protocol } from "../../port/index.ts";
import type { ContextMember, ContextSlots, Outcome } from "./context-slots.ts";
import { disposition as convertDisposition } from "./dictionaries.ts";
import { type EndOfWait, invalidState } from "./exceptions.ts";
import type { SmartCardAccessMode, SmartCardDisposition, SmartCardProtocol } from "./idl.ts";

/** What a connection was made with: what a reconnect takes where it is not told otherwise. */
export interface ConnectTerms {
  readonly accessMode: SmartCardAccessMode;
  readonly preferredProtocols: readonly SmartCardProtocol[];
}

/** A transaction state. Draft, SmartCardConnection, auxiliary algorithms and definitions. */
interface TransactionState {
  /** The disposition to end it with when the operation in progress has finished. */
  pendingDisposition: SmartCardDisposition | undefined;
  /** What the promise is to be rejected with: in an object of its own, as a callback may be rejected with nothing. */
  pendingException: { readonly reason: unknown } | undefined;
  /** Whether its end has begun. */
  isEnding: boolean;
  /** The promise of startTransaction(). */
  readonly promise: Deferred;
}

interface Deferred {
  readonly resolve: (value: undefined) => void;
  readonly reject: (reason: unknown) => void;
}

/** A DWORD that is a valid protocol value, as the draft spells it; undefined for others. Draft, SmartCardProtocol enum. */
export function validProtocol(protocol: Protocol | undefined): SmartCardProtocol | undefined {
  return protocol === "t0" || protocol === "t1" || protocol === "raw" ? protocol : undefined;
}

/** The internal slots of a SmartCardConnection, and its transaction. Draft, SmartCardConnection interface. */
export class ConnectionSlots implements ContextMember {
  /** [[context]]. */
  readonly context: ContextSlots;
  /** [[readerName]]. */
  readonly readerName: string;
  terms: ConnectTerms;
  /** [[activeProtocol]]. */
  activeProtocol: Protocol | undefined;
  /** [[comm]]. */
  #comm: Connection | undefined;
  /** [[transactionState]]. */
  #transactionState: TransactionState | undefined;

  constructor(context: ContextSlots, comm: Connection, readerName: string, terms: ConnectTerms) {
    this.context = context;
    this.#comm = comm;
    this.activeProtocol = comm.protocol;
    this.readerName = readerName;
    this.terms = terms;
  }

  /**
   * The steps that all operations but startTransaction() begin with: no operation is in progress, no other connection of the context
   * is in a transaction with this reader, and this one is connected.
   *
   * @returns [[comm]]
   */
  usable(): Connection {
    this.#checkIdle();
    const active = this.context.activeTransaction(this.readerName);
    if (active !== undefined && active !== this) {
      throw invalidState(`another connection of this context is in a transaction with "${this.readerName}"`);
    }
    return this.#connected();
  }

  #checkIdle(): void {
    if (this.context.operationInProgress) throw operationInProgress();
  }

  #connected(): Connection {
    if (this.#comm === undefined) throw invalidState("the connection has ended");
    return this.#comm;
  }

  /** Runs one operation of this connection: its result, or the exception that corresponds to the code. */
  run<T, R>(work: () => Promise<T>, then: (value: T) => R, wait?: EndOfWait): Promise<R> {
    return this.context.operate(work, (outcome) => {
      if (!outcome.ok) throw this.context.exceptionOf(outcome.failure, wait);
      return then(outcome.value);
    });
  }

  /** Draft, disconnect() method, steps 6.3.3 and 6.3.4. */
  destroyComm(): void {
    this.#comm = undefined;
    if (this.#transactionState === undefined) this.context.drop(this);
  }

  /**
   * Draft, startTransaction() method, steps 3 to 10. Its order is that of the draft.
   *
   * @param begin BeginTransaction() of [[comm]]
   * @param callback a SmartCardTransactionCallback
   */
  startTransaction(
    begin: (comm: Connection) => Promise<void>,
    callback: () => unknown,
    wait: EndOfWait,
  ): Promise<undefined> {
    this.#checkIdle();
    if (this.context.activeTransaction(this.readerName) !== undefined) {
      throw invalidState(`this context is in a transaction with "${this.readerName}"`);
    }
    const comm = this.#connected();
    if (this.#transactionState !== undefined) throw invalidState("the connection is in a transaction");
    // Step 7.1.
    if (wait.signal?.aborted) throw wait.signal.reason;
    return new Promise<undefined>((resolve, reject) => {
      const processResult = (outcome: Outcome<void>): void => {
        // Steps 1 to 4 of "process the result of a BeginTransaction".
        if (!outcome.ok) reject(this.context.exceptionOf(outcome.failure, wait));
        // It ended meanwhile: not of the draft, which has no end of a context.
        else if (this.#comm === undefined) reject(invalidState("the connection has ended"));
        else this.#runTransaction(callback, { resolve, reject });
      };
      // It has no failure of its own.
      void this.context.operate(() => begin(comm), processResult);
    });
  }

  /** Steps 5 to 9 of "process the result of a BeginTransaction". Draft, SmartCardConnection, auxiliary algorithms and definitions. */
  #runTransaction(callback: () => unknown, promise: Deferred): void {
    const transactionState: TransactionState = {
      pendingDisposition: undefined,
      pendingException: undefined,
      isEnding: false,
      promise,
    };
    this.#transactionState = transactionState;
    this.context.setActiveTransaction(this);
    const settle = (disposition: SmartCardDisposition): void => {
      if (this.context.operationInProgress) transactionState.pendingDisposition = disposition;
      else this.#endTransaction(disposition);
    };
    const fulfilled = (value: unknown): void => {
      let disposition: SmartCardDisposition;
      try {
        disposition = dispositionOf(value);
      } catch (reason) {
        rejected(reason);
        return;
      }
      if (this.context.operationInProgress) {
        const message = "the callback of the transaction ended while an operation was in progress; await it there";
        transactionState.pendingException = { reason: invalidState(message) };
      }
      settle(disposition);
    };
    const rejected = (reason: unknown): void => {
      transactionState.pendingException = { reason };
      settle("reset");
    };
    // What it throws at once rejects, too. WHATWG, Web IDL, 3.2.24 (promise types) and 3.11 (invoking callback functions).
    new Promise((resolve) => resolve(Reflect.apply(callback, undefined, []))).then(fulfilled, rejected);
  }

  /** End the transaction. Draft, SmartCardConnection, auxiliary algorithms and definitions. */
  #endTransaction(disposition: SmartCardDisposition): void {
    const transactionState = this.#transactionState;
    if (transactionState === undefined) return;
    const { promise } = transactionState;
    transactionState.isEnding = true;
    const comm = this.#comm;
    if (comm === undefined) {
      // The draft leaves the entry of the reader here, so that the context could never connect to it again (ADR).
      this.context.removeActiveTransaction(this);
      this.#transactionState = undefined;
      this.context.drop(this);
      promise.reject(invalidState("the connection ended in the transaction"));
      return;
    }
    const finish = (outcome: Outcome<void>): void => {
      this.context.removeActiveTransaction(this);
      const { pendingException } = transactionState;
      if (pendingException !== undefined) promise.reject(pendingException.reason);
      else if (outcome.ok) promise.resolve(undefined);
      else promise.reject(this.context.exceptionOf(outcome.failure));
      this.#transactionState = undefined;
      if (this.#comm === undefined) this.context.drop(this);
    };
    void this.context.operate(() => comm.endTransaction(disposition), finish);
  }

  /** End any settled transaction. Draft, SmartCardConnection, auxiliary algorithms and definitions. */
  endAnySettledTransaction(): void {
    const disposition = this.#transactionState?.pendingDisposition;
    if (this.#transactionState === undefined || disposition === undefined) return;
    this.#transactionState.pendingDisposition = undefined;
    this.#endTransaction(disposition);
  }

  /** Ends the connection whatever is in progress; a card in a transaction is reset. Never rejects. Not of the draft. */
  async end(): Promise<void> {
    const comm = this.#comm;
    if (comm === undefined) return;
    const isInTransaction = this.#transactionState !== undefined && !this.#transactionState.isEnding;
    this.destroyComm();
    await comm.disconnect(isInTransaction ? "reset" : "leave").catch(() => undefined);
  }
}

/** The disposition that a callback has resolved to; another value rejects it (ADR). */
function dispositionOf(value: unknown): SmartCardDisposition {
  if (value === undefined || value === null) return "reset";
  return convertDisposition(value, "startTransaction: the disposition of the callback");
}

/** The refusal of a second operation. */
export function operationInProgress(): Error {
  return invalidState("an operation of this context is in progress; await it first");
}
