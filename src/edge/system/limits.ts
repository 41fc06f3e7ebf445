// SPDX-License-Identifier: MIT

/** What the system's library may cost. Times are in milliseconds. */
export interface SystemLimits {
  /** How long one SCardGetStatusChange waits before the readers are looked at all the same. */
  readonly blockMs: number;
  /** How often the readers are looked at where the library cannot wait for all that may change. */
  readonly pollMs: number;
  /** When their names are looked at again after a wait has begun. */
  readonly lookAgainMs: readonly number[];
  /** The longest pause before a call is made again that was refused for another program's transaction. */
  readonly retryMs: number;
  /** How long a direct connection that only asks who a reader is may wait for others. */
  readonly describeMs: number;
  /** How long a release waits for calls that the library does not give back, before it leaves them to themselves. */
  readonly partingMs: number;
  /** Connections to readers that a context may have. pcscd serves 200 clients, each of them being one. */
  readonly connectionsPerContext: number;
  /** Outstanding waits of a context, and readers in one of them. */
  readonly waitsPerContext: number;
  readonly queriesPerWait: number;
  /** Contexts of the library that a context keeps for the next `connect`. */
  readonly spareContexts: number;
  /** Readers whose exchanges are counted while nobody is connected to them. */
  readonly rememberedReaders: number;
}

/** The limits in force where none are given. */
export const defaultSystemLimits: SystemLimits = {
  blockMs: 60_000,
  pollMs: 250,
  lookAgainMs: [100, 1_000],
  retryMs: 100,
  describeMs: 1_000,
  partingMs: 2_000,
  connectionsPerContext: 1_024,
  waitsPerContext: 1_024,
  queriesPerWait: 4_097,
  spareContexts: 1,
  rememberedReaders: 1_024,
};
