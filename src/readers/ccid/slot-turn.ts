// SPDX-License-Identifier: MIT

/** Whose turn it is in a slot: one operation of the manager, or a question about the card, at a time. */
export class SlotTurn {
  readonly #life: AbortSignal;
  #current: Promise<unknown> | undefined;

  /** @param life ends everything that is under way */
  constructor(life: AbortSignal) {
    this.#life = life;
  }

  get isFree(): boolean {
    return this.#current === undefined;
  }

  /** Waits until the slot is free, or the signal is aborted. */
  async wait(signal?: AbortSignal): Promise<void> {
    while (this.#current !== undefined && !signal?.aborted) await overOrAborted(this.#current, signal);
  }

  /** Runs work in a free slot. Its signal ends with the one that is given, and with the life of the reader. */
  async run<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const end = (): void => controller.abort(signal.aborted ? signal.reason : this.#life.reason);
    for (const one of [signal, this.#life]) one.addEventListener("abort", end, { once: true });
    const running = work(controller.signal);
    this.#current = running;
    try {
      return await running;
    } finally {
      this.#current = undefined;
      for (const one of [signal, this.#life]) one.removeEventListener("abort", end);
    }
  }
}

/** Waits until a promise has settled, or the signal is aborted. */
function overOrAborted(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      signal?.removeEventListener("abort", end);
      resolve();
    };
    signal?.addEventListener("abort", end, { once: true });
    work.then(end, end);
  });
}
