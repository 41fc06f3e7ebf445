// SPDX-License-Identifier: MIT

import type { Clock } from "../src/pcsc/index.ts";
import type { Dice } from "./dice.ts";

/** How a pipe treats what it carries. */
export interface PipeTerms {
  /** Whether what is written in one piece may arrive in several. */
  readonly split: boolean;
  /** Longest delay of a piece, in milliseconds. */
  readonly delayMs: number;
}

/**
 * One direction of a connection: bytes arrive in order, in other pieces than they were written in, later, or not at all.
 */
export class Pipe {
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #terms: PipeTerms;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #waiting: Uint8Array[] = [];
  #due = 0;
  #stalled = false;
  #cut = false;

  constructor(clock: Clock, dice: Dice, terms: PipeTerms, deliver: (bytes: Uint8Array) => void) {
    this.#clock = clock;
    this.#dice = dice;
    this.#terms = terms;
    this.#deliver = deliver;
  }

  write(bytes: Uint8Array): void {
    if (this.#cut) return;
    let rest = bytes.slice();
    while (rest.length > 0) {
      const length = this.#terms.split && this.#dice.chance(40) ? 1 + this.#dice.below(rest.length) : rest.length;
      this.#send(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  }

  /** Holds everything back until it is turned off: the reader at the other end does not read. */
  stall(on: boolean): void {
    this.#stalled = on;
    if (!on) this.#flush();
  }

  /** What has not arrived yet never will. */
  cut(): void {
    this.#cut = true;
    this.#waiting.length = 0;
  }

  #send(piece: Uint8Array): void {
    const now = this.#clock.now();
    const delay = this.#terms.delayMs > 0 ? this.#dice.below(this.#terms.delayMs + 1) : 0;
    this.#due = Math.max(this.#due, now + delay);
    this.#clock.schedule(this.#due - now, "simulated pipe", () => {
      if (this.#cut) return;
      this.#waiting.push(piece);
      if (!this.#stalled) this.#flush();
    });
  }

  #flush(): void {
    for (let piece = this.#waiting.shift(); piece !== undefined; piece = this.#waiting.shift()) {
      this.#deliver(piece);
      if (this.#stalled || this.#cut) return;
    }
  }
}
