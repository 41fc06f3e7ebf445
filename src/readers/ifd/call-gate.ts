// SPDX-License-Identifier: MIT

/** Lets one piece of work run at a time, in the order in which it was asked for: pcscd's mutex of a reader. */
export class CallGate {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Runs work in its turn.
   *
   * @param signal work that has not begun when it is aborted is left out, at once
   * @throws what `work` throws; the reason of the signal
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      let isLeftOut = false;
      const leave = (): void => {
        isLeftOut = true;
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#last = this.#last.then(async () => {
        signal?.removeEventListener("abort", leave);
        if (isLeftOut) return;
        await work().then(resolve, reject);
      });
    });
  }
}
