// SPDX-License-Identifier: MIT

import {
  type Clock,
  errorFromNumber,
  type ReaderStateQuery,
  type ReaderStateReport,
  SmartCardError,
  type WaitOptions,
} from "../pcsc/index.ts";
import { type ReaderState, versions } from "../pcsclite/index.ts";
import { CANCELLED } from "./failures.ts";
import type { PcscdLimits } from "./limits.ts";
import type { Line } from "./line.ts";
import { isPnp, reportReaders, type Snapshot, unknownReader } from "./reports.ts";
import { Wait, type WaitSet } from "./wait.ts";

interface StatusWait {
  readonly queries: readonly ReaderStateQuery[];
  readonly eventsAtStart: number;
  readonly wait: Wait;
  readonly resolve: (reports: ReaderStateReport[]) => void;
}

const operation = "status change";

/** So many signals in a row that told nobody anything, and the service is not taken at its word any more. */
const MAX_IDLE_SIGNALS = 32;

/**
 * What a context knows of the readers. While somebody waits the line is registered with the service, which sends a signal
 * when anything changes; the readers are looked at behind every registration, so that nothing is missed. All waits of a
 * context share the one registration.
 */
export class StatusWatch {
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #limits: PcscdLimits;
  readonly #waits: WaitSet;
  readonly #waiting = new Set<StatusWait>();
  #pumping = false;
  #last: Snapshot = { readers: [], readerEvents: 1 };
  /** For services that do not count: the names that were seen last, and how often others were seen. */
  #names: string | undefined;
  #namesSeen = 1;

  constructor(line: Line, clock: Clock, limits: PcscdLimits, waits: WaitSet) {
    this.#line = line;
    this.#clock = clock;
    this.#limits = limits;
    this.#waits = waits;
  }

  /** The readers as they were when they were last looked at; none before that. */
  get last(): Snapshot {
    return this.#last;
  }

  /** The readers as they are now. */
  async look(withEvents = false): Promise<Snapshot> {
    return this.#take(await this.#line.prompt(this.#line.session.readerStates()), withEvents);
  }

  getStatusChange(queries: readonly ReaderStateQuery[], options: WaitOptions): Promise<ReaderStateReport[]> {
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs } = options;
      const until = timeoutMs === undefined ? undefined : this.#clock.now() + timeoutMs;
      // The deadline is told together with the states, so that it cannot pass before they are known.
      const setting = { clock: this.#clock, waits: this.#waits, operation };
      const wait = new Wait(setting, signal === undefined ? {} : { signal }, (error) => {
        this.#forget(wait);
        reject(error);
      });
      const fail = (error: unknown): void => {
        wait.over();
        reject(error);
      };
      this.#begin(queries, until, wait, resolve).catch(fail);
    });
  }

  /** Answers at once if there is anything to tell, and otherwise joins those who wait. */
  async #begin(
    queries: readonly ReaderStateQuery[],
    until: number | undefined,
    wait: Wait,
    resolve: (reports: ReaderStateReport[]) => void,
  ): Promise<void> {
    const snapshot = await this.look(queries.some(isPnp));
    const reader = unknownReader(queries, snapshot);
    if (reader !== undefined) {
      throw new SmartCardError("unknown-reader", `there is no reader «${reader}»`, { reader, operation });
    }
    const eventsAtStart = snapshot.readerEvents;
    const reports = reportReaders(queries, snapshot, eventsAtStart);
    if (queries.every((query) => query.flags?.ignore) || reports.some((report) => report.flags.changed)) {
      wait.over();
      resolve(reports);
      return;
    }
    const timedOut = (): SmartCardError => {
      const readerStates = reportReaders(queries, this.#last, eventsAtStart);
      return new SmartCardError("timeout", "no reader changed in the time given", { operation, readerStates });
    };
    const leftMs = until === undefined ? undefined : until - this.#clock.now();
    if (leftMs !== undefined && leftMs <= 0) {
      wait.giveUp(timedOut());
      return;
    }
    if (!wait.lasts) return;
    this.#waiting.add({ queries, eventsAtStart, wait, resolve });
    if (leftMs !== undefined) wait.startDeadline(leftMs, timedOut);
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#follow().catch((error: unknown) => {
      this.#pumping = false;
      // The line's end is told to the waits by the context; anything else ends the line.
      const why = error instanceof SmartCardError ? error : new SmartCardError("internal-error", String(error));
      this.#line.end(why);
    });
  }

  /** Registers, looks, tells, and waits for the signal, for as long as anybody waits. */
  async #follow(): Promise<void> {
    const { session } = this.#line;
    let idleSignals = 0;
    while (this.#waiting.size > 0) {
      const { over, readers } = await this.#line.prompt(session.waitForChange());
      const pnp = [...this.#waiting].some(({ queries }) => queries.some(isPnp));
      idleSignals = this.#tell(await this.#take(readers, pnp)) ? 0 : idleSignals + 1;
      if (this.#waiting.size === 0) {
        await this.#line.prompt(session.stopWaiting());
        // Somebody may have come while the service was told to stop.
        continue;
      }
      if (idleSignals > MAX_IDLE_SIGNALS) await this.#rest();
      const { rv } = await over;
      // Whoever knows our handle can cancel us in the service; that is not a cancel of ours, which never goes there.
      if (rv !== 0 && rv !== CANCELLED) throw stopped(rv);
    }
    // In the same step as the look at those who wait: whoever comes next begins anew.
    this.#pumping = false;
  }

  /** A service whose signals mean nothing is listened to ten times a second. */
  #rest(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.schedule(this.#limits.retryMs, "idle signals", resolve, true);
    });
  }

  /** Wakes those who have something to be told; answers whether there was any. */
  #tell(snapshot: Snapshot): boolean {
    let told = false;
    for (const waiting of this.#waiting) {
      const reports = reportReaders(waiting.queries, snapshot, waiting.eventsAtStart);
      if (!reports.some((report) => report.flags.changed)) continue;
      told = true;
      this.#waiting.delete(waiting);
      waiting.wait.over();
      waiting.resolve(reports);
    }
    return told;
  }

  #forget(wait: Wait): void {
    for (const waiting of this.#waiting) if (waiting.wait === wait) this.#waiting.delete(waiting);
    if (this.#waiting.size > 0 || !this.#pumping || this.#line.error !== undefined) return;
    // What fails here has ended the line, and its end is told by the line.
    this.#line.prompt(this.#line.session.stopWaiting()).catch(() => {});
  }

  async #take(readers: readonly ReaderState[], withEvents: boolean): Promise<Snapshot> {
    const readerEvents = this.#counts ? await this.#askEvents(withEvents) : this.#countNames(readers);
    this.#last = { readers, readerEvents };
    return this.#last;
  }

  get #counts(): boolean {
    const { version } = this.#line;
    return version !== undefined && versions[version].readerEvents;
  }

  async #askEvents(wanted: boolean): Promise<number> {
    if (!wanted) return this.#last.readerEvents;
    const { readerEvents, rv } = await this.#line.prompt(this.#line.session.readerEvents());
    if (rv !== 0) throw stopped(rv);
    return readerEvents & 0xffff;
  }

  #countNames(readers: readonly ReaderState[]): number {
    const names = JSON.stringify(readers.map(({ name }) => name));
    if (this.#names !== undefined && this.#names !== names) {
      this.#namesSeen = this.#namesSeen >= 0xffff ? 1 : this.#namesSeen + 1;
    }
    this.#names = names;
    return this.#namesSeen;
  }
}

/** What the end of a wait by an error means. */
function stopped(rv: number): SmartCardError {
  const code = errorFromNumber(rv, "pcsclite");
  const message = "the smart card service has ended the wait for changes";
  if (code === undefined || code === "no-service") return new SmartCardError("service-stopped", message);
  return new SmartCardError(code, message, { operation });
}
