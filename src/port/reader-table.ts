// SPDX-License-Identifier: MIT

import type { Protocol } from "./vocabulary.ts";

/** One reader as a service shows it to all its clients. */
export interface ReaderSnapshot {
  readonly name: string;
  /** Arrival, insertions and removals so far: 1 to 65,535, then 1 again. */
  readonly eventCount: number;
  readonly card:
    | {
        /** Empty for a card that does not answer. */
        readonly atr: Uint8Array;
        readonly mute: boolean;
        readonly powered: boolean;
        readonly protocol: Protocol | undefined;
      }
    | undefined;
  /** How many connections there are. */
  readonly connections: number;
  /** Whether the one connection excludes others. */
  readonly exclusive: boolean;
}

/** A manager whose readers can be looked at without waiting: what a service needs that serves a table of them. */
export interface ReaderTable {
  /** The readers that are there, in order of arrival. */
  readers(): readonly ReaderSnapshot[];
  /** Arrivals and departures of readers so far: 1 to 65,535, then 1 again. */
  readonly readerEvents: number;
  /** Calls `changed` whenever anything in the table has changed, until the function that is returned is called. */
  watchReaders(changed: () => void): () => void;
}
