// SPDX-License-Identifier: MIT

/** What a service may cost its client. Times are in milliseconds. */
export interface PcscdLimits {
  /** How long the service may take for what it must answer at once: its version, its readers, a release. */
  readonly answerMs: number;
  /** How long it may take to let us in: polkit may have to ask somebody. */
  readonly admissionMs: number;
  /**
   * How long it may take for a request that waits for a card or for another program. One that shows no progress for as
   * long as this, or up to twice as long, is given up together with its connection.
   */
  readonly exchangeMs: number;
  /** A connect is not given up for its deadline before this: it may have to start the card. */
  readonly connectMs: number;
  /** How long a direct connection that only asks who a reader is may wait for others. */
  readonly describeMs: number;
  /** The longest pause before a request is tried again that was refused for another program's transaction. */
  readonly retryMs: number;
  /** The pause between two tries of `waitForService`: the first one, and the longest one. */
  readonly firstTryMs: number;
  readonly lastTryMs: number;
  /** Connections to readers that a context may have. Stock pcscd serves 200 clients, each of them being one. */
  readonly connectionsPerContext: number;
  /** Outstanding waits of a context, and readers in one of them. */
  readonly waitsPerContext: number;
  readonly queriesPerWait: number;
  /** Wire connections that a context keeps for the next `connect`. */
  readonly spareLines: number;
  /** Readers whose exchanges are counted while nobody is connected to them. */
  readonly rememberedReaders: number;
}

/** The limits in force where none are given. */
export const defaultPcscdLimits: PcscdLimits = {
  answerMs: 10_000,
  admissionMs: 120_000,
  exchangeMs: 660_000,
  connectMs: 1_000,
  describeMs: 1_000,
  retryMs: 100,
  firstTryMs: 50,
  lastTryMs: 5_000,
  connectionsPerContext: 1_024,
  waitsPerContext: 1_024,
  queriesPerWait: 4_097,
  spareLines: 1,
  rememberedReaders: 1_024,
};
