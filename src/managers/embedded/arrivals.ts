// SPDX-License-Identifier: MIT

import { type CancelTimer, type Clock, GrowingPause } from "../../port/index.ts";
import type { ManagerLimits } from "./limits.ts";

type ArrivalLimits = Pick<ManagerLimits, "arrivals" | "arrivalPauseMs">;

/** No pause is longer, in milliseconds: a card that is really put in is seen within that. */
const MAX_PAUSE_MS = 1000;

/**
 * How often a reader may report a card. A driver that reports another one from within each of its own operations would keep the
 * manager in promise callbacks, and block every timer, socket and other reader.
 *
 * Cards count that come in a row, without a turn of the event loop between them. Where time is simulated there are no such
 * turns: there those count that come while the one before is still being attended to.
 */
export class Arrivals {
  readonly #clock: Clock;
  readonly #limits: ArrivalLimits;
  /** Called when a pause is over. */
  readonly #resume: () => void;
  #inRow = 0;
  readonly #pauses: GrowingPause;
  #endPause: CancelTimer | undefined;

  constructor(clock: Clock, limits: ArrivalLimits, resume: () => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#resume = resume;
    this.#pauses = new GrowingPause(limits.arrivalPauseMs, MAX_PAUSE_MS);
  }

  /** Whether the next card may be handled now. If not, `resume` is called later. */
  mayAttend(): boolean {
    if (this.#endPause !== undefined) return false;
    if (this.#inRow >= this.#limits.arrivals) {
      this.#pause();
      return false;
    }
    if (this.#inRow++ === 0) void this.#clock.breathe?.().then(() => this.#rowEnds());
    return true;
  }

  /** A card was handled, and is present. */
  attended(): void {
    if (this.#clock.breathe === undefined) this.#rowEnds();
  }

  /** The reader is gone. */
  end(): void {
    this.#endPause?.();
  }

  #rowEnds(): void {
    if (this.#endPause !== undefined) return;
    this.#inRow = 0;
    this.#pauses.restart();
  }

  #pause(): void {
    const over = (): void => {
      this.#endPause = undefined;
      this.#inRow = 0;
      this.#resume();
    };
    this.#endPause = this.#clock.schedule(this.#pauses.next(), "arrivals", over, { background: true });
  }
}
