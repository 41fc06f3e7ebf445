// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../port/index.ts";
import { FIXED_READERS } from "../../wire/pcsclite/index.ts";

/** Bounds of what a client of the server could make grow or last. */
export interface ServerLimits {
  /** Sessions at once; further ones are told that the server is too busy. */
  readonly sessions: number;
  /** Sessions of one user at once, other than root. */
  readonly sessionsPerUid: number;
  /** Connections to readers at once, of all sessions. */
  readonly connections: number;
  /** Connections to readers of one user at once, other than root. */
  readonly connectionsPerUid: number;
  /**
   * Bytes that are held for all clients together: requests that have not arrived whole, wait or are being answered, and
   * answers that are not read. Beyond, the largest session of the largest user is disconnected.
   */
  readonly clientBytes: number;
  /** Bytes that are held for the clients of one user, other than root. */
  readonly clientBytesPerUid: number;
  /** Clients being refused at the same time: they get the refusal and are disconnected. One user has a sixteenth of them. */
  readonly refused: number;
  /** How long a refused client may take to send its request, in milliseconds. */
  readonly refusedMs: number;
  /** Requests that are answered before the event loop has a turn. */
  readonly servedPerTurn: number;
  /** For how long requests are answered before the event loop has a turn, in microseconds. */
  readonly turnUs: number;
  /** Bytes that a client may send ahead of what the server has answered; reading from it pauses beyond. */
  readonly aheadBytes: number;
  /**
   * How long a request may stay unanswered while another client holds the card, in milliseconds. The client library keeps
   * its context locked for as long.
   */
  readonly holdMs: number;
  /**
   * How long a turn is reserved for a client that was told to try again, in milliseconds. The client library tries every
   * 100 ms.
   */
  readonly graceMs: number;
}

/**
 * Entries of the reader table that clients up to 4:5 were compiled for, by the version of their protocol:
 * PCSCLITE_MAX_READERS_CONTEXTS of their pcsclite.h. Later ones ask for the number.
 */
export interface FixedTableSizes {
  readonly "4:4": number;
  readonly "4:5": number;
}

/** Most entries of a table of fixed size: 184 KiB for each answer. */
export const MAX_FIXED_READERS: number = 1024;

/**
 * The sizes that a number for both, or one for each, stands for; pcsc-lite's own 16 where none is given.
 *
 * @throws invalid-value for a size that is not 1 to 1024
 */
export function fixedTableSizes(given: number | Partial<FixedTableSizes> = {}): FixedTableSizes {
  const each = typeof given === "number" ? { "4:4": given, "4:5": given } : given;
  const sizes = { "4:4": each["4:4"] ?? FIXED_READERS, "4:5": each["4:5"] ?? FIXED_READERS };
  for (const [version, size] of Object.entries(sizes)) {
    if (Number.isInteger(size) && size >= 1 && size <= MAX_FIXED_READERS) continue;
    const message = `the table of clients of ${version} has 1 to ${MAX_FIXED_READERS} entries, not ${size}`;
    throw new SmartCardError("invalid-value", message);
  }
  return sizes;
}

/** The limits in force where none are given. */
export const defaultServerLimits: ServerLimits = {
  sessions: 4096,
  sessionsPerUid: 512,
  connections: 8192,
  connectionsPerUid: 2048,
  clientBytes: 33_554_432,
  clientBytesPerUid: 16_777_216,
  refused: 256,
  refusedMs: 2000,
  servedPerTurn: 8,
  turnUs: 250,
  aheadBytes: 4096,
  holdMs: 1000,
  graceMs: 150,
};
