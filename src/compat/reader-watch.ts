// SPDX-License-Identifier: MIT

import {
  type CancelTimer,
  type Context,
  type ErrorCode,
  PNP_NOTIFICATION,
  type ReaderStateQuery,
  type ReaderStateReport,
  SmartCardError,
  type WaitOptions,
} from "../pcsc/index.ts";
import type { CompatHost } from "./host.ts";
import { watchLimits } from "./limits.ts";

/** Who is told what happens to the readers. None of these may throw. */
export interface ReaderWatchEvents {
  /** A reader is there: one of those there were, or a new one. */
  arrived(state: ReaderStateReport): void;
  /**
   * A card came or went, or what else a reader's state tells has changed. A card that was out and in again between two
   * looks went first and came then: programs that compare states would see no difference.
   */
  changed(state: ReaderStateReport): void;
  /** A reader is there no more, or the service is gone that had it. */
  left(reader: string): void;
  /**
   * There is no service, or it has gone. It is said once; the service is looked for again, with growing pauses, and its
   * readers arrive when it is back.
   */
  failed(error: SmartCardError): void;
}

/**
 * Watches the readers of a manager, for as long as anybody wants to know. Where there is no service it is looked for again
 * with growing pauses, and nothing loops. While it watches, the program is kept alive.
 */
export class ReaderWatch {
  readonly #host: CompatHost;
  readonly #events: ReaderWatchEvents;
  /** What is known of each reader, as the manager is to be told in the next wait. */
  readonly #known = new Map<string, ReaderStateQuery>();
  /** Readers that nobody wants to hear of until they have left. */
  readonly #ignored = new Set<string>();
  #discovering = true;
  #stopped = false;
  #failure: ErrorCode | undefined;
  #pauseMs: number = watchLimits.firstTryMs;
  /** Ends the wait under way, because what is waited for has changed. */
  #interruption = new AbortController();
  #endPause: (() => void) | undefined;

  constructor(host: CompatHost, events: ReaderWatchEvents) {
    this.#host = host;
    this.#events = events;
  }

  /** Begins to watch; resolves when it is over. Called once. */
  async run(): Promise<void> {
    const letProgramEnd = this.#keepProgramAlive();
    try {
      while (!this.#isOver()) {
        await this.#watchOnce();
        if (this.#isOver()) break;
        await this.#pause(this.#pauseMs);
        this.#pauseMs = Math.min(2 * this.#pauseMs, watchLimits.lastTryMs);
      }
    } finally {
      letProgramEnd();
    }
  }

  /** Looks for no new readers any more; those that are known are watched on. */
  stopDiscovery(): void {
    this.#discovering = false;
    this.#interrupt();
  }

  /** Tells no more of a reader, until it has left and come back. */
  ignore(reader: string): void {
    this.#ignored.add(reader);
    this.#interrupt();
  }

  /** Ends it: nothing more is told. */
  stop(): void {
    this.#stopped = true;
    this.#interrupt();
  }

  #isOver(): boolean {
    return this.#stopped || (!this.#discovering && this.#watched().length === 0);
  }

  #watched(): ReaderStateQuery[] {
    return [...this.#known.values()].filter((query) => !this.#ignored.has(query.reader));
  }

  #interrupt(): void {
    this.#interruption.abort();
    this.#endPause?.();
  }

  /** From opening the manager to the end of its service, or of the watch. */
  async #watchOnce(): Promise<void> {
    let context: Context | undefined;
    try {
      const manager = await this.#host.manager();
      context = await manager.establishContext();
      await this.#watch(context);
    } catch (error) {
      if (!this.#isOver()) this.#lost(error);
    } finally {
      // Where the service has gone, the context has gone with it.
      await context?.release().catch(() => {});
    }
  }

  #lost(error: unknown): void {
    const failure =
      error instanceof SmartCardError
        ? error
        : new SmartCardError("internal-error", "watching the readers failed", {}, { cause: error });
    for (const query of this.#known.values()) {
      if (query.flags !== undefined && !this.#ignored.has(query.reader)) this.#events.left(query.reader);
    }
    this.#known.clear();
    this.#ignored.clear();
    // A service that stays away is one failure, and is told once.
    if (this.#failure !== failure.code && !this.#isOver()) this.#events.failed(failure);
    this.#failure = failure.code;
  }

  async #watch(context: Context): Promise<void> {
    // What comes after this count was taken ends the next wait at once, so the readers are listed behind it.
    let pnp = await this.#lookAtPnp(context);
    for (;;) {
      this.#interruption = new AbortController();
      await this.#list(context);
      if (this.#isOver()) return;
      const queries = [...(this.#discovering ? [pnp] : []), ...this.#watched()];
      const reports = await this.#nextReports(context, queries, { signal: this.#interruption.signal });
      this.#failure = undefined;
      this.#pauseMs = watchLimits.firstTryMs;
      for (const report of reports) {
        if (report.reader === PNP_NOTIFICATION) pnp = { reader: PNP_NOTIFICATION, eventCount: report.eventCount };
        else this.#take(report);
      }
    }
  }

  /** Brings what is known in line with the readers that there are. */
  async #list(context: Context): Promise<void> {
    const names = new Set(await context.listReaders());
    for (const reader of this.#known.keys()) if (!names.has(reader)) this.#forget(reader);
    if (!this.#discovering) return;
    for (const reader of names) if (!this.#known.has(reader)) this.#known.set(reader, { reader });
  }

  #forget(reader: string): void {
    const told = this.#known.get(reader)?.flags !== undefined && !this.#ignored.has(reader);
    this.#known.delete(reader);
    this.#ignored.delete(reader);
    if (told && !this.#stopped) this.#events.left(reader);
  }

  #take(report: ReaderStateReport): void {
    const { reader, eventCount } = report;
    const before = this.#known.get(reader);
    if (before === undefined || this.#stopped || this.#ignored.has(reader)) return;
    if (report.flags.unknown) {
      this.#forget(reader);
      return;
    }
    const { changed, ...flags } = report.flags;
    this.#known.set(reader, { reader, flags, eventCount });
    if (before.flags === undefined) this.#events.arrived(report);
    else if (changed) {
      if (before.flags.present && flags.present && before.eventCount !== eventCount) this.#events.changed(gap(report));
      this.#events.changed(report);
    }
  }

  /** The next reports; none where the wait was interrupted, or a reader has gone since they were listed. */
  async #nextReports(
    context: Context,
    queries: readonly ReaderStateQuery[],
    wait: WaitOptions,
  ): Promise<readonly ReaderStateReport[]> {
    try {
      return await context.getStatusChange(queries, wait);
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      if (error.code === "cancelled" && this.#interruption.signal.aborted) return [];
      if (error.code !== "unknown-reader") throw error;
      // The next list will not have it. A manager that lists what it does not know is not asked without a pause.
      await this.#pause(watchLimits.firstTryMs);
      return [];
    }
  }

  async #lookAtPnp(context: Context): Promise<ReaderStateQuery> {
    try {
      const [report] = await context.getStatusChange([{ reader: PNP_NOTIFICATION }], { timeoutMs: 0 });
      return { reader: PNP_NOTIFICATION, eventCount: report?.eventCount ?? 0 };
    } catch (error) {
      if (!(error instanceof SmartCardError) || error.code !== "timeout") throw error;
      return { reader: PNP_NOTIFICATION, eventCount: error.details.readerStates?.[0]?.eventCount ?? 0 };
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#endPause = undefined;
        resolve();
      };
      const cancel = this.#host.clock.schedule(delayMs, "watch readers: next try", end);
      this.#endPause = end;
    });
  }

  /** A wait alone keeps no program alive where the manager lives in it. */
  #keepProgramAlive(): CancelTimer {
    const arm = (): CancelTimer =>
      this.#host.clock.schedule(watchLimits.keepAliveMs, "watch readers", () => {
        cancel = arm();
      });
    let cancel = arm();
    return () => cancel();
  }
}

/** The reader as it must have been between two cards. */
function gap({ reader, eventCount }: ReaderStateReport): ReaderStateReport {
  // The count runs from 1 to 65,535 and around.
  const before = eventCount > 1 ? eventCount - 1 : 0xffff;
  return { reader, flags: { changed: true, empty: true }, eventCount: before, atr: new Uint8Array(0) };
}
