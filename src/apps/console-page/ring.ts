// SPDX-License-Identifier: MIT

/** The newest things of a kind: so many, and no more. */
export class Ring<T> {
  readonly #most: number;
  #items: T[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Oldest first. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** @returns how many were forgotten for it */
  add(...items: readonly T[]): number {
    this.#items.push(...items);
    const over = this.#items.length - this.#most;
    if (over > 0) this.#items = this.#items.slice(over);
    return Math.max(over, 0);
  }

  clear(): void {
    this.#items = [];
  }
}
