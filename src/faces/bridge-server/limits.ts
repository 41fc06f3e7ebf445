// SPDX-License-Identifier: MIT

/** Limits of a bridge. Times are in milliseconds. */
export interface BridgeLimits {
  /** Connections of pages that are paired, in all, and of one origin. */
  readonly maxSockets: number;
  readonly maxSocketsOfOrigin: number;
  /**
   * Connections of one origin that have not said who they are yet, and that wait for a pairing code. They take no place of pages that are paired, and
   * the oldest of them gives its place to a new one.
   */
  readonly maxSilentSockets: number;
  readonly maxUnpairedSockets: number;
  /** Of one connection: contexts, connections to cards, and calls that are not answered yet. */
  readonly maxContexts: number;
  readonly maxConnections: number;
  readonly maxCalls: number;
  /** Answers that wait for a page to read them, in bytes: from then on nothing is read from it. */
  readonly maxWaitingBytes: number;
  /** For the first message, and for the pairing code to be typed in. */
  readonly helloMs: number;
  readonly pairingMs: number;
  /** Tries before there is a pause, over all codes; the first pause, and the longest. */
  readonly codeTries: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** How long the calls of a page that has gone may take to end before its contexts are released all the same. */
  readonly endMs: number;
}

export const defaultBridgeLimits: BridgeLimits = {
  maxSockets: 256,
  maxSocketsOfOrigin: 32,
  maxSilentSockets: 16,
  maxUnpairedSockets: 4,
  maxContexts: 16,
  maxConnections: 64,
  maxCalls: 128,
  maxWaitingBytes: 1_048_576,
  helloMs: 10_000,
  pairingMs: 300_000,
  codeTries: 3,
  firstPauseMs: 30_000,
  longestPauseMs: 3_600_000,
  endMs: 10_000,
};
