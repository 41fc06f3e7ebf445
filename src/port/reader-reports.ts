// SPDX-License-Identifier: MIT

import { copyBytes } from "../base/binary/index.ts";
import { SmartCardError } from "./error.ts";
import { isPseudoReader, readerKey } from "./reader-names.ts";
import type { ReaderStateQuery, ReaderStateReport } from "./resource-manager.ts";
import { expectsCard, type ReaderFlag, type ReaderFlags, STATUS_CHANGE } from "./vocabulary.ts";

/** A reader's state at one moment. */
export interface ReaderNow {
  readonly flags: ReaderFlags;
  /** 0 to 65,535. */
  readonly eventCount: number;
  readonly atr: Uint8Array;
}

/** The readers at one moment. */
export interface ReadersNow {
  /** The count of the pseudo reader, 0 to 65,535. */
  readonly pnpCount: number;
  /** The state of the reader with that {@link readerKey}; undefined for one that is not there. */
  readonly find: (key: string) => ReaderNow | undefined;
}

/** Where Windows and pcsc-lite report changes differently. */
export interface ReportRules {
  /** Whether a card that comes into use, or out of it, is a change for a caller that did not ask about use. */
  readonly useIsAChange: boolean;
  /** Whether a reader that is gone is to be ignored from then on. */
  readonly vanishedIsIgnored: boolean;
  /** What the pseudo reader counts: the readers, or arrivals and departures. */
  readonly pnpCounts: "readers" | "events";
}

/** As libpcsclite reports changes. */
export const pcscliteReports: ReportRules = { useIsAChange: false, vanishedIsIgnored: false, pnpCounts: "events" };

const noAtr = new Uint8Array();

/**
 * The report on each reader of a query.
 *
 * @param pnpAtStart the count of the pseudo reader when the wait began
 */
export function reportReaders(
  queries: readonly ReaderStateQuery[],
  now: ReadersNow,
  pnpAtStart: number,
  rules: ReportRules,
): ReaderStateReport[] {
  return queries.map((query) => {
    const { reader } = query;
    if (query.flags?.ignore) return { reader, flags: { ignore: true }, eventCount: 0, atr: noAtr };
    if (isPseudoReader(reader)) return reportPnp(query, now.pnpCount, pnpAtStart, rules);
    const known = now.find(readerKey(reader));
    return known === undefined ? reportVanished(query, rules) : reportReader(query, known, rules);
  });
}

/** Whether reports answer a query at once: something has changed, or there is nothing to watch. */
export function answersQuery(queries: readonly ReaderStateQuery[], reports: readonly ReaderStateReport[]): boolean {
  return reports.some((report) => report.flags.changed) || queries.every((query) => query.flags?.ignore);
}

/** @throws unknown-reader for the first query about a reader that is not there, unless it waits for that reader */
export function checkReadersKnown(queries: readonly ReaderStateQuery[], isThere: (key: string) => boolean): void {
  for (const { flags, reader } of queries) {
    // A name that was reported as unknown and is handed back is waited for: it may come again.
    if (isPseudoReader(reader) || flags?.ignore || flags?.unknown || isThere(readerKey(reader))) continue;
    throw unknownReader(reader, STATUS_CHANGE);
  }
}

/** The error for a name that no reader has. */
export function unknownReader(reader: string, operation: string): SmartCardError {
  return new SmartCardError("unknown-reader", `there is no reader "${reader}"`, { reader, operation });
}

/** The error for a status wait whose deadline has passed. */
export function noChange(readerStates: readonly ReaderStateReport[]): SmartCardError {
  const details = { operation: STATUS_CHANGE, readerStates };
  return new SmartCardError("timeout", "no reader changed in the time given", details);
}

function reportPnp(
  { eventCount: known, reader }: ReaderStateQuery,
  eventCount: number,
  pnpAtStart: number,
  { pnpCounts }: ReportRules,
): ReaderStateReport {
  // Windows compares with the number of readers that the caller knows; pcsc-lite only with a count that it gave out.
  const believed = pnpCounts === "readers" ? (known ?? 0) : known || pnpAtStart;
  const flags: ReaderFlags = believed === eventCount ? {} : { changed: true };
  return { reader, flags, eventCount, atr: noAtr };
}

function reportVanished(query: ReaderStateQuery, { vanishedIsIgnored }: ReportRules): ReaderStateReport {
  const flags: { [flag in ReaderFlag]?: true } = { unknown: true, unavailable: true };
  if (!query.flags?.unknown) {
    flags.changed = true;
    if (vanishedIsIgnored) flags.ignore = true;
  }
  return { reader: query.reader, flags, eventCount: query.eventCount ?? 0, atr: noAtr };
}

function reportReader(
  query: ReaderStateQuery,
  { atr, eventCount, flags }: ReaderNow,
  rules: ReportRules,
): ReaderStateReport {
  return {
    reader: query.reader,
    flags: differs(query, flags, eventCount, rules) ? { ...flags, changed: true } : flags,
    eventCount,
    atr: flags.present ? copyBytes(atr) : noAtr,
  };
}

/** Whether a reader's state differs from what the caller believes; flags without information match any state. */
function differs(
  query: ReaderStateQuery,
  actual: ReaderFlags,
  eventCount: number,
  { useIsAChange }: ReportRules,
): boolean {
  const believed: ReaderFlags = query.flags ?? {};
  const count = query.eventCount ?? 0;
  const unaware = count === 0 && Object.values(believed).every((flag) => !flag);
  if (unaware || believed.unknown || !believed.unavailable !== !actual.unavailable) return true;
  if (count !== 0 && count !== eventCount) return true;
  if (actual.unavailable) return false;
  if (believed.empty) return actual.empty !== true;
  if (!expectsCard(believed)) return false;
  if (!actual.present || !believed.mute !== !actual.mute) return true;
  if (useIsAChange) return !believed.exclusive !== !actual.exclusive || !believed.inuse !== !actual.inuse;
  if (actual.exclusive) return believed.inuse === true;
  if (actual.inuse) return believed.exclusive === true;
  return believed.inuse === true || believed.exclusive === true;
}
