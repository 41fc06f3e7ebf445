// SPDX-License-Identifier: MIT

import {
  decodeReaderState,
  PNP_NOTIFICATION,
  type ReaderFlag,
  type ReaderFlags,
  type ReaderStateQuery,
  type ReaderStateReport,
} from "../../pcsc/index.ts";
import { differs, isPnp, readerKey } from "../../pcscd/index.ts";
import type { NativeReaderState } from "./calls.ts";

/** The readers at one moment. */
export interface Snapshot {
  readonly readers: readonly NativeReaderState[];
  /** How often the names were seen to be others than before, from 1 on. */
  readonly readerEvents: number;
}

/** SCARD_STATE_CHANGED. */
export const CHANGED = 2;

const noAtr = new Uint8Array();

/** The reader of that name, without regard to case. */
export function findReader(snapshot: Snapshot, name: string): NativeReaderState | undefined {
  const key = readerKey(name);
  return snapshot.readers.find((reader) => readerKey(reader.name) === key);
}

/** Whether two looks at the readers saw the same. */
export function isSame(one: Snapshot, other: Snapshot): boolean {
  return (
    one.readers.length === other.readers.length &&
    one.readers.every((reader, index) => {
      const same = other.readers[index];
      return same?.name === reader.name && (same.state & ~CHANGED) === (reader.state & ~CHANGED);
    })
  );
}

/** The first query that names a reader which is not there, and is not waited for either. */
export function unknownReader(queries: readonly ReaderStateQuery[], snapshot: Snapshot): string | undefined {
  // A name that was reported as unknown and is handed back is waited for: it may come again.
  return queries.find(
    (query) => !isPnp(query) && !query.flags?.ignore && !query.flags?.unknown && !findReader(snapshot, query.reader),
  )?.reader;
}

/** What there is to tell a caller of each reader. @param eventsAtStart `readerEvents` when the wait began */
export function reportReaders(
  queries: readonly ReaderStateQuery[],
  snapshot: Snapshot,
  eventsAtStart: number,
): ReaderStateReport[] {
  return queries.map((query) => {
    const { reader } = query;
    if (query.flags?.ignore) return { reader, flags: { ignore: true }, eventCount: 0, atr: noAtr };
    if (isPnp(query)) {
      const believed = query.eventCount || eventsAtStart;
      const flags: ReaderFlags = believed === snapshot.readerEvents ? {} : { changed: true };
      return { reader, flags, eventCount: snapshot.readerEvents, atr: noAtr };
    }
    const state = findReader(snapshot, reader);
    return state === undefined ? reportVanished(query) : reportReader(query, state);
  });
}

function reportVanished({ eventCount = 0, flags, reader }: ReaderStateQuery): ReaderStateReport {
  const reported: { [flag in ReaderFlag]?: true } = { unknown: true, unavailable: true };
  if (!flags?.unknown) reported.changed = true;
  return { reader, flags: reported, eventCount, atr: noAtr };
}

function reportReader(query: ReaderStateQuery, { atr, state }: NativeReaderState): ReaderStateReport {
  const { eventCount, flags } = decodeReaderState(state & ~CHANGED);
  const changed = differs(query, flags, eventCount);
  return {
    reader: query.reader,
    flags: changed ? { ...flags, changed: true } : flags,
    eventCount,
    atr: flags.present ? atr.slice() : noAtr,
  };
}

/** What the library is asked to wait for: that anything differs from what was seen. */
export function whatWasSeen(
  snapshot: Snapshot,
  notification: number | undefined,
): { readonly name: string; readonly state: number }[] {
  const seen = snapshot.readers.map(({ name, state }) => ({ name, state: (state & ~CHANGED) >>> 0 }));
  return notification === undefined ? seen : [...seen, { name: PNP_NOTIFICATION, state: notification }];
}
