// SPDX-License-Identifier: MIT

/** How many answers one other client may get before one that has asked as well has its turn: two turns of the event loop's worth. */
const maxAnswersBeside = 32;

interface Waiting {
  /** Answers that each other client was sent meanwhile. */
  readonly beside: Map<string, number>;
}

/**
 * Judges whom the service serves first. A program whose whole request has arrived, which is not with the manager yet and has no
 * answer, waits for the service alone: no other program may get more than a few answers meanwhile, whatever it has sent ahead.
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

  /** The service has turned to that program: it has sent it something, has asked the manager on its behalf, or has lost it. */
  turnedTo(client: string): void {
    this.#waiting.delete(client);
  }

  /** The service has sent an answer to a program. */
  answered(client: string): void {
    this.turnedTo(client);
    for (const [other, { beside }] of this.#waiting) {
      const answers = (beside.get(client) ?? 0) + 1;
      beside.set(client, answers);
      if (answers > maxAnswersBeside)
        this.#violated(`${other} waits for the service, and ${client} has had ${answers} answers meanwhile`);
    }
  }

  /** Everything that was due has happened: those who wait still wait for something else. */
  settle(): void {
    this.#waiting.clear();
  }
}
