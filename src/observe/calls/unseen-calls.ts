// SPDX-License-Identifier: MIT

/**
 * Commands and resets that nothing is told of: those that were made while there was no listener. One of them may still wait for its turn
 * when a listener comes, and select another file after commands that are told. So what is selected is known only after a
 * command during whose whole life none of them was under way.
 */
export class UnseenCalls {
  /** Those that are under way. */
  #passing = 0;
  /** Counts their beginnings and their ends. */
  #moment = 0;
  #forgotten = 0;

  readonly #ended = (): void => {
    this.#passing--;
    this.#moment++;
  };

  get moment(): number {
    return this.#moment;
  }

  /** One of them is made. @returns the same promise */
  passes<T>(promise: Promise<T>): Promise<T> {
    this.#passing++;
    this.#moment++;
    promise.then(this.#ended, this.#ended);
    return promise;
  }

  /** One of them has ended, which began as one that is told. */
  missed(): void {
    this.#moment++;
  }

  /** Whether none of them was under way since that moment. */
  isKnown(since: number): boolean {
    return this.#passing === 0 && this.#moment === since;
  }

  /** Whether there were some since this was asked before. */
  hasMissed(): boolean {
    const hasMissed = this.#forgotten !== this.#moment;
    this.#forgotten = this.#moment;
    return hasMissed;
  }
}
