// SPDX-License-Identifier: MIT

import {
  type Clock,
  type Connection,
  type Context,
  type ErrorCode,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";
import { HeldRequest } from "./held-request.ts";
import type { ServerLimits } from "./limits.ts";

/** A connection of a session, and the turn that is kept for it. */
export interface HeldConnection {
  readonly connection: Connection;
  /** A transaction that is waited for, or held, on the client's behalf until its next try. */
  turn: HeldRequest<void> | undefined;
  /** A reconnect that is waited for; `key` tells whether the next try asks for the same. */
  reconnect: { readonly key: string; readonly wait: HeldRequest<void> } | undefined;
}

/**
 * Waits for the card on behalf of clients that cannot wait: the client library locks its context while a request
 * is unanswered, and tries every 100 ms when it is told that the card is taken.
 *
 * A request is held unanswered for a while, if the context has no other reader whose use it could hold up; after that
 * the client is told to try again, and its place in the queue is kept. See docs/decisions/0010-held-requests.md.
 */
export class HeldRequests {
  readonly #clock: Clock;
  readonly #limits: ServerLimits;
  /** The wait that a request is being held for. */
  #holding: { abandon(error: SmartCardError): void } | undefined;

  constructor(clock: Clock, limits: ServerLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Ends the request that is being held, if there is one. */
  cancel(code: ErrorCode, message: string): void {
    this.#holding?.abandon(new SmartCardError(code, message));
  }

  /** Drops the places kept for connections. */
  end(connections: Iterable<HeldConnection>): void {
    for (const { turn, reconnect } of connections) {
      for (const kept of [turn, reconnect?.wait]) kept?.abandon(new SmartCardError("cancelled", "the client is gone"));
    }
  }

  /** Takes the lock for a client. @throws sharing-violation: it is to try again, and its place is kept */
  async begin(held: HeldConnection, alone: boolean): Promise<void> {
    const { connection } = held;
    if (held.turn === undefined && (await triedAtOnce((wait) => connection.beginTransaction(wait))).done) return;
    await this.#claim(this.#turnOf(held), this.#holdMs(alone));
  }

  /** Runs one operation of a client in its turn. @throws sharing-violation, as begin, and what the operation throws */
  async operate<T>(held: HeldConnection, alone: boolean, run: (wait: WaitOptions) => Promise<T>): Promise<T> {
    if (held.turn === undefined) {
      try {
        return await run(atOnce);
      } catch (error) {
        if (!hasToWait(error)) throw error;
      }
    }
    await this.#claim(this.#turnOf(held), this.#holdMs(alone));
    try {
      return await run({});
    } finally {
      await giveBack(held.connection);
    }
  }

  /**
   * Runs a request that the client's library does not repeat: at once, or when its turn comes, without a limit, since no
   * place could be kept. Refusals are the manager's: with pcsc-lite's profile nothing has to wait here.
   *
   * @throws what the operation throws
   */
  async once<T>(run: (wait: WaitOptions) => Promise<T>): Promise<T> {
    const tried = await triedAtOnce(run);
    if (tried.done) return tried.value;
    return this.#claim(
      this.#held<T>(run, () => {}),
      undefined,
    );
  }

  /**
   * Connects for a client. The library does not try a connect again, so it is held as long as it takes, as pcscd does.
   *
   * @throws as connect
   */
  async connect(
    context: Context,
    connect: (context: Context, wait: WaitOptions) => Promise<Connection>,
  ): Promise<Connection> {
    const tried = await triedAtOnce((wait) => connect(context, wait));
    if (tried.done) return tried.value;
    const undo = (connection: Connection): void => void connection.disconnect("leave").catch(() => {});
    const wait = this.#held<Connection>((options) => connect(context, options), undo);
    return this.#claim(wait, undefined);
  }

  /** Reconnects for a client. @throws sharing-violation, as begin, and as reconnect */
  async reconnect(
    held: HeldConnection,
    key: string,
    alone: boolean,
    reconnect: (wait: WaitOptions) => Promise<void>,
  ): Promise<void> {
    if (held.reconnect?.key !== key) {
      held.reconnect?.wait.abandon(new SmartCardError("cancelled", "the client asks for something else"));
      const tried = await triedAtOnce(reconnect);
      if (tried.done) return;
      const wait = new HeldRequest<void>({
        clock: this.#clock,
        graceMs: this.#limits.graceMs,
        begin: (signal) => reconnect({ signal }),
        unclaimed: () => {},
        over: () => {
          held.reconnect = undefined;
        },
      });
      held.reconnect = { key, wait };
    }
    await this.#claim(held.reconnect.wait, this.#holdMs(alone));
  }

  /** A wait that is held until it ends: nothing is kept of it. */
  #held<T>(run: (wait: WaitOptions) => Promise<T>, unclaimed: (value: T) => void): HeldRequest<T> {
    const begin = (signal: AbortSignal): Promise<T> => run({ signal });
    return new HeldRequest<T>({ clock: this.#clock, graceMs: this.#limits.graceMs, begin, unclaimed, over: () => {} });
  }

  #turnOf(held: HeldConnection): HeldRequest<void> {
    held.turn ??= new HeldRequest<void>({
      clock: this.#clock,
      graceMs: this.#limits.graceMs,
      begin: (signal) => held.connection.beginTransaction({ signal }),
      unclaimed: () => void giveBack(held.connection),
      over: () => {
        held.turn = undefined;
      },
    });
    return held.turn;
  }

  #holdMs(alone: boolean): number {
    return alone ? this.#limits.holdMs : 0;
  }

  async #claim<T>(wait: HeldRequest<T>, holdMs: number | undefined): Promise<T> {
    this.#holding = wait;
    try {
      const outcome = await wait.claim(holdMs);
      if (outcome.kind === "done") return outcome.value;
      if (outcome.kind === "failed") throw outcome.error;
    } finally {
      this.#holding = undefined;
    }
    throw new SmartCardError("sharing-violation", "another client has the card; the place in the queue is kept");
  }
}

type Tried<T> = { readonly done: true; readonly value: T } | { readonly done: false };

/** What is tried at once. */
const atOnce: WaitOptions = Object.freeze({ timeoutMs: 0 });

/** A deadline of 0 that passes means that it cannot be done at once. */
function hasToWait(error: unknown): boolean {
  return error instanceof SmartCardError && error.code === "timeout";
}

/** Tries what can be done without waiting. */
async function triedAtOnce<T>(run: (wait: WaitOptions) => Promise<T>): Promise<Tried<T>> {
  try {
    return { done: true, value: await run(atOnce) };
  } catch (error) {
    if (hasToWait(error)) return { done: false };
    throw error;
  }
}

/** Ends a transaction that was held on a client's behalf. Where it has ended by itself there is nothing to end. */
async function giveBack(connection: Connection): Promise<void> {
  try {
    await connection.endTransaction("leave");
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
  }
}
