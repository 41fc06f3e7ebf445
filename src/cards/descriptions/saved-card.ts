// SPDX-License-Identifier: MIT

import type { SoftwareCard } from "../software-card/index.ts";
import { encodeAnswer, status, sw } from "../software-card/index.ts";

/**
 * A card whose changes are saved before the command that made them is answered: what a client was told has happened lasts.
 * Where they cannot be saved the answer is 6581, and the next command tries again.
 */
export class SavedCard implements SoftwareCard {
  readonly pps?: (request: Uint8Array) => Uint8Array;
  readonly #card: SoftwareCard;
  readonly #save: () => Promise<void>;
  #changed = false;

  /**
   * @param save writes the card as it is now
   */
  constructor(card: SoftwareCard, save: () => Promise<void>) {
    this.#card = card;
    this.#save = save;
    if (card.pps !== undefined) this.pps = (request) => card.pps?.(request) ?? request;
  }

  /** Something has changed that lasts. */
  changed(): void {
    this.#changed = true;
  }

  reset(kind: "cold" | "warm"): Uint8Array {
    return this.#card.reset(kind);
  }

  powerOff(): void {
    this.#card.powerOff();
  }

  async process(command: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#card.process(command);
    if (!this.#changed) return answer;
    this.#changed = false;
    try {
      await this.#save();
      return answer;
    } catch {
      this.#changed = true;
      return encodeAnswer(status(sw.memoryFailure));
    }
  }
}
