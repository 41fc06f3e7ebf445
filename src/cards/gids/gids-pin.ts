// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { type Attempt, matchesSecret, RetryCounter } from "../software-card/index.ts";

/** A PIN as it is saved. */
export interface GidsPinImage {
  readonly value: Uint8Array;
  readonly tries: number;
  readonly triesLeft: number;
}

/** The application's PIN, or its resetting code (PUK). */
export class GidsPin {
  #value: Uint8Array;
  readonly #counter: RetryCounter;

  constructor({ value, tries, triesLeft }: GidsPinImage) {
    this.#value = copyBytes(value);
    this.#counter = new RetryCounter(tries, triesLeft);
  }

  get tries(): number {
    return this.#counter.tries;
  }

  get triesLeft(): number {
    return this.#counter.left;
  }

  /** Where the PIN ends in the data of CHANGE REFERENCE DATA and RESET RETRY COUNTER. */
  get length(): number {
    return this.#value.length;
  }

  attempt(presented: Uint8Array): Attempt {
    return this.#counter.attempt(() => matchesSecret(this.#value, presented));
  }

  /** Sets the value, and gives all tries back. */
  replace(value: Uint8Array): void {
    zeroBytes(this.#value);
    this.#value = copyBytes(value);
    this.#counter.refill();
  }

  /** Gives all tries back. */
  refill(): void {
    this.#counter.refill();
  }

  /** Its value as well: not for logs. */
  toImage(): GidsPinImage {
    return { value: copyBytes(this.#value), tries: this.tries, triesLeft: this.triesLeft };
  }
}
