// SPDX-License-Identifier: MIT

import { type ClientLimits, defaultClientLimits } from "../client/index.ts";

/** What a service may cost its client. Times are in milliseconds. */
export interface PcscdLimits extends ClientLimits {
  /** How long the service may take for what it must answer at once: its version, its readers, a release. */
  readonly answerMs: number;
  /** How long it may take to let us in: polkit may have to ask a person. */
  readonly admissionMs: number;
  /**
   * How long it may take for a request that waits for a card or for another program. One that shows no progress for as
   * long as this, or up to twice as long, is given up together with its connection.
   */
  readonly exchangeMs: number;
  /** A connect to a reader that no program uses is not given up before this: it may have to start the card. */
  readonly connectMs: number;
  /** The pause between two tries of `waitForService`: the first one, and the longest one. */
  readonly firstTryMs: number;
  readonly lastTryMs: number;
  /** Wire connections that a context keeps for the next `connect`. */
  readonly spareLines: number;
}

/** The limits in force where none are given. */
export const defaultPcscdLimits: PcscdLimits = {
  ...defaultClientLimits,
  answerMs: 10_000,
  admissionMs: 120_000,
  exchangeMs: 660_000,
  connectMs: 1_000,
  firstTryMs: 50,
  lastTryMs: 5_000,
  spareLines: 1,
};
