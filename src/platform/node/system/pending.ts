// SPDX-License-Identifier: MIT

import type { Answer } from "../../../managers/client/index.ts";

/** A pending call, until it is answered or abandoned: the first of the two counts. */
export class Pending<T extends Answer> {
  readonly answer: Promise<Answer | T>;
  readonly #refusal: Answer;
  #resolve: (answer: Answer | T) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #isSettled = false;
  #isHeld = false;

  /** @param refusal the error of a call that was given up */
  constructor(refusal: Answer) {
    this.#refusal = refusal;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get isWanted(): boolean {
    return !this.#isSettled;
  }

  /** From now on it cannot be abandoned. */
  hold(): void {
    this.#isHeld = true;
  }

  letGo(): void {
    if (!this.#isHeld) this.settle(this.#refusal);
  }

  /** Returns whether a caller was still waiting. */
  settle(answer: Answer | T): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#resolve(answer);
    return true;
  }

  readonly fail = (error: unknown): void => {
    this.#isSettled = true;
    this.#reject(error);
  };
}
