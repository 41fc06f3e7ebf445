// SPDX-License-Identifier: MIT

import type { Answer } from "../software-card/index.ts";

/** How a card is reached: through its contacts, or through the air. Access rules of an application may differ. */
export type CardInterface = "contact" | "contactless";

/** A SELECT by name that has found an application. ISO/IEC 7816-4:2005, 7.1.1. */
export interface SelectRequest {
  /** The name as it was sent: the application's identifier, or the beginning of it. */
  readonly aid: Uint8Array;
  /** P2 as it was sent; bits 4 and 3 say what is wanted: FCI, FCP, FMD or nothing. */
  readonly p2: number;
  /** Most bytes of the answer that the client takes; undefined where it did not say. */
  readonly le: number | undefined;
  /** The logical channel on which the application becomes the current one. */
  readonly channel: number;
  /** Whether the application is the current one on this channel already. */
  readonly again: boolean;
}

/** A command for an application. The card has taken its class byte apart, and has put a chain together. */
export interface ApplicationCommand {
  /**
   * The class byte without its channel and chaining bits: 00 for commands of ISO/IEC 7816-4, 80 for proprietary ones;
   * proprietary classes whose bits mean something else (90, for example) are as they were sent.
   */
  readonly cla: number;
  readonly ins: number;
  readonly p1: number;
  readonly p2: number;
  /** All data of the command. It is overwritten with zeros once the command was answered: copy what you keep. */
  readonly data: Uint8Array;
  /**
   * Most bytes of the answer that the client takes; undefined where it did not say. An application need not look at it:
   * of an answer that is longer the card keeps the rest for GET RESPONSE.
   */
  readonly le: number | undefined;
  /** Whether the command came with extended length fields. */
  readonly extended: boolean;
  readonly channel: number;
  readonly interface: CardInterface;
  /**
   * Becomes true when the card was reset, or lost its power, before the command was answered. An application that works
   * asynchronously looks at it after each wait, and then changes nothing any more.
   */
  readonly abandoned: boolean;
}

/**
 * One application on a card ({@link ApplicationCard}). Its calls come one at a time, with one exception: `reset` may come
 * while a promise of `process` has not settled. What it throws is answered with 6F00.
 */
export interface CardApplication {
  /** The whole application identifier, 5 to 16 bytes. A SELECT with the beginning of it finds the application too. */
  readonly aid: Uint8Array;
  /**
   * Whether the application can be the current one on several logical channels at the same time. Where it cannot, a SELECT
   * on a second channel is answered with 6985. @default false
   */
  readonly multiSelectable?: boolean;
  /**
   * Answers a SELECT that has found this application: data is its FCI, or its application property template. With status
   * 9000, or a warning (62xx, 63xx), it becomes the current one; with any other, everything stays as it was.
   */
  select(request: SelectRequest): Answer;
  /**
   * The application is not the current one on this channel any more: another one was selected, or the channel was closed.
   * Clear what was verified on it.
   */
  deselect(channel: number): void;
  /** The card was reset, or lost its power: clear the volatile state. Persistent state stays. */
  reset(): void;
  /** Carries out one command. `data` of the answer may have any length: the card hands it out in parts. */
  process(command: ApplicationCommand): Answer | Promise<Answer>;
}
