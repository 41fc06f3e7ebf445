// SPDX-License-Identifier: MIT

import type { ClientIdentity, Clock } from "../../port/index.ts";

/** A session with work: an answer to make, or one to send. */
export interface Served {
  readonly identity: Pick<ClientIdentity, "pid" | "uid">;
  /** Does one thing, and asks for another turn where there is more. Never throws. */
  serve(): void;
}

/** Programs of one user, and the sessions of each. A program or a user without a number is one of its own. */
type Programs = Map<number | undefined, Set<Served>>;

/**
 * Whose turn it is: users in a circle, for each of them its programs in a circle, and for each of those its sessions. After
 * a number of turns, or some time, the event loop goes on, so that other clients are read, timers run and connections that have ended are
 * noticed.
 *
 * Work runs at once where nothing else waits.
 */
export class ServingOrder {
  readonly #clock: Clock;
  readonly #perTurn: number;
  readonly #turnMs: number;
  readonly #breathe: () => Promise<void>;
  readonly #users = new Map<number | undefined, Programs>();
  /** The turn of the event loop that the next three are about, where the clock tells. */
  #turn: number | undefined;
  #left: number;
  /** When serving began in that turn. */
  #since: number | undefined;
  /** What serving has taken since the event loop had its turn. */
  #spentMs = 0;
  #serving = false;
  #breathing = false;

  /** @param perTurn how many are served before the event loop has a turn, and `turnMs` for how long, in milliseconds: whichever comes first */
  constructor(clock: Clock, { perTurn, turnMs }: { readonly perTurn: number; readonly turnMs: number }) {
    this.#clock = clock;
    this.#perTurn = perTurn;
    this.#turnMs = turnMs;
    this.#left = perTurn;
    // A simulated clock has no turns of the event loop.
    this.#breathe = clock.breathe?.bind(clock) ?? (() => Promise.resolve());
  }

  /** Queues a session for a turn. A second call has no effect. */
  ready(served: Served): void {
    // Most often nothing else waits, and it need not be queued.
    if (this.#users.size === 0 && !this.#serving && !this.#breathing) {
      this.#serve(served);
      return;
    }
    this.#queue(served);
    this.#serve();
  }

  #queue(served: Served): void {
    const { pid, uid } = served.identity;
    const programs = entry(this.#users, uid, (): Programs => new Map());
    entry(programs, pid, () => new Set<Served>()).add(served);
  }

  /** Runs what belongs to a user, once, when it is the user's turn. It must not throw. */
  inTurn(identity: Served["identity"], work: () => void): void {
    this.ready({ identity, serve: work });
  }

  /** Removes a session without further work. */
  remove(served: Served): void {
    const { pid, uid } = served.identity;
    const programs = this.#users.get(uid);
    const sessions = programs?.get(pid);
    if (programs === undefined || sessions === undefined) return;
    sessions.delete(served);
    if (sessions.size === 0) programs.delete(pid);
    if (programs.size === 0) this.#users.delete(uid);
  }

  /** @param first what is served before those that are queued */
  #serve(first?: Served): void {
    if (this.#serving || this.#breathing) return;
    this.#serving = true;
    const turn = this.#clock.turns?.();
    if (turn !== this.#turn) this.#begin(turn);
    // Where the turns are not told, only the time of the serving itself is known to belong to this one.
    const isTold = turn !== undefined;
    const before = isTold ? 0 : this.#spentMs;
    const began = (isTold ? this.#since : undefined) ?? this.#clock.now();
    this.#since = began;
    let unserved = first;
    while (this.#left > 0 && this.#spentMs < this.#turnMs) {
      const next = unserved ?? this.#next();
      unserved = undefined;
      if (next === undefined) break;
      this.#left--;
      next.serve();
      // Where nothing waits the time is not needed: the next turn begins anew.
      if (isTold && this.#users.size === 0) break;
      this.#spentMs = before + this.#clock.now() - began;
    }
    this.#serving = false;
    if (unserved !== undefined) this.#queue(unserved);
    if (this.#users.size === 0) return;
    this.#breathing = true;
    void this.#breathe().then(() => {
      this.#breathing = false;
      this.#begin(this.#clock.turns?.());
      this.#serve();
    });
  }

  /** The event loop has had its turn. */
  #begin(turn: number | undefined): void {
    this.#turn = turn;
    this.#left = this.#perTurn;
    this.#since = undefined;
    this.#spentMs = 0;
  }

  /** Removes the next session. Its user and its program go to the end of their queues. */
  #next(): Served | undefined {
    const [user] = this.#users;
    if (user === undefined) return undefined;
    const [uid, programs] = user;
    const [program] = programs;
    const [next] = program?.[1] ?? [];
    if (program === undefined || next === undefined) return undefined;
    const [pid, sessions] = program;
    sessions.delete(next);
    programs.delete(pid);
    if (sessions.size > 0) programs.set(pid, sessions);
    this.#users.delete(uid);
    if (programs.size > 0) this.#users.set(uid, programs);
    return next;
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
