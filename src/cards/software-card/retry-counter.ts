// SPDX-License-Identifier: MIT

/** Result of a try: `blocked` where no try was left, and nothing was compared. */
export type Attempt = "right" | "wrong" | "blocked";

/** Counts wrong tries, and blocks when there are too many. */
export class RetryCounter {
  /** How many wrong tries in a row block. */
  readonly tries: number;
  #left: number;

  constructor(tries: number, left: number) {
    this.tries = tries;
    this.#left = left;
  }

  /** Tries left. */
  get left(): number {
    return this.#left;
  }

  /** Runs a comparison, if there is a try left for it. */
  attempt(isRight: () => boolean): Attempt {
    if (this.#left === 0) return "blocked";
    // The try is counted before the comparison, so that pulling the card saves no try.
    this.#left--;
    if (!isRight()) return "wrong";
    this.refill();
    return "right";
  }

  /** Gives all tries back. */
  refill(): void {
    this.#left = this.tries;
  }
}

/** Compares a secret in time that depends on neither the bytes nor the length presented. */
export function matchesSecret(secret: Uint8Array, presented: Uint8Array): boolean {
  let difference = presented.length ^ secret.length;
  for (const [at, byte] of secret.entries()) difference |= byte ^ (presented[at] ?? 0);
  return difference === 0;
}
