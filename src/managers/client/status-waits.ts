// SPDX-License-Identifier: MIT

import {
  answersQuery,
  type Clock,
  checkReadersKnown,
  noChange,
  pcscliteReports,
  type ReaderNow,
  type ReaderStateQuery,
  type ReaderStateReport,
  reportReaders,
  type SmartCardError,
  STATUS_CHANGE,
  Wait,
  type WaitOptions,
  type WaitSet,
} from "../../port/index.ts";
import { findReader, readersNow, type Snapshot } from "./reports.ts";

/** What is asked of a context that waits for a change. */
export interface StatusQuery {
  /** Left alone by the caller. */
  readonly queries: readonly ReaderStateQuery[];
  readonly options: WaitOptions;
  /** Where the wait is kept while it lasts. */
  readonly waits: WaitSet;
}

/** Watches the readers while there are waiting callers. */
export interface Watcher<R extends { readonly name: string }, Seen extends Snapshot<R>> {
  readonly clock: Clock;
  /** What a reader's state comes to. */
  readonly read: (reader: R) => ReaderNow;
  /** The readers as they were when they were last looked at. */
  readonly last: () => Snapshot<R>;
  /** A caller begins to wait for a change of the given state. */
  readonly joined: (seen: Seen) => void;
  /** A caller has stopped waiting. */
  readonly left: () => void;
}

/** A caller that waits for a change. */
export interface StatusWait<Seen> {
  readonly queries: readonly ReaderStateQuery[];
  /** The state that its caller knows. */
  readonly seen: Seen;
  readonly wait: Wait;
  readonly resolve: (reports: ReaderStateReport[]) => void;
}

/**
 * The waits for readers to change. Each first queries the readers, is answered at once if there is a change, and joins the
 * others if not. One watcher serves all of them.
 */
export class StatusWaits<R extends { readonly name: string }, Seen extends Snapshot<R>> {
  readonly #watcher: Watcher<R, Seen>;
  readonly #waiting = new Set<StatusWait<Seen>>();

  constructor(watcher: Watcher<R, Seen>) {
    this.#watcher = watcher;
  }

  get all(): ReadonlySet<StatusWait<Seen>> {
    return this.#waiting;
  }

  /** @param look at the readers, as they are now */
  wait({ options, queries, waits }: StatusQuery, look: () => Promise<Seen>): Promise<ReaderStateReport[]> {
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs } = options;
      const { clock, left } = this.#watcher;
      const until = timeoutMs === undefined ? undefined : clock.now() + timeoutMs;
      // The deadline is told together with the states, so that it cannot pass before they are known.
      const wait = new Wait(
        { clock, waits, operation: STATUS_CHANGE },
        signal === undefined ? {} : { signal },
        (error) => {
          for (const each of this.#waiting) if (each.wait === wait) this.#waiting.delete(each);
          left();
          reject(error);
        },
      );
      look()
        .then((seen) => this.#begin({ queries, seen, wait, resolve }, until))
        .catch((error: unknown) => {
          wait.over();
          reject(error);
        });
    });
  }

  /** Answers the waits that have a change; returns whether there were any. @param mayTell selects the waits that may be answered */
  tell(now: Snapshot<R>, mayTell: (wait: StatusWait<Seen>) => boolean = () => true): boolean {
    let isTold = false;
    for (const waiting of this.#waiting) {
      if (!mayTell(waiting)) continue;
      const reports = this.#report(waiting, now);
      if (!reports.some((report) => report.flags.changed)) continue;
      isTold = true;
      this.#waiting.delete(waiting);
      waiting.wait.over();
      waiting.resolve(reports);
    }
    return isTold;
  }

  /** Ends them all. */
  giveUp(error: SmartCardError): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { wait } of waiting) wait.giveUp(error);
  }

  /** Answers at once if there is a change, and otherwise joins the waits. */
  #begin(asked: StatusWait<Seen>, until: number | undefined): void {
    const { queries, resolve, seen, wait } = asked;
    if (!wait.lasts) return;
    checkReadersKnown(queries, (key) => findReader(seen, key) !== undefined);
    const reports = this.#report(asked, seen);
    if (answersQuery(queries, reports)) {
      wait.over();
      resolve(reports);
      return;
    }
    const { clock, joined, last } = this.#watcher;
    const timedOut = (): SmartCardError => noChange(this.#report(asked, last()));
    const leftMs = until === undefined ? undefined : until - clock.now();
    if (leftMs !== undefined && leftMs <= 0) {
      wait.giveUp(timedOut());
      return;
    }
    this.#waiting.add(asked);
    if (leftMs !== undefined) wait.startDeadline(leftMs, timedOut);
    joined(seen);
  }

  #report({ queries, seen }: StatusWait<Seen>, now: Snapshot<R>): ReaderStateReport[] {
    return reportReaders(queries, readersNow(now, this.#watcher.read), seen.readerEvents, pcscliteReports);
  }
}
