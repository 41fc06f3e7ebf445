// SPDX-License-Identifier: MIT

import { ReadingOrder } from "../src/platform/node/unix/index.ts";
import type { Clock } from "../src/port/index.ts";
import type { Pipe } from "./pipe.ts";

/** So few reads fit in a turn that two clients that send at the same time are too many. */
const AT_ONCE = 1;

/** When the service reads from one connection. */
export interface Reading {
  begin(): void;
  end(): void;
  happened(): void;
}

/** The connections of one user, that the service reads from in turn. */
export class SharedReading {
  readonly #clock: Clock;
  readonly #order: ReadingOrder;
  /** The pipes by their descriptors. */
  readonly #pipes: Pipe[] = [];
  readonly #heldBack: () => void;

  /** @param heldBack called whenever a connection has to wait for its turn */
  constructor(clock: Clock, heldBack: () => void) {
    this.#clock = clock;
    this.#heldBack = heldBack;
    const readable = (fds: readonly number[]): boolean[] => fds.map((fd) => this.#pipes[fd]?.isReadable === true);
    this.#order = new ReadingOrder({ clock, readable, atOnce: AT_ONCE });
  }

  /** A connection whose bytes come through this pipe. */
  join(pipe: Pipe): Reading {
    let wanted = false;
    const stop = (): void => {
      wanted = false;
      pipe.stall(true);
    };
    const read = (): void => {
      wanted = true;
      // The event loop reads, later.
      this.#clock.schedule(0, "read", () => wanted && pipe.stall(false));
    };
    const hold = (): void => {
      this.#heldBack();
      stop();
    };
    const turns = this.#order.turnsOf({ fd: this.#pipes.push(pipe) - 1, uid: undefined, read, hold });
    const end = (): void => {
      turns.end();
      stop();
    };
    return { begin: () => turns.begin(), end, happened: () => turns.happened() };
  }
}
