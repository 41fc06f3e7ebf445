// SPDX-License-Identifier: MIT

import {
  type Clock,
  type ReaderStateQuery,
  type ReaderStateReport,
  SmartCardError,
  type WaitOptions,
} from "../pcsc/index.ts";
import { unknownReader } from "./failures.ts";
import { findMissing, type ReaderNow, reportReaders, type Snapshot } from "./reports.ts";
import { Wait, type WaitSet } from "./wait.ts";

const operation = "status change";

/** What is asked of a context that waits for a change. */
export interface StatusQuery {
  /** Left alone by the caller. */
  readonly queries: readonly ReaderStateQuery[];
  readonly options: WaitOptions;
  /** Where the wait is kept while it lasts. */
  readonly waits: WaitSet;
}

/** Who looks at the readers while anybody waits for them to change. */
export interface Watcher<R extends { readonly name: string }, Seen extends Snapshot<R>> {
  readonly clock: Clock;
  /** What a reader's state comes to. */
  readonly read: (reader: R) => ReaderNow;
  /** The readers as they were when they were last looked at. */
  readonly last: () => Snapshot<R>;
  /** One more waits, for a change of what it has seen. */
  readonly joined: (seen: Seen) => void;
  /** One who waited has given up. */
  readonly left: () => void;
}

/** One who waits for a change. */
export interface StatusWait<Seen> {
  readonly queries: readonly ReaderStateQuery[];
  /** What its caller was told of, or believes rightly. */
  readonly seen: Seen;
  readonly wait: Wait;
  readonly resolve: (reports: ReaderStateReport[]) => void;
}

/**
 * Those who wait for readers to change. Each looks at the readers first, is answered at once if there is anything to tell,
 * and joins the others if not. The watcher looks for all of them.
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
      const wait = new Wait({ clock, waits, operation }, signal === undefined ? {} : { signal }, (error) => {
        for (const each of this.#waiting) if (each.wait === wait) this.#waiting.delete(each);
        left();
        reject(error);
      });
      look()
        .then((seen) => this.#begin({ queries, seen, wait, resolve }, until))
        .catch((error: unknown) => {
          wait.over();
          reject(error);
        });
    });
  }

  /** Tells those who have something to be told; answers whether there was any. @param mayTell who is not left out */
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

  /** Answers at once if there is anything to tell, and otherwise joins those who wait. */
  #begin(asked: StatusWait<Seen>, until: number | undefined): void {
    const { queries, resolve, seen, wait } = asked;
    if (!wait.lasts) return;
    const missing = findMissing(queries, seen);
    if (missing !== undefined) throw unknownReader(missing, operation);
    const reports = this.#report(asked, seen);
    if (queries.every((query) => query.flags?.ignore) || reports.some((report) => report.flags.changed)) {
      wait.over();
      resolve(reports);
      return;
    }
    const { clock, joined, last } = this.#watcher;
    const timedOut = (): SmartCardError => {
      const readerStates = this.#report(asked, last());
      return new SmartCardError("timeout", "no reader changed in the time given", { operation, readerStates });
    };
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
    return reportReaders(queries, now, seen.readerEvents, this.#watcher.read);
  }
}
