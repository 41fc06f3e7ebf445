// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock } from "../../port/index.ts";

/** After so many clients, and so long after one of them was the last to leave, memory is given back. */
const MANY_CLIENTS = 200;
const QUIET_MS = 2000;

/** Returns memory to the system in a pause after many clients. */
export class MemoryReturn {
  readonly #clock: Clock;
  readonly #giveBack: (() => void) | undefined;
  /** Clients that came since memory was given back. */
  #comings = 0;
  #cancel: CancelTimer | undefined;

  /** @param giveBack gives memory back; it is kept for later without */
  constructor(clock: Clock, giveBack: (() => void) | undefined) {
    this.#clock = clock;
    this.#giveBack = giveBack;
  }

  /** A client has come. */
  came(): void {
    this.#comings++;
  }

  /** A client has left. */
  left(): void {
    const giveBack = this.#giveBack;
    if (giveBack === undefined || this.#comings < MANY_CLIENTS) return;
    this.#cancel?.();
    const whenQuiet = (): void => {
      this.#comings = 0;
      giveBack();
    };
    this.#cancel = this.#clock.schedule(QUIET_MS, "memory return", whenQuiet, { background: true });
  }
}
