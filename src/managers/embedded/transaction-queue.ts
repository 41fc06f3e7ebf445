// SPDX-License-Identifier: MIT

import {
  abortedError,
  assert,
  type ClientIdentity,
  type Clock,
  describeHolder,
  type Holder,
  PromisedWait,
  SmartCardError,
  tooManyWaits,
  type WaitOptions,
  type WaitSet,
} from "../../port/index.ts";
import { type Asked, asked } from "./dispositions.ts";

/** So many who waited are granted their turns one after the other before the event loop has one: more than a few would keep it away. */
const GRANTED_IN_ROW = 16;

/** The context that waits for a turn. */
export interface TurnContext {
  readonly client: ClientIdentity;
  readonly waits: WaitSet;
  /** How many waits it may have outstanding. */
  readonly waitLimit: number;
  /** True where the client can do nothing else in this context while it waits. */
  readonly oneAtATime: boolean;
  /** Whether it has ended because the service has. */
  readonly serviceStopped: boolean;
  /** What a one-at-a-time context waits for, without deadline. */
  waitingFor: TransactionQueue<TurnOwner> | undefined;
}

/** A possible holder of the lock: a connection. */
export interface TurnOwner {
  readonly context: TurnContext;
}

/** What is requested: the lock until it is released, or one operation. */
export interface TurnRequest<Owner extends TurnOwner = TurnOwner> {
  readonly context: TurnContext;
  /** The connection; undefined for a connect, which has yet to make one. */
  readonly owner: Owner | undefined;
  readonly operation: string;
  /** True where the turn is pointless without the card. */
  readonly needsCard: boolean;
  /** True where it is refused during another connection's transaction instead of waiting for its end. */
  readonly refusedBesideLock?: boolean;
  /** True for the end of a transaction: it fails once the lock is gone, and cannot be cancelled. */
  readonly endsLock?: boolean;
}

/** The lock of a reader: an open transaction. */
export interface Lock<Owner extends TurnOwner = TurnOwner> {
  readonly owner: Owner;
  /** Nested transactions: 1 or more. */
  depth: number;
  /** What the ends of nested transactions have asked for, which is done when the last one ends. */
  due: Asked;
  /** When it was granted, on the monotonic clock. */
  readonly since: number;
}

interface Turn<Owner extends TurnOwner> extends TurnRequest<Owner> {
  readonly number: number;
  readonly since: number;
  readonly takesLock: boolean;
  readonly wait: PromisedWait<void>;
  /** Whether it waits, or has waited, for a lock: to have it, or for its holder. */
  isForLock: boolean;
}

/** What the queue tells and asks the slot that it belongs to. */
export interface TransactionQueueHost<Owner extends TurnOwner> {
  /**
   * Called when no turn is under way, before the next one is granted. Starts work of the slot's own, if there is any, by
   * calling `seize()`.
   */
  runPendingWork(): void;
  /** The lock was granted. */
  lockGranted(lock: Lock<Owner>): void;
  /** The lock has become free. */
  lockFreed(lock: Lock<Owner>): void;
  /** A wait is over that was for the lock or its holder, since `request.since`: its turn has come, or it was given up. */
  lockWaited(request: TurnRequest<Owner> & { readonly since: number }): void;
  /** Says why a transaction that was to be ended has ended already. */
  lockLost(owner: Owner): SmartCardError;
  /** The holder of the lock, for errors. */
  lockHolder(): Holder | undefined;
}

/** What the queue works with. */
export interface TransactionQueueDeps<Owner extends TurnOwner> {
  readonly clock: Clock;
  /** The reader's unique name. */
  readonly reader: string;
  readonly host: TransactionQueueHost<Owner>;
}

/**
 * The turns on one reader. At any moment nothing, one operation, or one transaction has the turn; within a transaction
 * the holder's operations have theirs one by one. All others wait in one queue, first come, first served, and the next
 * in line is granted its turn in the very call that ends the one before: nothing polls. Only where many in a row are done
 * at once, as a thousand connects are that a transaction held up, the event loop has a turn between.
 *
 *     queue:   begin B │ transmit C │ connect D          waits for the lock and for the operation under way
 *     lock:    A (depth 2)
 *     inner:   transmit A │ end A                        the holder's own operations, in their order
 *     busy:    an operation is under way
 */
export class TransactionQueue<Owner extends TurnOwner> {
  readonly #deps: TransactionQueueDeps<Owner>;
  readonly #host: TransactionQueueHost<Owner>;
  #queue = new Set<Turn<Owner>>();
  #inner = new Set<Turn<Owner>>();
  #lock: Lock<Owner> | undefined;
  #busy = false;
  #operating: TurnContext | undefined;
  #turnNumber = 0;
  /** How many were granted theirs since the event loop had a turn. */
  #inRow = 0;
  /** Whether the next in line waits for the event loop. */
  #resting = false;

  constructor(deps: TransactionQueueDeps<Owner>) {
    this.#deps = deps;
    this.#host = deps.host;
  }

  /** The open transaction. */
  get lock(): Lock<Owner> | undefined {
    return this.#lock;
  }

  /** The waiting requests, next first. */
  get waiting(): Iterable<TurnRequest<Owner> & { readonly since: number }> {
    return this.#queue;
  }

  /** Whether an operation is under way. */
  get busy(): boolean {
    return this.#busy;
  }

  /** The context of the operation under way; undefined for the slot's own work. */
  get operating(): TurnContext | undefined {
    return this.#operating;
  }

  /**
   * Takes the turn for one operation, which the caller ends with {@link release}. Undefined where it was free; else a
   * promise that resolves when the turn has come, with the turn taken.
   */
  acquire(request: TurnRequest<Owner>, options: WaitOptions): Promise<void> | undefined {
    return this.#request(request, options, false);
  }

  /** Takes the lock, which the caller releases with {@link unlock}. Answers like {@link acquire}. */
  begin(request: TurnRequest<Owner> & { readonly owner: Owner }, options: WaitOptions): Promise<void> | undefined {
    return this.#request(request, options, true);
  }

  /** Takes the turn for work of the slot's own; only where it is free. It ends with {@link release}. */
  seize(): void {
    assert(!this.#busy, "the slot's own work began during an operation");
    this.#busy = true;
  }

  /** Ends the operation under way; the next turn is granted before this returns. */
  release(): void {
    assert(this.#busy, "an operation ended that had not begun");
    this.#busy = false;
    this.#operating = undefined;
    this.#grantNext();
  }

  /** Frees the lock at any depth. The next turn is granted at once, or when the operation under way ends. */
  unlock(): void {
    const lock = this.#lock;
    assert(lock !== undefined, "a lock was freed that was not held");
    this.#lock = undefined;
    for (const turn of this.#inner) {
      // What comes behind another begin is about the transaction that is still to come.
      if (turn.takesLock) break;
      if (turn.endsLock && turn.owner !== undefined) turn.wait.fail(this.#host.lockLost(turn.owner));
    }
    if (this.#inner.size > 0) {
      // The former holder's other operations keep the place of their arrival.
      this.#queue = new Set([...this.#inner, ...this.#queue].sort((a, b) => a.number - b.number));
      this.#inner = new Set();
    }
    this.#host.lockFreed(lock);
    this.#grantNext();
  }

  /** Gives the slot's own work, or the next in line, its turn if it is free. */
  pump(): void {
    this.#grantNext();
  }

  /** Ends the waits for a turn that `which` picks, with the error that `error` makes. */
  fail(which: (request: TurnRequest<Owner>) => boolean, error: (request: TurnRequest<Owner>) => SmartCardError): void {
    for (const turn of [...this.#inner, ...this.#queue]) if (which(turn)) turn.wait.fail(error(turn));
  }

  #request(request: TurnRequest<Owner>, options: WaitOptions, takesLock: boolean): Promise<void> | undefined {
    const own = this.#lock !== undefined && this.#lock.owner === request.owner;
    const ahead = own ? this.#inner.size : this.#queue.size;
    if (!this.#busy && ahead === 0 && (own || this.#lock === undefined)) {
      this.#grant(request, takesLock);
      return undefined;
    }
    if (this.#lock !== undefined && !own && request.refusedBesideLock) return Promise.reject(this.#beside(request));
    if (options.signal?.aborted) return Promise.reject(abortedError(request.operation, options.signal));
    if (options.timeoutMs === 0) return Promise.reject(this.#timedOut(request));
    // What waits for the holder's own operations ends with them.
    if (!own && options.timeoutMs === undefined && this.#wouldNeverEnd(request.context)) {
      return Promise.reject(this.#deadlock(request));
    }
    // The end of a transaction does not count against the wait limit: the holder must be able to free the lock.
    const isFull = request.context.waits.size >= request.context.waitLimit;
    if (isFull && !request.endsLock) return Promise.reject(this.#tooMany(request));
    return this.#enqueue(request, options, takesLock, own);
  }

  #enqueue(request: TurnRequest<Owner>, options: WaitOptions, takesLock: boolean, own: boolean): Promise<void> {
    const { context, operation } = request;
    const wait = new PromisedWait<void>(
      {
        clock: this.#deps.clock,
        waits: request.endsLock ? new Set() : context.waits,
        operation,
        timedOut: () => this.#timedOut(request),
        ended: () => {
          if (context.waitingFor === this) context.waitingFor = undefined;
          this.#queue.delete(turn);
          this.#inner.delete(turn);
          if (turn.isForLock) this.#host.lockWaited(turn);
        },
      },
      options,
    );
    const turn: Turn<Owner> = {
      ...request,
      number: this.#turnNumber++,
      since: this.#deps.clock.now(),
      takesLock,
      wait,
      isForLock: !own && (takesLock || this.#lock !== undefined),
    };
    if (context.oneAtATime && options.timeoutMs === undefined) context.waitingFor = this;
    (own ? this.#inner : this.#queue).add(turn);
    return wait.promise;
  }

  #grantNext(): void {
    while (!this.#busy) {
      this.#host.runPendingWork();
      if (this.#busy) return;
      const [turn] = this.#lock === undefined ? this.#queue : this.#inner;
      if (turn === undefined || this.#mustRest()) return;
      this.#grant(turn, turn.takesLock);
      turn.wait.resolve();
    }
  }

  #grant({ context, owner }: TurnRequest<Owner>, takesLock: boolean): void {
    if (takesLock && owner !== undefined) {
      this.#takeLock(owner);
      return;
    }
    this.#busy = true;
    this.#operating = context;
  }

  /** Where time is simulated without turns of the event loop there is no rest. */
  #mustRest(): boolean {
    const { breathe } = this.#deps.clock;
    if (breathe === undefined) return false;
    if (this.#inRow >= GRANTED_IN_ROW) this.#resting = true;
    else if (this.#inRow++ === 0) void breathe.call(this.#deps.clock).then(() => this.#rowEnds());
    return this.#resting;
  }

  #rowEnds(): void {
    this.#inRow = 0;
    if (!this.#resting) return;
    this.#resting = false;
    this.#grantNext();
  }

  #takeLock(owner: Owner): void {
    if (this.#lock !== undefined) {
      this.#lock.depth++;
      return;
    }
    this.#lock = { owner, depth: 1, due: asked("leave"), since: this.#deps.clock.now() };
    for (const turn of this.#queue) {
      if (turn.owner === owner) {
        this.#queue.delete(turn);
        this.#inner.add(turn);
      } else turn.isForLock = true;
    }
    this.#host.lockGranted(this.#lock);
    for (const turn of this.#queue) if (turn.refusedBesideLock) turn.wait.fail(this.#beside(turn));
  }

  /**
   * Whether only the waiter itself could end a wait for this lock: its holder is the waiter, or a one-at-a-time context
   * that waits, without deadline, for a lock of which the same is true.
   */
  #wouldNeverEnd(waiter: TurnContext): boolean {
    if (!waiter.oneAtATime) return false;
    const seen = new Set<TransactionQueue<TurnOwner>>();
    for (let queue: TransactionQueue<TurnOwner> | undefined = this; queue !== undefined && !seen.has(queue); ) {
      seen.add(queue);
      const holder: TurnContext | undefined = queue.#lock?.owner.context;
      if (holder === waiter) return true;
      queue = holder?.waitingFor;
    }
    return false;
  }

  #timedOut(request: TurnRequest): SmartCardError {
    const holder = this.#host.lockHolder();
    const why = holder === undefined ? "" : `: ${describeHolder(holder)}`;
    return this.#error("timeout", `${request.operation} did not get its turn in the time given${why}`, request);
  }

  #beside(request: TurnRequest): SmartCardError {
    const holder = this.#host.lockHolder();
    const why = holder === undefined ? "" : `: ${describeHolder(holder)}`;
    return this.#error("sharing-violation", `${request.operation} is refused beside a transaction${why}`, request);
  }

  #deadlock(request: TurnRequest): SmartCardError {
    const message = `${request.operation} would wait for a lock that only this context, which can do one thing at a time, could free`;
    return this.#error("sharing-violation", message, request);
  }

  #tooMany({ context, operation }: TurnRequest): SmartCardError {
    return tooManyWaits(context.waitLimit, { reader: this.#deps.reader, operation });
  }

  #error(code: "timeout" | "sharing-violation", message: string, request: TurnRequest): SmartCardError {
    const holder = this.#host.lockHolder();
    const details = { reader: this.#deps.reader, operation: request.operation, ...(holder && { holder }) };
    return new SmartCardError(code, message, details);
  }
}
