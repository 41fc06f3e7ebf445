// SPDX-License-Identifier: MIT

import type { SoftwareCard } from "../software-card/index.ts";
import { encodeAnswer, status, sw } from "../software-card/index.ts";

/** Where a card is kept. */
export interface CardPlace {
  /** Takes it, so that no other reader has the card too; what it returns gives it free. @throws where another has it */
  take(): () => void;
  /** Writes the card as it is now. */
  save(): Promise<void>;
}

/**
 * A card whose changes are saved before the command that made them is answered: what a client was told has happened lasts.
 * Where they cannot be saved the answer is 6581, and the next command tries again. It is in one reader at a time: where it is
 * kept is taken while it is in one, and, without a reader, while it has power.
 */
export class SavedCard implements SoftwareCard {
  readonly pps?: (request: Uint8Array) => Uint8Array;
  readonly #card: SoftwareCard;
  readonly #place: CardPlace;
  #giveFree: (() => void) | undefined;
  #isInReader = false;
  #changed = false;

  constructor(card: SoftwareCard, place: CardPlace) {
    this.#card = card;
    this.#place = place;
    if (card.pps !== undefined) this.pps = (request) => card.pps?.(request) ?? request;
  }

  /** Something has changed that lasts. */
  changed(): void {
    this.#changed = true;
  }

  inserted(): void {
    this.#take();
    this.#isInReader = true;
  }

  removed(): void {
    this.#isInReader = false;
    this.#leave();
  }

  reset(kind: "cold" | "warm"): Uint8Array {
    this.#take();
    return this.#card.reset(kind);
  }

  powerOff(): void {
    this.#card.powerOff();
    if (!this.#isInReader) this.#leave();
  }

  #take(): void {
    this.#giveFree ??= this.#place.take();
  }

  #leave(): void {
    this.#giveFree?.();
    this.#giveFree = undefined;
  }

  async process(command: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#card.process(command);
    if (!this.#changed) return answer;
    this.#changed = false;
    try {
      await this.#place.save();
      return answer;
    } catch {
      this.#changed = true;
      return encodeAnswer(status(sw.memoryFailure));
    }
  }
}
