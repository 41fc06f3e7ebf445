// SPDX-License-Identifier: MIT

/** Limits of a client, for any manager. Times are in milliseconds. */
export interface ClientLimits {
  /** How long a direct connection that only identifies a reader may wait for others. */
  readonly describeMs: number;
  /** The longest pause before a request is retried that was refused during another program's transaction. */
  readonly retryMs: number;
  /** Connections to readers that a context may have. Stock pcscd serves 200 clients, each of them being one. */
  readonly connectionsPerContext: number;
  /** Outstanding waits of a context, and readers in one of them. */
  readonly waitsPerContext: number;
  readonly queriesPerWait: number;
  /** Readers whose exchanges are counted while no program is connected to them. */
  readonly rememberedReaders: number;
}

/** The limits in force where none are given. */
export const defaultClientLimits: ClientLimits = {
  describeMs: 1_000,
  retryMs: 100,
  connectionsPerContext: 1_024,
  waitsPerContext: 1_024,
  queriesPerWait: 4_097,
  rememberedReaders: 1_024,
};
