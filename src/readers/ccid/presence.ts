// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock, ReaderEvents } from "../../port/index.ts";
import type { CcidLimits } from "./limits.ts";
import type { IccStatus } from "./messages.ts";

/** What the presence of a card is derived with. */
export interface PresenceOptions {
  readonly clock: Clock;
  readonly limits: CcidLimits;
  /** Asks the slot for its status, where nothing else is under way in it; undefined where it could not be asked. */
  readonly ask: () => Promise<IccStatus | undefined>;
  /** Whether the card has been powered, and not been powered off. */
  readonly isPowered: () => boolean;
  /** Whether the reader powers cards on its own: a new card is as active as the one before. */
  readonly activatesCards: boolean;
  /** Whether messages of the interrupt endpoint come. */
  readonly hasInterrupts: () => boolean;
  /** The card has gone, before its removal is reported. */
  readonly onRemoved: () => void;
}

/**
 * Whether a card is in a slot, from three sources: messages of the interrupt endpoint, which may get lost; the slot status in
 * every answer; and a question every now and then. Reports each change once.
 *
 * @see CCID 1.1, 6.1.3 and 6.3.1
 */
export class Presence {
  readonly #options: PresenceOptions;
  #events: ReaderEvents | undefined;
  #isPresent = false;
  #cancelTimer: CancelTimer | undefined;
  #isAsking = false;
  /** A change was reported while a card was there: it may have been swapped. */
  #isDoubtful = false;
  /** On the clock: when the card that is there was reported. */
  #insertedAt = 0;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  get isPresent(): boolean {
    return this.#isPresent;
  }

  /** Begins to report, with the state as it is. */
  start(events: ReaderEvents, status: IccStatus): void {
    this.#events = events;
    this.#schedule();
    this.#apply(status);
  }

  /** Reports nothing any more. */
  stop(): void {
    this.#events = undefined;
    this.#cancelTimer?.();
  }

  /** A message of the interrupt endpoint. */
  notified(present: boolean, changed: boolean): void {
    if (this.#events === undefined) return;
    if (!present) this.#removed();
    else if (!this.#isPresent) this.#inserted();
    else if (changed) {
      // Soon after an insertion, or after the start, it is about the card that is known already.
      const { activatesCards, clock, limits } = this.#options;
      this.#isDoubtful = clock.now() - this.#insertedAt > limits.sameInsertionMs;
      if (this.#isDoubtful && activatesCards) this.#swapped();
      else this.askNow();
    }
  }

  /** What an answer to another command says: that a card is gone is believed, that one is there is asked again. */
  answered(status: IccStatus): void {
    if (this.#events === undefined) return;
    if (status === "absent") this.#removed();
    else if (!this.#isPresent) this.askNow();
  }

  /** The card was found to be gone. */
  gone(): void {
    if (this.#events !== undefined) this.#removed();
  }

  /** Asks as soon as the slot is free. */
  askNow(): void {
    this.#schedule(0);
  }

  #schedule(ms: number = this.#pauseMs): void {
    this.#cancelTimer?.();
    if (this.#events === undefined) return;
    const { clock } = this.#options;
    this.#cancelTimer = clock.schedule(ms, "ccid slot status", () => void this.#ask(), { background: true });
  }

  get #pauseMs(): number {
    const { hasInterrupts, limits } = this.#options;
    return hasInterrupts() ? limits.recheckMs : limits.pollMs;
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const status = await this.#options.ask();
    this.#isAsking = false;
    if (this.#events === undefined) return;
    // A slot that is busy is asked a little later.
    this.#schedule(status === undefined && this.#isDoubtful ? this.#options.limits.busyPauseMs : undefined);
    if (status !== undefined) this.#apply(status);
  }

  /** What the slot says when it is asked. */
  #apply(status: IccStatus): void {
    if (status === "reserved") return;
    const wasDoubtful = this.#isDoubtful;
    this.#isDoubtful = false;
    if (status === "absent") this.#removed();
    else if (!this.#isPresent) this.#inserted();
    else if (this.#options.isPowered() ? status === "inactive" : wasDoubtful) this.#swapped();
  }

  /** The card has lost its power without us: it is another one, or was out for a moment. */
  #swapped(): void {
    this.#removed();
    this.#inserted();
  }

  #inserted(): void {
    this.#isPresent = true;
    this.#insertedAt = this.#options.clock.now();
    this.#events?.inserted();
  }

  #removed(): void {
    this.#isDoubtful = false;
    if (!this.#isPresent) return;
    this.#isPresent = false;
    this.#options.onRemoved();
    this.#events?.removed();
  }
}
