// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { type Attempt, matchesSecret, RetryCounter } from "../software-card/index.ts";

/** A password as it is saved. With a KDF it is a hash, which the client computes: the card does not know the difference. */
export interface PasswordImage {
  readonly value: Uint8Array;
  /** A second form of the same password, until it is changed: see {@link OpenPgpPassword.accept}. */
  readonly alternative?: Uint8Array | undefined;
  readonly tries: number;
  readonly triesLeft: number;
}

/** PW1, PW3 or the resetting code: its persistent part. */
export class OpenPgpPassword {
  #value: Uint8Array;
  #alternative: Uint8Array | undefined;
  #counter: RetryCounter;

  constructor({ alternative, value, tries, triesLeft }: PasswordImage) {
    this.#value = copyBytes(value);
    this.#alternative = alternative && copyBytes(alternative);
    this.#counter = new RetryCounter(tries, triesLeft);
  }

  /** Where the old password ends in the data of CHANGE REFERENCE DATA and RESET RETRY COUNTER. */
  lengthIn(data: Uint8Array): number {
    const other = this.#alternative;
    const isOther = other !== undefined && matchesSecret(other, data.subarray(0, other.length));
    return isOther ? other.length : this.#value.length;
  }

  get triesLeft(): number {
    return this.#counter.left;
  }

  /** Wrong tries that block. */
  get tries(): number {
    return this.#counter.tries;
  }

  attempt(presented: Uint8Array): Attempt {
    const other = this.#alternative;
    return this.#counter.attempt(() => {
      const isOther = other !== undefined && matchesSecret(other, presented);
      return matchesSecret(this.#value, presented) || isOther;
    });
  }

  /** Takes this too from now on, until the password is changed: its hash, for example. */
  accept(alternative: Uint8Array | undefined): void {
    if (this.#alternative !== undefined) zeroBytes(this.#alternative);
    this.#alternative = alternative && copyBytes(alternative);
  }

  /** Whether this is the value, without a try. */
  is(value: Uint8Array): boolean {
    return matchesSecret(this.#value, value);
  }

  /** Sets the value, and gives all tries back. */
  replace(value: Uint8Array): void {
    zeroBytes(this.#value);
    this.#value = copyBytes(value);
    this.accept(undefined);
    this.#counter.refill();
  }

  /** Sets how many wrong tries block, and gives them all back. */
  setTries(tries: number): void {
    this.#counter = new RetryCounter(tries, tries);
  }

  /** Overwrites the value: the password is used no more. */
  clear(): void {
    zeroBytes(this.#value);
    this.accept(undefined);
  }

  /** Its value as well: not for logs. */
  toImage(): PasswordImage {
    const alternative = this.#alternative && copyBytes(this.#alternative);
    return { value: copyBytes(this.#value), alternative, tries: this.tries, triesLeft: this.triesLeft };
  }
}
