// SPDX-License-Identifier: MIT

import {
  type CardState,
  cardStates,
  isPseudoReader,
  type Protocol,
  type ReaderNow,
  type ReaderStateQuery,
  type ReadersNow,
  readerKey,
} from "../../port/index.ts";

/** The readers at one moment, as the other side shows them. */
export interface Snapshot<R extends { readonly name: string } = { readonly name: string }> {
  readonly readers: readonly R[];
  /** How many readers came and went so far, from 1 on. */
  readonly readerEvents: number;
}

/** The name as it is written in a list of names: just like that, or else without regard to case. */
export function findName(names: readonly string[], reader: string): string | undefined {
  if (names.includes(reader)) return reader;
  const key = readerKey(reader);
  return names.find((name) => readerKey(name) === key);
}

/** Whether a query is about the coming and going of readers. */
export function isPnp(query: ReaderStateQuery): boolean {
  return isPseudoReader(query.reader);
}

/** The reader of that name. */
export function findReader<R extends { readonly name: string }>(snapshot: Snapshot<R>, name: string): R | undefined {
  const key = readerKey(name);
  return snapshot.readers.find((reader) => readerKey(reader.name) === key);
}

/** The state of the readers in a snapshot. @param read what a reader's state comes to */
export function readersNow<R extends { readonly name: string }>(
  snapshot: Snapshot<R>,
  read: (reader: R) => ReaderNow,
): ReadersNow {
  return {
    pnpCount: snapshot.readerEvents,
    find: (key) => {
      const known = findReader(snapshot, key);
      return known && read(known);
    },
  };
}

/**
 * The state of a card as every manager tells it. pcsc-lite keeps to NEGOTIABLE when a protocol is agreed on, and says PRESENT,
 * which is a card that is not in position yet, of one that has no power.
 */
export function settledState(state: CardState, protocol: Protocol | undefined): CardState {
  if (state === "negotiable" || state === "specific") return protocol === undefined ? "negotiable" : "specific";
  return state === "present" ? "swallowed" : state;
}

/** Later ones say more: pcscd sets PRESENT, POWERED and NEGOTIABLE at once. */
const tellingStates: readonly CardState[] = ["specific", "negotiable", "powered", "swallowed", "present", "absent"];

/** The state of a card, of the several bits that pcsc-lite shows at once. */
export function cardState(bits: number): CardState {
  return tellingStates.find((name) => (bits & cardStates[name].pcsclite) !== 0) ?? "unknown";
}
