// SPDX-License-Identifier: MIT

/**
 * A value that changes, for readers that may be slow: each gets the value as it is, then again after changes, and
 * misses steps between but never the last one.
 */
export class Latest<T> implements AsyncIterable<T> {
  #value: T;
  #version = 1;
  #ended = false;
  #waiting: (() => void)[] = [];

  constructor(value: T) {
    this.#value = value;
  }

  set(value: T): void {
    this.#value = value;
    this.#version++;
    this.#wake();
  }

  /** Ends all iterations, once they have seen the last value. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (let seen = 0; ; ) {
      if (seen !== this.#version) {
        seen = this.#version;
        yield this.#value;
      } else if (this.#ended) return;
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
