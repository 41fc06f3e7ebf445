// SPDX-License-Identifier: MIT

import { cancelledError } from "./slot-errors.ts";

/** How many commands may be under way in a device at once: bMaxCCIDBusySlots. Those that are too many wait their turn. */
export class BusySlots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Whether a command could begin at once. */
  get isFree(): boolean {
    return this.#free > 0;
  }

  /**
   * Waits for a place.
   *
   * @returns what gives the place back
   * @throws cancelled
   */
  async enter(operation: string, signal: AbortSignal): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else await this.#turn(operation, signal);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    };
  }

  #turn(operation: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        const index = this.#waiting.indexOf(go);
        if (index < 0) return;
        this.#waiting.splice(index, 1);
        reject(cancelledError(operation, signal));
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(go);
    });
  }
}
