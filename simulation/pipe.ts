// SPDX-License-Identifier: MIT

import type { Clock } from "../src/port/index.ts";
import type { Dice } from "./dice.ts";
import type { PipePlan } from "./plan.ts";

/**
 * One direction of a connection: bytes arrive in order, in different pieces, later, or not at all.
 */
export class Pipe {
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #terms: PipePlan;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #waiting: (Uint8Array | (() => void))[] = [];
  #due = 0;
  #stalled = false;
  #cut = false;
  #onTheirWay = 0;
  /** Bytes that were written and have not arrived. */
  #held = 0;

  constructor(clock: Clock, dice: Dice, terms: PipePlan, deliver: (bytes: Uint8Array) => void) {
    this.#clock = clock;
    this.#dice = dice;
    this.#terms = terms;
    this.#deliver = deliver;
  }

  /** Whether everything that was written has arrived. */
  get isEmpty(): boolean {
    return this.#onTheirWay === 0 && this.#waiting.length === 0;
  }

  /** Whether something has arrived that is not read, because the reader does not read. */
  get isReadable(): boolean {
    return this.#waiting.length > 0;
  }

  /** Bytes that were written and have not arrived. */
  get heldBytes(): number {
    return this.#held;
  }

  write(bytes: Uint8Array): void {
    if (this.#cut) return;
    this.#held += bytes.length;
    let rest = bytes.slice();
    while (rest.length > 0) {
      const most = Math.min(rest.length, this.#terms.mostBytes ?? rest.length);
      const length = this.#terms.split && this.#dice.chance(40) ? 1 + this.#dice.below(most) : most;
      this.#send(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  }

  /** Nothing more comes after what was written: `ended` is called when that has arrived. */
  end(ended: () => void): void {
    this.#send(ended);
  }

  /** Holds everything back until it is turned off: the reader at the other end does not read. */
  stall(on: boolean): void {
    this.#stalled = on;
    if (!on) this.#flush();
  }

  /** Drops all bytes that have not arrived yet. */
  cut(): void {
    this.#cut = true;
    this.#held = 0;
    this.#waiting.length = 0;
  }

  #send(piece: Uint8Array | (() => void)): void {
    const now = this.#clock.now();
    const delay = this.#terms.delayMs > 0 ? this.#dice.below(this.#terms.delayMs + 1) : 0;
    this.#due = Math.max(this.#due, now + delay);
    this.#onTheirWay++;
    this.#clock.schedule(this.#due - now, "simulated pipe", () => {
      this.#onTheirWay--;
      if (this.#cut) return;
      this.#waiting.push(piece);
      if (!this.#stalled) this.#flush();
    });
  }

  #flush(): void {
    for (let piece = this.#waiting.shift(); piece !== undefined; piece = this.#waiting.shift()) {
      if (typeof piece === "function") piece();
      else {
        this.#held -= piece.length;
        this.#deliver(piece);
      }
      if (this.#stalled || this.#cut) return;
    }
  }
}
