// SPDX-License-Identifier: MIT

/** How many answers one other client may get before a waiting client is served: those of two turns of the event loop. */
const MAX_ANSWERS_BESIDE = 32;

interface Waiting {
  /** Answers sent to each other client meanwhile. */
  readonly beside: Map<string, number>;
}

/**
 * Checks the order in which the service serves clients. While a complete request of a program waits only for the service (not for
 * the manager), no other program may get more than a few answers, regardless of what it has sent ahead.
 */
export class Fairness {
  readonly #waiting = new Map<string, Waiting>();
  readonly #violated: (what: string) => void;

  constructor(violated: (what: string) => void) {
    this.#violated = violated;
  }

  /** A request of a program has arrived whole, and is to be answered at once or handed to the manager. */
  arrived(client: string): void {
    if (!this.#waiting.has(client)) this.#waiting.set(client, { beside: new Map() });
  }

  /** The service has served that program: it has sent it something, has passed its request to the manager, or has lost it. */
  turnedTo(client: string): void {
    this.#waiting.delete(client);
  }

  /** The service has sent an answer to a program. */
  answered(client: string): void {
    this.turnedTo(client);
    for (const [other, { beside }] of this.#waiting) {
      const answers = (beside.get(client) ?? 0) + 1;
      beside.set(client, answers);
      if (answers > MAX_ANSWERS_BESIDE)
        this.#violated(`${other} waits for the service, and ${client} has had ${answers} answers meanwhile`);
    }
  }

  /** All due work is done: remaining requests wait for something else. */
  settle(): void {
    this.#waiting.clear();
  }
}
