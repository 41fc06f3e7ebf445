// SPDX-License-Identifier: MIT

/**
 * The time in which all clients could run: no client was stopped, and the daemon was up. A client that waits for one that
 * was stopped waits rightly, so bounds are about this time.
 */
export class CalmClock {
  readonly #now: () => number;
  #disturbers = 0;
  readonly #disturbances: { readonly from: number; to: number }[] = [];

  /** @param now the time in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A process cannot run from now on. Returns the function that ends this. */
  disturb(): () => void {
    if (this.#disturbers === 0) this.#disturbances.push({ from: this.#now(), to: Number.POSITIVE_INFINITY });
    this.#disturbers++;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#disturbers--;
      const last = this.#disturbances.at(-1);
      if (this.#disturbers === 0 && last !== undefined) last.to = this.#now();
    };
  }

  /** How much of the time since `from` was calm, in milliseconds. */
  since(from: number): number {
    const now = this.#now();
    let calm = now - from;
    for (let index = this.#disturbances.length - 1; index >= 0; index--) {
      const { from: began, to } = this.#disturbances[index] ?? { from: now, to: now };
      if (to <= from) break;
      calm -= Math.min(to, now) - Math.max(began, from);
    }
    return calm;
  }
}
