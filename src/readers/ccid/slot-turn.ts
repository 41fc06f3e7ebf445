// SPDX-License-Identifier: MIT

/** Whose turn it is in a slot: one operation of the manager, or a question about the card, at a time. */
export class SlotTurn {
  readonly #life: AbortSignal;
  /** What ends the operation under way, for as long as it has ended none; and the signal that it follows. */
  #controller = new AbortController();
  #followed: AbortSignal | undefined;
  #current: Promise<unknown> | undefined;

  /** @param life ends everything that is under way */
  constructor(life: AbortSignal) {
    this.#life = life;
    life.addEventListener("abort", () => this.#end(), { once: true });
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
    this.#follow(signal);
    const running = work(this.#controller.signal);
    this.#current = running;
    try {
      return await running;
    } finally {
      this.#current = undefined;
    }
  }

  /** Operations in a row have the same signal, until it is aborted: it is listened to once. */
  #follow(signal: AbortSignal): void {
    if (this.#controller.signal.aborted && !this.#life.aborted) this.#controller = new AbortController();
    if (this.#followed === signal) return;
    this.#followed?.removeEventListener("abort", this.#end);
    this.#followed = signal;
    signal.addEventListener("abort", this.#end);
  }

  readonly #end = (): void => {
    const by = this.#life.aborted ? this.#life : this.#followed;
    this.#controller.abort(by?.reason);
  };
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
