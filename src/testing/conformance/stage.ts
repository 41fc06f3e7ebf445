// SPDX-License-Identifier: MIT

import type { Clock, ResourceManager } from "../../port/index.ts";

/** What a stage can do beyond using the card that is in the reader. */
export const abilities = {
  "card-moves": "the card is taken out and put in",
  "silent-card": "a card that does not answer is put in",
  "reader-moves": "the reader is unplugged and plugged in",
  "test-card": "the card is the one of this suite, whose answers are known",
  "long-waits": "there is time for waits of six seconds",
} as const;

/** One thing that a stage can do. */
export type Ability = keyof typeof abilities;

/**
 * The stage of the behaviours: a reader with a card, two programs that use it, and the means to move card and reader.
 * In a test software moves them, otherwise the user does.
 *
 * The moves settle when they are made; the suite waits until the manager has noticed.
 */
export interface Stage {
  /** The time in which the suite waits. */
  readonly clock: Clock;
  /** The reader, by the name that the manager gives it. It has its card in it when a behaviour begins. */
  readonly reader: string;
  /** The manager under test. */
  readonly manager: ResourceManager;
  /** Another program on the same readers. */
  readonly other: ResourceManager;
  readonly abilities: ReadonlySet<Ability>;
  /** How long the suite watches a call before it says that the call waits, in milliseconds. */
  readonly watchMs: number;
  /** How long something may take that is to end soon, in milliseconds; 2,000 without it. */
  readonly endsMs?: number;
  removeCard(): Promise<void>;
  insertCard(): Promise<void>;
  /** Puts a card in that answers no reset. */
  insertSilentCard(): Promise<void>;
  unplugReader(): Promise<void>;
  plugReader(): Promise<void>;
}
