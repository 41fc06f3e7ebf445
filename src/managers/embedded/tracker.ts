// SPDX-License-Identifier: MIT

import {
  answersQuery,
  type Clock,
  checkReadersKnown,
  noChange,
  PNP_NOTIFICATION,
  PromisedWait,
  type ReaderFlag,
  type ReaderNow,
  type ReaderStateQuery,
  type ReaderStateReport,
  readerKey,
  reportReaders,
  type SmartCardError,
  STATUS_CHANGE,
  type WaitOptions,
  type WaitSet,
} from "../../port/index.ts";
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
    checkReadersKnown(queries, (key) => this.#readers.get(key) !== undefined);
    const pnpAtStart = this.#pnpCount();
    const reports = this.#evaluate(queries, pnpAtStart);
    if (answersQuery(queries, reports)) return Promise.resolve(reports);
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
    const deps = {
      clock: this.#clock,
      waits,
      operation: STATUS_CHANGE,
      timedOut: () => this.#timedOut(queries, pnpAtStart),
      ended: () => {
        for (const key of keys) this.#unwatch(key, watcher);
      },
    };
    const watcher: StatusWait = { queries, pnpAtStart, wait: new PromisedWait(deps, options) };
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
    return noChange(this.#evaluate(queries, pnpAtStart));
  }

  #evaluate(queries: readonly ReaderStateQuery[], pnpAtStart: number): ReaderStateReport[] {
    const find = (key: string): ReaderNow | undefined => {
      const state = this.#readers.get(key);
      return state && this.#stateNow(state);
    };
    return reportReaders(queries, { pnpCount: this.#pnpCount(), find }, pnpAtStart, this.#profile);
  }

  #pnpCount(): number {
    return this.#profile.pnpCounts === "readers" ? this.#readers.count() & 0xffff : this.#readerEvents;
  }

  #stateNow({ card, eventCount, use }: TrackedState): ReaderNow {
    if (card === undefined) return { flags: { empty: true }, eventCount, atr: noAtr };
    const flags: { [flag in ReaderFlag]?: true } = { present: true };
    if (card.mute) flags.mute = true;
    if (!card.powered && this.#profile.reportsUnpowered) flags.unpowered = true;
    if (use === "exclusive") flags.exclusive = true;
    else if (use === "shared") flags.inuse = true;
    return { flags, eventCount, atr: card.atr };
  }
}
