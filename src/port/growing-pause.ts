// SPDX-License-Identifier: MIT

/** The pauses between tries: the first one, then each twice as long as the one before, up to a longest one. */
export class GrowingPause {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #nextMs: number;

  /** Milliseconds. */
  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#nextMs = firstMs;
  }

  /** How long the next pause is, in milliseconds. */
  next(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(2 * ms, this.#longestMs);
    return ms;
  }

  /** A try has succeeded: the next pause is the first one again. */
  restart(): void {
    this.#nextMs = this.#firstMs;
  }
}
