// SPDX-License-Identifier: MIT

import { type Context, readerKey } from "../../port/index.ts";
import { type EndOfWait, exceptionOfManager, invalidState } from "./exceptions.ts";

/** What has come of a call of the manager. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: unknown };

/** What a context knows of its connections. */
export interface ContextMember {
  readonly readerName: string;
  /** End any settled transaction. */
  endAnySettledTransaction(): void;
  /** Ends it, whatever is in progress. Never rejects. */
  end(): Promise<void>;
}

/** The internal slots of a SmartCardContext. Draft, SmartCardContext interface. */
export class ContextSlots {
  /** [[resourceManager]]. */
  readonly resourceManager: Context;
  /** Aborted when this context has ended. */
  readonly #ended = new AbortController();
  readonly #connections = new Set<ContextMember>();
  /** [[activeReaderTransactions]], by the name of the reader as the manager compares names. */
  readonly #activeReaderTransactions = new Map<string, ContextMember>();
  #operationInProgress = false;
  #end: Promise<void> | undefined;

  constructor(resourceManager: Context) {
    this.resourceManager = resourceManager;
  }

  /** [[operationInProgress]]. */
  get operationInProgress(): boolean {
    return this.#operationInProgress;
  }

  /** Aborted when the context has ended. Not of the draft. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** The exception that corresponds to a failure; of one that comes because the context has ended, that it has. */
  exceptionOf(failure: unknown, wait?: EndOfWait): unknown {
    return this.ended.aborted ? invalidState("the context has ended") : exceptionOfManager(failure, wait);
  }

  /** [[connections]]. */
  add(connection: ContextMember): void {
    this.#connections.add(connection);
  }

  /** Forgets a connection that has ended and has no transaction: nothing is to be done for it any more. */
  drop(connection: ContextMember): void {
    this.#connections.delete(connection);
  }

  /** [[activeReaderTransactions]][readerName]. */
  activeTransaction(readerName: string): ContextMember | undefined {
    return this.#activeReaderTransactions.get(readerKey(readerName));
  }

  setActiveTransaction(connection: ContextMember): void {
    this.#activeReaderTransactions.set(readerKey(connection.readerName), connection);
  }

  removeActiveTransaction(connection: ContextMember): void {
    const key = readerKey(connection.readerName);
    if (this.#activeReaderTransactions.get(key) === connection) this.#activeReaderTransactions.delete(key);
  }

  /**
   * Runs the steps that an operation has in parallel, and then, with no step of another one between, those that follow. The
   * operation is in progress until then.
   */
  async operate<T, R>(work: () => Promise<T>, then: (outcome: Outcome<T>) => R): Promise<R> {
    this.#operationInProgress = true;
    const outcome = await settle(work);
    this.#clearOperationInProgress();
    return then(outcome);
  }

  /** Clear the operationInProgress. Draft, SmartCardContext, auxiliary algorithms and definitions. */
  #clearOperationInProgress(): void {
    this.#operationInProgress = false;
    for (const connection of this.#connections) {
      connection.endAnySettledTransaction();
      if (this.#operationInProgress) return;
    }
  }

  /** Ends the context, as a document's is that is no longer fully active. Draft, Document Lifecycle. Never rejects. */
  end(): Promise<void> {
    this.#end ??= this.#endAll();
    return this.#end;
  }

  async #endAll(): Promise<void> {
    this.#ended.abort();
    const connections = [...this.#connections];
    // A wait for a lock or for a change ends before its connection does.
    await this.resourceManager.cancel().catch(() => undefined);
    await Promise.all(connections.map((connection) => connection.end()));
    await this.resourceManager.release().catch(() => undefined);
  }
}

async function settle<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (failure) {
    return { ok: false, failure };
  }
}
