// SPDX-License-Identifier: MIT

import type { UnixConnection } from "../../platform/node/unix/index.ts";

/** What those who arrive are let in by. */
export interface ArrivalsDeps {
  /** Runs work in the turn of a user. */
  readonly inTurn: (uid: number | undefined, work: () => void) => void;
  /** So many of one user may wait, other than of root and of users that the system does not tell. */
  readonly perUser: number;
  readonly accept: (connection: UnixConnection) => void;
  /** Too many of a user wait, and one more was closed. */
  readonly refused: (uid: number, waiting: number) => void;
}

/**
 * Lets clients in. Who a client is takes a look into /proc: it is taken in the user's turn among all that is served, so that
 * many who come do not keep others waiting; and not at all for those who have gone by then.
 */
export class Arrivals {
  readonly #deps: ArrivalsDeps;
  readonly #waiting = new Map<number | undefined, number>();

  constructor(deps: ArrivalsDeps) {
    this.#deps = deps;
  }

  /** A connection has come, and nothing was read from it. */
  arrived(connection: UnixConnection): void {
    const { accept, inTurn, perUser, refused } = this.#deps;
    const uid = connection.credentials?.uid;
    const waiting = this.#waiting.get(uid) ?? 0;
    if (uid !== undefined && uid !== 0 && waiting >= perUser) {
      connection.close("too many clients wait to be let in", { atOnce: true });
      refused(uid, waiting);
      return;
    }
    this.#waiting.set(uid, waiting + 1);
    inTurn(uid, () => {
      const left = (this.#waiting.get(uid) ?? 1) - 1;
      if (left > 0) this.#waiting.set(uid, left);
      else this.#waiting.delete(uid);
      if (connection.isGone) connection.close("the client has gone", { atOnce: true });
      else accept(connection);
    });
  }
}
