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
} from "../pcsc/index.ts";
import type { ClientLimits } from "./limits.ts";
import type { Answer } from "./links.ts";

/** A request that may be refused while another connection has a transaction. */
export interface Contest<T extends Answer> {
  readonly setting: WaitDeps;
  readonly options: WaitOptions;
  /** The number that {@link ReaderTurns.ticket} gave when the call was made. */
  readonly ticket: number;
  /** The connection that it is made on: it has one request under way at a time. */
  readonly owner: TurnOwner;
  readonly ask: () => Promise<T>;
  /** Ends a request that the service holds unanswered. */
  readonly interrupt: () => void;
}

/** A connection, as far as turns are concerned. */
export interface TurnOwner {
  /** Whether it has the transaction, and goes before those who wait for it to end. */
  readonly inTransaction: boolean;
  /** Whether a request of its is under way: the next one would stand behind it, where no deadline finds it. */
  readonly isBusy: boolean;
}

interface Contender {
  readonly ticket: number;
  readonly owner: TurnOwner;
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
export class ReaderTurns {
  /** Exchanges that this process has completed. */
  exchanges = 0;
  /** Connections that are open. */
  connections = 0;
  readonly #clock: Clock;
  readonly #retryMs: number;
  /** By their tickets. */
  readonly #queue: Contender[] = [];
  readonly #holders = new Set<TurnOwner>();
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
  taken(owner: TurnOwner): void {
    this.#holders.add(owner);
  }

  /** One of ours has no transaction any more. */
  freed(owner: TurnOwner): void {
    if (this.#holders.delete(owner)) this.look();
  }

  /** Wakes the calls that may continue after a change. */
  look(): void {
    for (const contender of this.#queue) if (contender.wake !== undefined && this.#mayAsk(contender)) contender.wake();
  }

  /**
   * Makes a request until it is not refused any more.
   *
   * @throws timeout, cancelled, and what asking throws. A request that the service has taken before it learnt of that is
   * carried out, and its answer is the result.
   */
  async contest<T extends Answer>({ ask, interrupt, options, owner, setting, ticket }: Contest<T>): Promise<T> {
    const contender: Contender = { ticket, owner, wake: undefined };
    let asking = false;
    let givenUp: SmartCardError | undefined;
    const wait = new Wait(setting, options, (error) => {
      givenUp = error;
      if (asking) interrupt();
      else contender.wake?.();
    });
    // A function, because the compiler cannot know that the wait writes the variable while we sleep.
    const check = (): void => {
      if (givenUp !== undefined) throw givenUp;
    };
    this.#enqueue(contender);
    try {
      for (const pauses = new GrowingPause(FIRST_PAUSE_MS, this.#retryMs); ; ) {
        const pauseMs = pauses.next();
        if (!this.#mayAsk(contender)) await this.#untilItMayAsk(contender, wait);
        check();
        asking = true;
        const began = this.#clock.now();
        const answer = await ask();
        asking = false;
        if (!isRefusal(answer.rv)) return answer;
        check();
        if (this.#clock.now() - began < HELD_MS) await this.#sleep(contender, pauseMs);
      }
    } finally {
      wait.over();
      this.#queue.splice(this.#queue.indexOf(contender), 1);
      this.look();
    }
  }

  async #untilItMayAsk(contender: Contender, wait: Wait): Promise<void> {
    while (wait.lasts && !this.#mayAsk(contender)) {
      // Only the first asks now and then whether our own transaction is one still: the service may have ended it.
      if (this.#queue[0] !== contender || contender.owner.isBusy) await this.#sleep(contender);
      else if (await this.#sleep(contender, OWN_TRANSACTION_MS)) return;
    }
  }

  #mayAsk(contender: Contender): boolean {
    const { owner } = contender;
    if (owner.isBusy) return false;
    for (const earlier of this.#queue) {
      if (earlier === contender) break;
      if (earlier.owner === owner || !owner.inTransaction) return false;
    }
    return owner.inTransaction || this.#holders.size === 0;
  }

  /** Puts it where the order of the calls wants it. */
  #enqueue(contender: Contender): void {
    let at = this.#queue.length;
    while (at > 0 && (this.#queue[at - 1]?.ticket ?? 0) > contender.ticket) at--;
    this.#queue.splice(at, 0, contender);
  }

  /** Sleeps until it is woken, or for a time; answers whether that has passed. */
  #sleep(contender: Contender, ms?: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (timeHasPassed: boolean): void => {
        contender.wake = undefined;
        cancelTimer?.();
        resolve(timeHasPassed);
      };
      contender.wake = () => end(false);
      const cancelTimer =
        ms === undefined ? undefined : this.#clock.schedule(ms, "transaction of another", () => end(true));
    });
  }
}

/** The turns of all readers that this process has had connections to, up to a limit. */
export class ProcessTurns {
  readonly #clock: Clock;
  readonly #limits: ClientLimits;
  readonly #turns = new Map<string, ReaderTurns>();

  constructor(clock: Clock, limits: ClientLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Those of one reader, by its name without regard to case. */
  of(reader: string): ReaderTurns {
    const key = readerKey(reader);
    const known = this.#turns.get(key);
    if (known !== undefined) return known;
    for (const [name, turns] of this.#turns) {
      if (this.#turns.size < this.#limits.rememberedReaders) break;
      if (turns.connections === 0 && turns.isFree) this.#turns.delete(name);
    }
    const turns = new ReaderTurns(this.#clock, this.#limits.retryMs);
    this.#turns.set(key, turns);
    return turns;
  }
}
