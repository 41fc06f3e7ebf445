// SPDX-License-Identifier: MIT

import {
  type Context,
  PNP_NOTIFICATION,
  type ReaderFlag,
  type ReaderStateQuery,
  type ReaderStateReport,
  readerFlags,
  SmartCardError,
  type WaitOptions,
} from "../pcsc/index.ts";

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
  /** Another card, or the same one again: it was out and in between two looks. */
  | "card-changed"
  | "card-mute"
  | "card-answers"
  | "in-use"
  | "exclusive"
  | "free";

/** One thing that was seen: a reader's state, and how it differs from the state before. */
export interface Sight {
  readonly reader: string;
  readonly happenings: readonly Happening[];
  readonly flags: readonly ReaderFlag[];
  readonly eventCount: number;
  /** Empty without a card. */
  readonly atr: Uint8Array;
}

/** How two states of a reader differ; empty where nothing that people care about does. */
export function differences(before: ReaderStateReport, now: ReaderStateReport): Happening[] {
  if (now.flags.unknown) return ["reader-removed"];
  const happenings: Happening[] = [];
  const [was, is] = [before.flags, now.flags];
  if (was.present && !is.present) return ["card-removed"];
  if (!was.present && is.present) happenings.push("card-inserted");
  // Out and in again are two events; the count runs from 1 to 65,535 and around.
  const events = (now.eventCount - before.eventCount + 0xffff) % 0xffff;
  if (was.present && is.present && events >= 2) happenings.push("card-changed");
  if (is.mute && !was.mute) happenings.push("card-mute");
  if (!is.mute && was.mute) happenings.push("card-answers");
  if (is.exclusive && !was.exclusive) happenings.push("exclusive");
  else if (is.inuse && !was.inuse) happenings.push("in-use");
  else if (!is.exclusive && !is.inuse && (was.exclusive || was.inuse)) happenings.push("free");
  return happenings;
}

/**
 * Sees everything that happens to readers: the state of each first, then every change. It hands each state back to the
 * manager, so that nothing is missed between two looks. Ends by a failure only: `cancelled` when `signal` is aborted.
 *
 * @param once ends after the first look
 */
export async function* watchReaders(context: Context, signal: AbortSignal, once: boolean): AsyncGenerator<Sight> {
  const known = new Map<string, ReaderStateReport>();
  // The readers are listed after they are counted: one that comes in between makes the next wait return at once.
  let pnp = await lookAtPnp(context);
  for (let arrival: Happening = "reader-present"; ; arrival = "reader-added") {
    const names = new Set(await context.listReaders());
    for (const gone of [...known.values()].filter((report) => !names.has(report.reader))) {
      yield take(known, { ...gone, flags: { unknown: true, unavailable: true }, atr: new Uint8Array() }, arrival);
    }
    const fresh = [...names].filter((name) => !known.has(name));
    const queries = [pnp, ...known.values(), ...fresh.map((reader) => ({ reader }))];
    const reports = await lookAt(context, queries, once ? { timeoutMs: 0 } : { signal });
    for (const report of reports) {
      if (report.reader === PNP_NOTIFICATION) pnp = report;
      else {
        const sight = take(known, report, arrival);
        if (sight.happenings.length > 0) yield sight;
      }
    }
    if (once) return;
  }
}

function take(known: Map<string, ReaderStateReport>, report: ReaderStateReport, arrival: Happening): Sight {
  const before = known.get(report.reader);
  if (report.flags.unknown) known.delete(report.reader);
  else known.set(report.reader, report);
  const empty = { ...report, flags: {} };
  const happenings =
    before === undefined ? [arrival, ...differences(empty, report).map(asPresent)] : differences(before, report);
  const flags = readerFlags.filter((flag) => report.flags[flag] && flag !== "changed");
  return { reader: report.reader, happenings, flags, eventCount: report.eventCount, atr: report.atr };
}

function asPresent(happening: Happening): Happening {
  return happening === "card-inserted" ? "card-present" : happening;
}

/** The states, once there is something to tell. */
async function lookAt(
  context: Context,
  queries: readonly ReaderStateQuery[],
  wait: WaitOptions,
): Promise<readonly ReaderStateReport[]> {
  try {
    return await context.getStatusChange(queries, wait);
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    if (error.code === "timeout") return error.details.readerStates ?? [];
    // A reader has gone since it was listed: the next list does not have it.
    if (error.code === "unknown-reader") return [];
    throw error;
  }
}

async function lookAtPnp(context: Context): Promise<ReaderStateQuery> {
  const [report] = await lookAt(context, [{ reader: PNP_NOTIFICATION }], { timeoutMs: 0 });
  return report ?? { reader: PNP_NOTIFICATION };
}
