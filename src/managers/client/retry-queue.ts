// SPDX-License-Identifier: MIT

import {
  type Clock,
  errorNumber,
  GrowingPause,
  readerKey,
  type SmartCardError,
  Wait,
  type WaitDeps,
  type WaitOptions,
} from "../../port/index.ts";
import type { ClientLimits } from "./limits.ts";
import type { Answer } from "./links.ts";

/** A request that may be refused while another connection has a transaction. */
export interface RetriedRequest<T extends Answer> {
  readonly deps: WaitDeps;
  readonly options: WaitOptions;
  /** The number that {@link RetryQueue.ticket} gave when the call was made. */
  readonly ticket: number;
  /** The connection that it is made on: it has one request under way at a time. */
  readonly owner: RetryOwner;
  readonly ask: () => Promise<T>;
  /** Ends a request that the service holds unanswered. */
  readonly interrupt: () => void;
}

/** A connection, as far as the queue is concerned. */
export interface RetryOwner {
  /** Whether it has the transaction, and goes before those who wait for it to end. */
  readonly inTransaction: boolean;
  /** Whether a request of its is under way: the next one would stand behind it, where no deadline finds it. */
  readonly isBusy: boolean;
}

interface Waiter {
  readonly ticket: number;
  readonly owner: RetryOwner;
  /** Wakes it to check whether it may ask. */
  wake: (() => void) | undefined;
}

/** An answer that took this long was held by the service: the pause has been made there. */
const HELD_MS = 50;
const FIRST_PAUSE_MS = 5;
/** While one of our own has a transaction the others wait for its end; the service is asked now and then all the same. */
const OWN_TRANSACTION_MS = 1_000;

// The same numbers in both dialects.
const sharingViolation = errorNumber("sharing-violation");
const cancelled = errorNumber("cancelled");

/** Whether an answer means that the request is to be made again. A cancel that we did not ask for is one. */
export function isRefusal(rv: number): boolean {
  return rv === sharingViolation || rv === cancelled;
}

/**
 * The connections of this process to one reader, where they meet transactions. A client has no way to wait for the end of
 * another's: a request is refused, and made again. Of the calls waiting in this process only the first asks, the others
 * queue behind it in order; a card does one thing at a time, so this costs no time. While the
 * transaction is one of ours no request is sent, and when it ends the first does so at once.
 */
export class RetryQueue {
  /** Exchanges that this process has completed. */
  exchanges = 0;
  /** Connections that are open. */
  connections = 0;
  readonly #clock: Clock;
  readonly #retryMs: number;
  /** By their tickets. */
  readonly #queue: Waiter[] = [];
  readonly #holders = new Set<RetryOwner>();
  #tickets = 0;

  constructor(clock: Clock, retryMs: number) {
    this.#clock = clock;
    this.#retryMs = retryMs;
  }

  /** Whether none of our calls waits, or makes others wait. */
  get isFree(): boolean {
    return this.#queue.length === 0 && this.#holders.size === 0;
  }

  /** The place of a call among all calls. */
  ticket(): number {
    return this.#tickets++;
  }

  /** One of ours has a transaction now. */
  taken(owner: RetryOwner): void {
    this.#holders.add(owner);
  }

  /** One of ours has no transaction any more. */
  freed(owner: RetryOwner): void {
    if (this.#holders.delete(owner)) this.look();
  }

  /** Wakes the calls that may continue after a change. */
  look(): void {
    for (const waiter of this.#queue) if (waiter.wake !== undefined && this.#mayAsk(waiter)) waiter.wake();
  }

  /**
   * Makes a request until it is not refused any more.
   *
   * @throws timeout, cancelled, and what asking throws. A request that the service has taken before it learnt of that is
   * carried out, and its answer is the result.
   */
  async retry<T extends Answer>({ ask, interrupt, options, owner, deps, ticket }: RetriedRequest<T>): Promise<T> {
    const waiter: Waiter = { ticket, owner, wake: undefined };
    let asking = false;
    let givenUp: SmartCardError | undefined;
    const wait = new Wait(deps, options, (error) => {
      givenUp = error;
      if (asking) interrupt();
      else waiter.wake?.();
    });
    // A function, because the compiler cannot know that the wait writes the variable while we sleep.
    const check = (): void => {
      if (givenUp !== undefined) throw givenUp;
    };
    this.#enqueue(waiter);
    try {
      for (const pauses = new GrowingPause(FIRST_PAUSE_MS, this.#retryMs); ; ) {
        const pauseMs = pauses.next();
        if (!this.#mayAsk(waiter)) await this.#untilItMayAsk(waiter, wait);
        check();
        asking = true;
        const began = this.#clock.now();
        const answer = await ask();
        asking = false;
        if (!isRefusal(answer.rv)) return answer;
        check();
        if (this.#clock.now() - began < HELD_MS) await this.#sleep(waiter, pauseMs);
      }
    } finally {
      wait.over();
      this.#queue.splice(this.#queue.indexOf(waiter), 1);
      this.look();
    }
  }

  async #untilItMayAsk(waiter: Waiter, wait: Wait): Promise<void> {
    while (wait.lasts && !this.#mayAsk(waiter)) {
      // Only the first asks now and then whether our own transaction is one still: the service may have ended it.
      if (this.#queue[0] !== waiter || waiter.owner.isBusy) await this.#sleep(waiter);
      else if (await this.#sleep(waiter, OWN_TRANSACTION_MS)) return;
    }
  }

  #mayAsk(waiter: Waiter): boolean {
    const { owner } = waiter;
    if (owner.isBusy) return false;
    for (const earlier of this.#queue) {
      if (earlier === waiter) break;
      if (earlier.owner === owner || !owner.inTransaction) return false;
    }
    return owner.inTransaction || this.#holders.size === 0;
  }

  /** Puts it where the order of the calls wants it. */
  #enqueue(waiter: Waiter): void {
    let at = this.#queue.length;
    while (at > 0 && (this.#queue[at - 1]?.ticket ?? 0) > waiter.ticket) at--;
    this.#queue.splice(at, 0, waiter);
  }

  /** Sleeps until it is woken, or for a time; answers whether that has passed. */
  #sleep(waiter: Waiter, ms?: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (timeHasPassed: boolean): void => {
        waiter.wake = undefined;
        cancelTimer?.();
        resolve(timeHasPassed);
      };
      waiter.wake = () => end(false);
      const cancelTimer =
        ms === undefined ? undefined : this.#clock.schedule(ms, "transaction of another", () => end(true));
    });
  }
}

/** The queues of all readers that this process has had connections to, up to a limit. */
export class RetryQueues {
  readonly #clock: Clock;
  readonly #limits: ClientLimits;
  readonly #queues = new Map<string, RetryQueue>();

  constructor(clock: Clock, limits: ClientLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** That of one reader, by its name without regard to case. */
  of(reader: string): RetryQueue {
    const key = readerKey(reader);
    const known = this.#queues.get(key);
    if (known !== undefined) return known;
    for (const [name, queue] of this.#queues) {
      if (this.#queues.size < this.#limits.rememberedReaders) break;
      if (queue.connections === 0 && queue.isFree) this.#queues.delete(name);
    }
    const queue = new RetryQueue(this.#clock, this.#limits.retryMs);
    this.#queues.set(key, queue);
    return queue;
  }
}
