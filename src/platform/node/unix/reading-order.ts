// SPDX-License-Identifier: MIT

import type { Clock } from "../../../port/index.ts";

/** How a connection is read from. */
export interface ReadSource {
  readonly fd: number;
  /** Whose it is; undefined where the system does not tell. */
  readonly uid: number | undefined;
  /** Lets the event loop read from it. */
  read(): void;
  /** Keeps the event loop from reading from it. */
  hold(): void;
}

/** What reading in turn depends on. */
export interface ReadingOrderDeps {
  readonly clock: Clock;
  /**
   * Which of these descriptors have bytes to be read, or have come to their end: true at their places. What it returns
   * is valid until the next call.
   */
  readable(fds: readonly number[]): readonly boolean[];
  /** So many reads of one user fit in one turn of the event loop. A user with fewer connections is never held back. */
  readonly atOnce?: number;
}

/** As many as are served in a turn of the event loop: what is read beyond them would wait. */
const READS_AT_ONCE = 8;

/** The system is asked about so many descriptors at once. */
export const ASKED_AT_ONCE = 128;

/** So many are asked about in one look. Of more, the rest is asked about in the next. */
const ASKED_IN_A_LOOK = 2 * ASKED_AT_ONCE;

/** How often those that are held are looked at, in milliseconds. */
const LOOK_MS = 2;

/** How long a user stays held back after the last time that more came than fits, in milliseconds. */
const CALM_MS = 1000;

/**
 * Bounds what one user makes the event loop read in one turn. The loop reads all sockets that have something: a thousand
 * clients of one user that send at once, or leave at once, would keep the others waiting for as long as that takes.
 *
 * A user who has more to read in one turn than fits is held back: the loop reads from none of the user's connections by itself,
 * the system is asked which of them have something, and so many as fit are read in each turn, one after the other. When no more came than
 * fits for a second, the loop reads from all of them again.
 */
export class ReadingOrder {
  readonly #deps: ReadingOrderDeps;
  readonly #users = new Map<number | undefined, UserReading>();

  constructor(deps: ReadingOrderDeps) {
    this.#deps = deps;
  }

  /** The turns of a connection, which is not read from before they are asked for. */
  turnsOf(source: ReadSource): ReadingTurns {
    return new ReadingTurns(source, (turns) => this.#userOf(turns));
  }

  #userOf({ source: { uid } }: ReadingTurns): UserReading {
    let user = this.#users.get(uid);
    if (user === undefined) {
      user = new UserReading(this.#deps, () => this.#users.delete(uid));
      this.#users.set(uid, user);
    }
    return user;
  }
}

/** When one connection is read from. */
export class ReadingTurns {
  readonly source: ReadSource;
  readonly #find: (turns: ReadingTurns) => UserReading;
  #user: UserReading | undefined;
  /** Its place among those of its user. */
  index = 0;
  /** Whether it waits for its turn. */
  isHeld = false;

  constructor(source: ReadSource, find: (turns: ReadingTurns) => UserReading) {
    this.source = source;
    this.#find = find;
  }

  /** It is to be read from: at once, or in its turn. A second call has no effect. */
  begin(): void {
    if (this.#user !== undefined) return;
    this.#user = this.#find(this);
    this.#user.add(this);
  }

  /** It is not to be read from any more. */
  end(): void {
    const user = this.#user;
    this.#user = undefined;
    user?.remove(this);
  }

  /** It was read from, or has come to its end. */
  happened(): void {
    this.#user?.happened(this);
  }
}

/** The connections of one user that are to be read from. */
class UserReading {
  readonly #clock: Clock;
  readonly #readable: ReadingOrderDeps["readable"];
  readonly #atOnce: number;
  readonly #breathe: () => Promise<void>;
  readonly #forget: () => void;
  readonly #all: ReadingTurns[] = [];
  /** The place of the next one to read. */
  #next = 0;
  /** How many may read, while the user is held back. */
  #reading = 0;
  /** Reads in this turn of the event loop. */
  #reads = 0;
  /** Whether a turn of the event loop is waited for. */
  #isWaiting = false;
  /** When more had come than fits, the last time; undefined for a user who is not held back. */
  #calmSince: number | undefined;
  /** What the system is asked about. */
  readonly #asked: ReadingTurns[] = [];
  readonly #fds: number[] = [];

  constructor({ atOnce = READS_AT_ONCE, clock, readable }: ReadingOrderDeps, forget: () => void) {
    this.#clock = clock;
    this.#readable = readable;
    this.#atOnce = atOnce;
    this.#forget = forget;
    // A simulated clock has no turns of the event loop.
    this.#breathe = clock.breathe?.bind(clock) ?? (() => Promise.resolve());
  }

  add(turns: ReadingTurns): void {
    turns.index = this.#all.push(turns) - 1;
    turns.isHeld = this.#calmSince !== undefined;
    if (turns.isHeld) turns.source.hold();
    else turns.source.read();
  }

  remove(turns: ReadingTurns): void {
    const last = this.#all.pop();
    if (last !== undefined && last !== turns) {
      this.#all[turns.index] = last;
      last.index = turns.index;
    }
    if (this.#calmSince !== undefined) {
      if (!turns.isHeld) this.#reading--;
    } else if (this.#all.length === 0) {
      this.#forget();
    }
  }

  happened(turns: ReadingTurns): void {
    if (this.#calmSince !== undefined) {
      if (turns.isHeld) return;
      this.#reading--;
      turns.isHeld = true;
      turns.source.hold();
      this.#wait();
      return;
    }
    if (this.#all.length <= this.#atOnce) return;
    this.#next = turns.index + 1;
    if (++this.#reads <= this.#atOnce) this.#wait();
    else this.#holdBack();
  }

  #holdBack(): void {
    this.#calmSince = this.#clock.now();
    this.#reading = 0;
    for (const turns of this.#all) {
      turns.isHeld = true;
      turns.source.hold();
    }
    this.#wait();
    this.#lookLater();
  }

  #letGo(): void {
    this.#calmSince = undefined;
    for (const turns of this.#all) {
      turns.isHeld = false;
      turns.source.read();
    }
    if (this.#all.length === 0) this.#forget();
  }

  #lookLater(): void {
    const look = (): void => {
      this.#look();
      if (this.#clock.now() - (this.#calmSince ?? 0) < CALM_MS) this.#lookLater();
      else this.#letGo();
    };
    this.#clock.schedule(LOOK_MS, "unix-read", look, { background: true });
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    void this.#breathe().then(() => {
      this.#isWaiting = false;
      this.#reads = 0;
      if (this.#calmSince !== undefined) this.#look();
    });
  }

  /** Lets the event loop read from so many as fit, of those that have something. */
  #look(): void {
    let left = Math.min(this.#all.length, ASKED_IN_A_LOOK);
    while (left > 0 && this.#reading < this.#atOnce) {
      const passed = Math.min(left, ASKED_AT_ONCE);
      this.#collect(passed);
      left -= passed;
      this.#next = (this.#next + passed) % this.#all.length;
      if (this.#asked.length === 0) continue;
      const readable = this.#readable(this.#fds);
      for (let place = 0; place < this.#asked.length; place++) {
        const turns = this.#asked[place];
        if (turns === undefined || readable[place] !== true) continue;
        if (this.#reading === this.#atOnce) {
          // It is the first of the next turn.
          this.#next = turns.index;
          this.#calmSince = this.#clock.now();
          break;
        }
        this.#reading++;
        turns.isHeld = false;
        turns.source.read();
      }
    }
  }

  /** Collects those of the next so many that are held. */
  #collect(many: number): void {
    this.#asked.length = 0;
    this.#fds.length = 0;
    if (this.#next >= this.#all.length) this.#next = 0;
    for (let count = 0; count < many; count++) {
      const turns = this.#all[(this.#next + count) % this.#all.length];
      if (turns === undefined || !turns.isHeld) continue;
      this.#asked.push(turns);
      this.#fds.push(turns.source.fd);
    }
  }
}
