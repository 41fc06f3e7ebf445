// SPDX-License-Identifier: MIT

import type { Clock } from "../../../port/index.ts";

/** A connection that is read from in its turn. */
export interface ReadInTurn {
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
  /** Which of these descriptors have bytes to be read, or have come to their end: their indexes. */
  readable(fds: readonly number[]): readonly number[];
  /** So many reads of one user fit in one turn of the event loop. A user with fewer connections is never held back. */
  readonly atOnce?: number;
}

/** The connections of one user. */
interface Reader {
  /** Those that the event loop may read from. With many of them, those that were read from last are at the end. */
  readonly reading: Set<ReadInTurn>;
  /** Those that wait for their turn, while the user is held back. */
  readonly held: Set<ReadInTurn>;
  /** Reads in this turn of the event loop. */
  reads: number;
  /** Whether a turn of the event loop is waited for. */
  isWaiting: boolean;
  /** Since when no more had come than fits; undefined for a user who is not held back. */
  calmSince: number | undefined;
}

/** A read costs some microseconds, so that these take less time than what is served in a turn of the event loop. */
const READS_AT_ONCE = 32;

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
  readonly #clock: Clock;
  readonly #readable: ReadingOrderDeps["readable"];
  readonly #atOnce: number;
  readonly #breathe: () => Promise<void>;
  readonly #readers = new Map<number | undefined, Reader>();

  constructor({ atOnce = READS_AT_ONCE, clock, readable }: ReadingOrderDeps) {
    this.#clock = clock;
    this.#readable = readable;
    this.#atOnce = atOnce;
    // A simulated clock has no turns of the event loop.
    this.#breathe = clock.breathe?.bind(clock) ?? (() => Promise.resolve());
  }

  /** A connection is to be read from: at once, or in its turn. A second call has no effect. */
  add(connection: ReadInTurn): void {
    const reader = this.#readerOf(connection.uid);
    if (reader.reading.has(connection) || reader.held.has(connection)) return;
    if (reader.calmSince === undefined) {
      reader.reading.add(connection);
      connection.read();
    } else {
      reader.held.add(connection);
      connection.hold();
    }
  }

  /** A connection is not to be read from any more. */
  remove(connection: ReadInTurn): void {
    const reader = this.#readers.get(connection.uid);
    if (reader === undefined) return;
    reader.reading.delete(connection);
    reader.held.delete(connection);
    if (reader.reading.size > 0 || reader.held.size > 0 || reader.calmSince !== undefined) return;
    this.#readers.delete(connection.uid);
  }

  /** A connection was read from, or has come to its end. */
  happened(connection: ReadInTurn): void {
    const reader = this.#readers.get(connection.uid);
    if (reader === undefined) return;
    if (reader.calmSince !== undefined) {
      if (!reader.reading.delete(connection)) return;
      reader.held.add(connection);
      connection.hold();
      this.#wait(reader);
      return;
    }
    if (reader.reading.size <= this.#atOnce) return;
    if (reader.reading.delete(connection)) reader.reading.add(connection);
    if (++reader.reads <= this.#atOnce) this.#wait(reader);
    else this.#holdBack(reader, connection.uid);
  }

  #readerOf(uid: number | undefined): Reader {
    const known = this.#readers.get(uid);
    if (known !== undefined) return known;
    const sets = { reading: new Set<ReadInTurn>(), held: new Set<ReadInTurn>() };
    const reader: Reader = { ...sets, reads: 0, isWaiting: false, calmSince: undefined };
    this.#readers.set(uid, reader);
    return reader;
  }

  #holdBack(reader: Reader, uid: number | undefined): void {
    reader.calmSince = this.#clock.now();
    for (const connection of reader.reading) {
      reader.held.add(connection);
      connection.hold();
    }
    reader.reading.clear();
    this.#wait(reader);
    this.#lookLater(reader, uid);
  }

  #lookLater(reader: Reader, uid: number | undefined): void {
    const look = (): void => {
      this.#look(reader);
      if (this.#clock.now() - (reader.calmSince ?? 0) < CALM_MS) this.#lookLater(reader, uid);
      else this.#letGo(reader, uid);
    };
    this.#clock.schedule(LOOK_MS, "unix-read", look, { background: true });
  }

  #letGo(reader: Reader, uid: number | undefined): void {
    reader.calmSince = undefined;
    for (const connection of reader.held) {
      reader.reading.add(connection);
      connection.read();
    }
    reader.held.clear();
    if (reader.reading.size === 0) this.#readers.delete(uid);
  }

  #wait(reader: Reader): void {
    if (reader.isWaiting) return;
    reader.isWaiting = true;
    void this.#breathe().then(() => {
      reader.isWaiting = false;
      reader.reads = 0;
      if (reader.calmSince !== undefined) this.#look(reader);
    });
  }

  /** Lets the event loop read from so many as fit, of those that have something. */
  #look(reader: Reader): void {
    const { held, reading } = reader;
    let left = Math.min(held.size, ASKED_IN_A_LOOK);
    while (left > 0 && reading.size < this.#atOnce) {
      const asked = firstOf(held, Math.min(left, ASKED_AT_ONCE));
      left -= asked.length;
      const ready = new Set(this.#readable(asked.map(({ fd }) => fd)));
      for (const [index, connection] of asked.entries()) {
        if (!ready.has(index)) {
          // Behind those that were not looked at.
          held.delete(connection);
          held.add(connection);
        } else if (reading.size < this.#atOnce) {
          held.delete(connection);
          reading.add(connection);
          connection.read();
        } else {
          // It is the first of the next turn.
          reader.calmSince = this.#clock.now();
        }
      }
    }
  }
}

function firstOf<T>(all: Iterable<T>, count: number): T[] {
  const first: T[] = [];
  for (const one of all) {
    if (first.length >= count) break;
    first.push(one);
  }
  return first;
}
