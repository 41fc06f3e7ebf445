// SPDX-License-Identifier: MIT

import { type CancelTimer, type Clock, SmartCardError } from "../../port/index.ts";
import type { ControlCommand, ControlResults, WhoReport } from "../daemon/index.ts";
import { LocksKept } from "./locks-kept.ts";
import type { ShownReport } from "./messages.ts";

/** Asks the daemon. @throws SmartCardError where it does not answer, or refuses */
export type AskDaemon = <C extends ControlCommand>(command: C) => Promise<ControlResults[C["command"]]>;

/** What a feed tells. */
export interface FeedEvents {
  reported(report: ShownReport): void;
  gone(reason: string): void;
}

/** How often the daemon is asked who uses what, in milliseconds, and how soon again after something was done. */
const ASK_MS = 1000;
const SOON_MS = 50;
/** A page gets so many readers, and so many connections and waiting clients of each. */
const MAX_READERS = 256;
const MAX_ENTRIES = 64;

/** Asks the daemon who uses what, for all pages at once, and only while there are pages. */
export class DaemonFeed {
  readonly #clock: Clock;
  readonly #ask: AskDaemon;
  readonly #listeners = new Set<FeedEvents>();
  #last: ((events: FeedEvents) => void) | undefined;
  #cancel: CancelTimer | undefined;
  /** What the pages are told of locks. */
  readonly locks: LocksKept = new LocksKept();
  /** The daemon that was asked last, and how much of its locks is known. */
  #daemon: { readonly pid: number; readonly last: number } | undefined;
  #goneAt: number | undefined;
  #isAsking = false;
  #isNudged = false;

  constructor(deps: { readonly clock: Clock; readonly ask: AskDaemon }) {
    this.#clock = deps.clock;
    this.#ask = deps.ask;
  }

  /** Tells a page what is known, and what changes, until the function that is returned is called. */
  follow(events: FeedEvents): () => void {
    this.#listeners.add(events);
    this.#last?.(events);
    this.nudge();
    return () => {
      this.#listeners.delete(events);
      if (this.#listeners.size > 0) return;
      this.#last = undefined;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  /** Something was done: the daemon is asked soon. */
  nudge(): void {
    this.#isNudged = true;
    if (!this.#isAsking) this.#askIn(this.#last === undefined ? 0 : SOON_MS);
  }

  #askIn(ms: number): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#listeners.size === 0) return;
    this.#cancel = this.#clock.schedule(ms, "console: who", () => void this.#look(), { background: true });
  }

  async #look(): Promise<void> {
    this.#isAsking = true;
    this.#isNudged = false;
    try {
      const time = this.#clock.wallTime();
      const shown = bounded(await this.#ask({ command: "who" }), time);
      await this.#lookAtLocks(shown.report.daemon.pid, time);
      this.#goneAt = undefined;
      this.#tell((events) => events.reported(shown));
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      this.#goneAt ??= this.#clock.wallTime();
      this.#tell((events) => events.gone(error.reason));
    } finally {
      this.#isAsking = false;
      this.#askIn(this.#isNudged ? SOON_MS : ASK_MS);
    }
  }

  async #lookAtLocks(pid: number, time: number): Promise<void> {
    const known = this.#daemon?.pid === pid ? this.#daemon : undefined;
    const { last, missed, open, over } = await this.#ask({ command: "locks", since: known?.last ?? 0 });
    if (known === undefined) this.locks.end(this.#goneAt ?? time);
    // What a daemon had forgotten before it was asked is not missed.
    this.locks.add({ open, over, missed: known === undefined ? 0 : missed });
    this.#daemon = { pid, last };
  }

  #tell(news: (events: FeedEvents) => void): void {
    this.#last = news;
    for (const events of [...this.#listeners]) news(events);
  }
}

function bounded({ readers, ...report }: WhoReport, time: number): ShownReport {
  const shown = readers.slice(0, MAX_READERS).map(({ connections, queue, ...reader }) => ({
    ...reader,
    connections: connections.slice(0, MAX_ENTRIES),
    queue: queue.slice(0, MAX_ENTRIES),
  }));
  return {
    time,
    // How many clients have contexts is not shown.
    report: { ...report, clients: [], readers: shown },
    readersLeftOut: readers.length - shown.length,
  };
}
