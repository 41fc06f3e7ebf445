// SPDX-License-Identifier: MIT

import { copyBytes } from "../binary/index.ts";
import {
  type CardState,
  cardStates,
  PNP_NOTIFICATION,
  type ReaderFlag,
  type ReaderFlags,
  type ReaderStateQuery,
  type ReaderStateReport,
} from "../pcsc/index.ts";
import type { ReaderState } from "../pcsclite/index.ts";

/** The readers at one moment. */
export interface Snapshot {
  readonly readers: readonly ReaderState[];
  /** How many readers came and went so far, from 1 on. */
  readonly readerEvents: number;
}

const noAtr = new Uint8Array();
const pnpKey = readerKey(PNP_NOTIFICATION);

/** The form in which reader names are compared: without regard to case. */
export function readerKey(name: string): string {
  return name.toLowerCase();
}

/** Whether a query is about the coming and going of readers. */
export function isPnp(query: ReaderStateQuery): boolean {
  return readerKey(query.reader) === pnpKey;
}

/** The reader of that name. */
export function findReader(snapshot: Snapshot, name: string): ReaderState | undefined {
  const key = readerKey(name);
  return snapshot.readers.find((reader) => readerKey(reader.name) === key);
}

/** The first query that names a reader which is not there, and is not waited for either. */
export function unknownReader(queries: readonly ReaderStateQuery[], snapshot: Snapshot): string | undefined {
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
 */
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

function reportVanished(query: ReaderStateQuery): ReaderStateReport {
  const flags: { [flag in ReaderFlag]?: true } = { unknown: true, unavailable: true };
  if (!query.flags?.unknown) flags.changed = true;
  return { reader: query.reader, flags, eventCount: query.eventCount ?? 0, atr: noAtr };
}

function reportReader(query: ReaderStateQuery, state: ReaderState): ReaderStateReport {
  const flags = flagsOf(state);
  const eventCount = state.eventCounter & 0xffff;
  const atr = flags.present ? copyBytes(state.atr) : noAtr;
  const changed = differs(query, flags, eventCount);
  return { reader: query.reader, flags: changed ? { ...flags, changed: true } : flags, eventCount, atr };
}

function flagsOf({ sharing, state }: ReaderState): ReaderFlags {
  if (has(state, "unknown")) return { unavailable: true };
  if (!has(state, "present")) return { empty: true };
  const flags: { [flag in ReaderFlag]?: true } = { present: true };
  if (has(state, "swallowed")) flags.mute = true;
  if (sharing < 0) flags.exclusive = true;
  else if (sharing > 0) flags.inuse = true;
  return flags;
}

/**
 * Whether a reader's state differs from what the caller believes, as libpcsclite sees it; flags that say nothing of a
 * point match any.
 */
export function differs(query: ReaderStateQuery, actual: ReaderFlags, eventCount: number): boolean {
  const believed: ReaderFlags = query.flags ?? {};
  const count = query.eventCount ?? 0;
  const unaware = count === 0 && Object.values(believed).every((flag) => !flag);
  if (unaware || believed.unknown || !believed.unavailable !== !actual.unavailable) return true;
  if (count !== 0 && count !== eventCount) return true;
  if (actual.unavailable) return false;
  if (believed.empty) return actual.empty !== true;
  if (!believed.present && !believed.atrmatch) return false;
  if (!actual.present || !believed.mute !== !actual.mute) return true;
  if (actual.exclusive) return believed.inuse === true;
  if (actual.inuse) return believed.exclusive === true;
  return believed.inuse === true || believed.exclusive === true;
}

/** Later ones say more: pcscd sets PRESENT, POWERED and NEGOTIABLE at once. */
const tellingStates: readonly CardState[] = [
  "specific",
  "negotiable",
  "powered",
  "swallowed",
  "present",
  "absent",
] as const;

/** The state of a card, of the several that the service shows at once. */
export function cardState(state: number): CardState {
  return tellingStates.find((name) => has(state, name)) ?? "unknown";
}

function has(state: number, name: CardState): boolean {
  return (state & cardStates[name].pcsclite) !== 0;
}
