// SPDX-License-Identifier: MIT

import {
  type Clock,
  expectsCard,
  PNP_NOTIFICATION,
  PromisedWait,
  type ReaderFlag,
  type ReaderFlags,
  type ReaderStateQuery,
  type ReaderStateReport,
  readerKey,
  SmartCardError,
  type WaitOptions,
  type WaitSet,
} from "../pcsc/index.ts";
import type { Profile } from "./profile.ts";

/** The state of one reader, as tracking sees it. */
export interface TrackedState {
  readonly name: string;
  /** Arrival, insertions and removals so far: 1 to 65,535, then 1 again. 0 is left to callers that have no count. */
  readonly eventCount: number;
  readonly card: { readonly atr: Uint8Array; readonly mute: boolean; readonly powered: boolean } | undefined;
  readonly use: "free" | "shared" | "exclusive";
}

/** Where the tracker looks readers up. */
export interface TrackedReaders {
  /** How many there are. */
  count(): number;
  /** The state of the reader with that {@link readerKey}, if there is one. */
  get(key: string): TrackedState | undefined;
}

interface StatusWait {
  readonly queries: readonly ReaderStateQuery[];
  /** The pseudo reader's count when the wait began. */
  readonly pnpAtStart: number;
  readonly wait: PromisedWait<ReaderStateReport[]>;
}

const pnpKey = readerKey(PNP_NOTIFICATION);
const noAtr = new Uint8Array();

/** Counts on from `count`; never 0, so that a count that is handed back is always told from none. */
export function nextEventCount(count: number): number {
  return count >= 0xffff ? 1 : count + 1;
}

/** Answers status queries, and keeps the waits that have nothing to report yet. */
export class Tracker {
  readonly #clock: Clock;
  readonly #profile: Profile;
  readonly #readers: TrackedReaders;
  /** Waits by the key of each reader that they watch. */
  readonly #watchers = new Map<string, Set<StatusWait>>();
  readonly #listeners = new Set<() => void>();
  #readerEvents = 1;

  constructor(clock: Clock, profile: Profile, readers: TrackedReaders) {
    this.#clock = clock;
    this.#profile = profile;
    this.#readers = readers;
  }

  /** Answers at once if anything differs from the caller's state, and otherwise waits until it does. */
  getStatusChange(
    queries: readonly ReaderStateQuery[],
    options: WaitOptions,
    waits: WaitSet,
  ): Promise<ReaderStateReport[]> {
    for (const { reader, flags } of queries) {
      const key = readerKey(reader);
      // A name that was reported as unknown and is handed back is waited for: it may come again.
      if (key !== pnpKey && !flags?.ignore && !flags?.unknown && this.#readers.get(key) === undefined) {
        throw new SmartCardError("unknown-reader", `there is no reader "${reader}"`, {
          reader,
          operation: "status change",
        });
      }
    }
    const pnpAtStart = this.#pnpCount();
    const reports = this.#evaluate(queries, pnpAtStart);
    const nothingToWatch = queries.every((query) => query.flags?.ignore);
    if (nothingToWatch || reports.some((report) => report.flags.changed)) return Promise.resolve(reports);
    if (options.timeoutMs === 0) return Promise.reject(this.#timedOut(queries, pnpAtStart));
    return this.#watch(queries, pnpAtStart, options, waits);
  }

  /** Arrivals and departures so far. */
  get readerEvents(): number {
    return this.#readerEvents;
  }

  /** Calls `changed` at every change from now on, until the function that is returned is called. */
  listen(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** A reader has changed: those who watch it and now have something to report are woken. */
  readerChanged(name: string): void {
    this.#wake(readerKey(name));
    for (const changed of this.#listeners) changed();
  }

  /** A reader has come or gone. */
  readersChanged(name: string): void {
    this.#readerEvents = nextEventCount(this.#readerEvents);
    this.#wake(pnpKey);
    this.readerChanged(name);
  }

  #watch(
    queries: readonly ReaderStateQuery[],
    pnpAtStart: number,
    options: WaitOptions,
    waits: WaitSet,
  ): Promise<ReaderStateReport[]> {
    const keys = new Set(queries.filter((query) => !query.flags?.ignore).map((query) => readerKey(query.reader)));
    const setting = {
      clock: this.#clock,
      waits,
      operation: "status change",
      timedOut: () => this.#timedOut(queries, pnpAtStart),
      ended: () => {
        for (const key of keys) this.#unwatch(key, watcher);
      },
    };
    const watcher: StatusWait = { queries, pnpAtStart, wait: new PromisedWait(setting, options) };
    for (const key of keys) {
      const watchers = this.#watchers.get(key);
      if (watchers === undefined) this.#watchers.set(key, new Set([watcher]));
      else watchers.add(watcher);
    }
    return watcher.wait.promise;
  }

  #unwatch(key: string, watcher: StatusWait): void {
    const watchers = this.#watchers.get(key);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(key);
  }

  #wake(key: string): void {
    for (const watcher of this.#watchers.get(key) ?? []) {
      const reports = this.#evaluate(watcher.queries, watcher.pnpAtStart);
      if (reports.some((report) => report.flags.changed)) watcher.wait.resolve(reports);
    }
  }

  #timedOut(queries: readonly ReaderStateQuery[], pnpAtStart: number): SmartCardError {
    return new SmartCardError("timeout", "no reader changed in the time given", {
      operation: "status change",
      readerStates: this.#evaluate(queries, pnpAtStart),
    });
  }

  #evaluate(queries: readonly ReaderStateQuery[], pnpAtStart: number): ReaderStateReport[] {
    return queries.map((query) => {
      if (query.flags?.ignore) return { reader: query.reader, flags: { ignore: true }, eventCount: 0, atr: noAtr };
      if (readerKey(query.reader) === pnpKey) return this.#reportPnp(query, pnpAtStart);
      const state = this.#readers.get(readerKey(query.reader));
      return state === undefined ? this.#reportVanished(query) : this.#reportReader(query, state);
    });
  }

  #pnpCount(): number {
    return this.#profile.pnpCounts === "readers" ? this.#readers.count() & 0xffff : this.#readerEvents;
  }

  #reportPnp(query: ReaderStateQuery, pnpAtStart: number): ReaderStateReport {
    const eventCount = this.#pnpCount();
    // Windows compares with the number of readers that the caller knows; pcsc-lite only with a count that it gave out.
    const believed = this.#profile.pnpCounts === "readers" ? (query.eventCount ?? 0) : query.eventCount || pnpAtStart;
    const flags: ReaderFlags = believed === eventCount ? {} : { changed: true };
    return { reader: query.reader, flags, eventCount, atr: noAtr };
  }

  #reportVanished(query: ReaderStateQuery): ReaderStateReport {
    const flags: { [flag in ReaderFlag]?: true } = { unknown: true, unavailable: true };
    if (!query.flags?.unknown) {
      flags.changed = true;
      if (this.#profile.vanishedIsIgnored) flags.ignore = true;
    }
    return { reader: query.reader, flags, eventCount: query.eventCount ?? 0, atr: noAtr };
  }

  #reportReader(query: ReaderStateQuery, state: TrackedState): ReaderStateReport {
    const flags: { [flag in ReaderFlag]?: true } = {};
    if (state.card === undefined) flags.empty = true;
    else {
      flags.present = true;
      if (state.card.mute) flags.mute = true;
      if (!state.card.powered && this.#profile.reportsUnpowered) flags.unpowered = true;
      if (state.use === "exclusive") flags.exclusive = true;
      else if (state.use === "shared") flags.inuse = true;
    }
    if (this.#differs(query, flags, state.eventCount)) flags.changed = true;
    return {
      reader: query.reader,
      flags,
      eventCount: state.eventCount,
      atr: state.card === undefined ? noAtr : new Uint8Array(state.card.atr),
    };
  }

  /** Whether a reader's state differs from the caller's; flags without information match any state. */
  #differs(query: ReaderStateQuery, actual: ReaderFlags, eventCount: number): boolean {
    const believed: ReaderFlags = query.flags ?? {};
    const count = query.eventCount ?? 0;
    const unaware = count === 0 && Object.values(believed).every((flag) => !flag);
    if (unaware || believed.unavailable || believed.unknown) return true;
    if (count !== 0 && count !== eventCount) return true;
    if (believed.empty) return actual.empty !== true;
    if (!expectsCard(believed)) return false;
    if (!actual.present || !believed.mute !== !actual.mute) return true;
    if (this.#profile.useIsAChange) {
      return !believed.exclusive !== !actual.exclusive || !believed.inuse !== !actual.inuse;
    }
    if (actual.exclusive) return believed.inuse === true;
    if (actual.inuse) return believed.exclusive === true;
    return believed.inuse === true || believed.exclusive === true;
  }
}
