// SPDX-License-Identifier: MIT

import {
  type ReaderEvent,
  type ReaderFlag,
  type ReaderStateReport,
  type ResourceManager,
  readerFlags,
  type SmartCardError,
  watchReaders,
} from "../../port/index.ts";

/** What can happen to a reader and the card in it. */
export type Happening =
  /** The reader was there when watching began, or has come since. */
  | "reader-present"
  | "reader-added"
  | "reader-removed"
  /** A card was in when the reader was first seen. */
  | "card-present"
  | "card-inserted"
  | "card-removed"
  | "card-mute"
  | "card-answers"
  | "in-use"
  | "exclusive"
  | "free";

/** One thing that was seen: a reader's state, and how it differs from the state before. */
export interface ReaderUpdate {
  readonly reader: string;
  readonly happenings: readonly Happening[];
  readonly flags: readonly ReaderFlag[];
  readonly eventCount: number;
  /** Empty without a card. */
  readonly atr: Uint8Array;
}

/** How two states of a reader differ; empty where nothing that people care about does. */
export function differences(before: ReaderStateReport, now: ReaderStateReport): Happening[] {
  const happenings: Happening[] = [];
  const [was, is] = [before.flags, now.flags];
  if (was.present && !is.present) return ["card-removed"];
  if (!was.present && is.present) happenings.push("card-inserted");
  if (is.mute && !was.mute) happenings.push("card-mute");
  if (!is.mute && was.mute) happenings.push("card-answers");
  if (is.exclusive && !was.exclusive) happenings.push("exclusive");
  else if (is.inuse && !was.inuse) happenings.push("in-use");
  else if (!is.exclusive && !is.inuse && (was.exclusive || was.inuse)) happenings.push("free");
  return happenings;
}

/** How to watch. */
export interface WatchUpdatesOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** True ends it when the state of all readers was told. */
  readonly once?: boolean;
  /** Told when the service that has the readers goes, with the reason, and when it is back. */
  readonly service?: (lost: SmartCardError | undefined) => void;
}

/** Sees everything that happens to readers: the state of each first, then every change. */
export async function* watchUpdates(
  manager: ResourceManager,
  options: WatchUpdatesOptions,
): AsyncGenerator<ReaderUpdate> {
  const known = new Map<string, ReaderStateReport>();
  for await (const event of watchReaders(manager, { signal: options.signal })) {
    switch (event.kind) {
      case "state-complete":
        if (options.once) return;
        break;
      case "service-lost":
        options.service?.(event.error);
        break;
      case "service-back":
        options.service?.(undefined);
        break;
      default: {
        const update = updateOf(known, event);
        if (update.happenings.length > 0) yield update;
      }
    }
  }
}

type EventOfReader = Extract<ReaderEvent, { readonly reader: string }>;

function updateOf(known: Map<string, ReaderStateReport>, event: EventOfReader): ReaderUpdate {
  const { reader } = event;
  const before = known.get(reader) ?? { reader, flags: {}, eventCount: 0, atr: new Uint8Array(0) };
  if (event.kind === "reader-gone") {
    known.delete(reader);
    return { ...before, atr: new Uint8Array(0), flags: ["unknown", "unavailable"], happenings: ["reader-removed"] };
  }
  const { state } = event;
  known.set(reader, state);
  const flags = readerFlags.filter((flag) => state.flags[flag]);
  const changes = differences(before, state);
  const happenings: Happening[] =
    event.kind === "reader-arrived"
      ? [event.initial ? "reader-present" : "reader-added", ...changes.map(asPresent)]
      : changes;
  return { reader, happenings, flags, eventCount: state.eventCount, atr: state.atr };
}

function asPresent(happening: Happening): Happening {
  return happening === "card-inserted" ? "card-present" : happening;
}
