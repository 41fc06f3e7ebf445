// SPDX-License-Identifier: MIT

/** Bounds of what a client of the server could make grow or last. */
export interface ServerLimits {
  /** Sessions at once; further ones are told that the server is too busy. */
  readonly sessions: number;
  /** Bytes that a client may send ahead of what the server has answered; reading from it pauses beyond. */
  readonly aheadBytes: number;
  /**
   * How long a request may stay unanswered while another client holds the card, in milliseconds. The client library keeps
   * its context locked for as long.
   */
  readonly holdMs: number;
  /**
   * How long a turn is kept for a client that was told to try again, in milliseconds. The client library tries every
   * 100 ms.
   */
  readonly graceMs: number;
}

/** The limits in force where none are given. */
export const defaultServerLimits: ServerLimits = {
  sessions: 4096,
  aheadBytes: 262_144,
  holdMs: 1000,
  graceMs: 150,
};
