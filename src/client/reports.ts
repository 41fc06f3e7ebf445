// SPDX-License-Identifier: MIT

import { copyBytes } from "../binary/index.ts";
import {
  type CardState,
  cardStates,
  expectsCard,
  isPseudoReader,
  type Protocol,
  type ReaderFlag,
  type ReaderFlags,
  type ReaderStateQuery,
  type ReaderStateReport,
  readerKey,
} from "../pcsc/index.ts";

/** The readers at one moment, as the other side shows them. */
export interface Snapshot<R extends { readonly name: string } = { readonly name: string }> {
  readonly readers: readonly R[];
  /** How many readers came and went so far, from 1 on. */
  readonly readerEvents: number;
}

/** What a reader's state comes to. */
export interface ReaderNow {
  readonly flags: ReaderFlags;
  /** 0 to 65,535. */
  readonly eventCount: number;
  readonly atr: Uint8Array;
}

const noAtr = new Uint8Array();

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

/** The first query that names a reader which is not there, and is not waited for either. */
export function findMissing(queries: readonly ReaderStateQuery[], snapshot: Snapshot): string | undefined {
  // A name that was reported as unknown and is handed back is waited for: it may come again.
  const missing = queries.find(
    (query) => !isPnp(query) && !query.flags?.ignore && !query.flags?.unknown && !findReader(snapshot, query.reader),
  );
  return missing?.reader;
}

/**
 * What there is to tell a caller of each reader.
 *
 * @param eventsAtStart the count of readers that came and went, when the wait began
 * @param read what a reader's state comes to
 */
export function reportReaders<R extends { readonly name: string }>(
  queries: readonly ReaderStateQuery[],
  snapshot: Snapshot<R>,
  eventsAtStart: number,
  read: (reader: R) => ReaderNow,
): ReaderStateReport[] {
  return queries.map((query) => {
    const { reader } = query;
    if (query.flags?.ignore) return { reader, flags: { ignore: true }, eventCount: 0, atr: noAtr };
    if (isPnp(query)) {
      const believed = query.eventCount || eventsAtStart;
      const flags: ReaderFlags = believed === snapshot.readerEvents ? {} : { changed: true };
      return { reader, flags, eventCount: snapshot.readerEvents, atr: noAtr };
    }
    const known = findReader(snapshot, reader);
    return known === undefined ? reportVanished(query) : reportReader(query, read(known));
  });
}

function reportVanished(query: ReaderStateQuery): ReaderStateReport {
  const flags: { [flag in ReaderFlag]?: true } = { unknown: true, unavailable: true };
  if (!query.flags?.unknown) flags.changed = true;
  return { reader: query.reader, flags, eventCount: query.eventCount ?? 0, atr: noAtr };
}

function reportReader(query: ReaderStateQuery, { atr, eventCount, flags }: ReaderNow): ReaderStateReport {
  return {
    reader: query.reader,
    flags: differs(query, flags, eventCount) ? { ...flags, changed: true } : flags,
    eventCount,
    atr: flags.present ? copyBytes(atr) : noAtr,
  };
}

/**
 * Whether a reader's state differs from what the caller believes, as libpcsclite sees it; flags that say nothing of a
 * point match any.
 */
function differs(query: ReaderStateQuery, actual: ReaderFlags, eventCount: number): boolean {
  const believed: ReaderFlags = query.flags ?? {};
  const count = query.eventCount ?? 0;
  const unaware = count === 0 && Object.values(believed).every((flag) => !flag);
  if (unaware || believed.unknown || !believed.unavailable !== !actual.unavailable) return true;
  if (count !== 0 && count !== eventCount) return true;
  if (actual.unavailable) return false;
  if (believed.empty) return actual.empty !== true;
  if (!expectsCard(believed)) return false;
  if (!actual.present || !believed.mute !== !actual.mute) return true;
  if (actual.exclusive) return believed.inuse === true;
  if (actual.inuse) return believed.exclusive === true;
  return believed.inuse === true || believed.exclusive === true;
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
