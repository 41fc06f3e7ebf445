// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { type Attempt, matchesSecret, RetryCounter } from "../software-card/index.ts";

/** A password as it is saved. With a KDF it is a hash, which the client computes: the card does not know the difference. */
export interface PasswordImage {
  readonly value: Uint8Array;
  readonly tries: number;
  readonly triesLeft: number;
}

/** PW1, PW3 or the resetting code: its persistent part. */
export class OpenPgpPassword {
  #value: Uint8Array;
  #counter: RetryCounter;

  constructor({ value, tries, triesLeft }: PasswordImage) {
    this.#value = copyBytes(value);
    this.#counter = new RetryCounter(tries, triesLeft);
  }

  /** Where the old password ends in the data of CHANGE REFERENCE DATA and RESET RETRY COUNTER. */
  get length(): number {
    return this.#value.length;
  }

  get triesLeft(): number {
    return this.#counter.left;
  }

  /** Wrong tries that block. */
  get tries(): number {
    return this.#counter.tries;
  }

  attempt(presented: Uint8Array): Attempt {
    return this.#counter.attempt(() => matchesSecret(this.#value, presented));
  }

  /** Whether this is the value, without a try. */
  is(value: Uint8Array): boolean {
    return matchesSecret(this.#value, value);
  }

  /** Sets the value, and gives all tries back. */
  replace(value: Uint8Array): void {
    zeroBytes(this.#value);
    this.#value = copyBytes(value);
    this.#counter.refill();
  }

  /** Sets how many wrong tries block, and gives them all back. */
  setTries(tries: number): void {
    this.#counter = new RetryCounter(tries, tries);
  }

  /** Overwrites the value: the password is used no more. */
  clear(): void {
    zeroBytes(this.#value);
  }

  /** Its value as well: not for logs. */
  toImage(): PasswordImage {
    return { value: copyBytes(this.#value), tries: this.tries, triesLeft: this.triesLeft };
  }
}
