// SPDX-License-Identifier: MIT

import {
  asFailure,
  type Clock,
  errorFromNumber,
  pause,
  type ReaderStateReport,
  SmartCardError,
  STATUS_CHANGE,
} from "../../port/index.ts";
import { type ReaderState, versions } from "../../wire/pcsclite/index.ts";
import { isPnp, type StatusQuery, StatusWaits } from "../client/index.ts";
import { CANCELLED } from "./failures.ts";
import type { PcscdLimits } from "./limits.ts";
import type { Line } from "./line.ts";
import { readState, type Snapshot } from "./reports.ts";

/** After so many signals in a row without a change the service's signals are no longer trusted. */
const MAX_IDLE_SIGNALS = 32;

/**
 * A context's state of the readers. While a call waits the line is registered with the service, which sends a signal
 * when anything changes; the readers are read after every registration, so that no change is missed. All waits of a
 * context share the one registration.
 */
export class StatusWatch {
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #limits: PcscdLimits;
  readonly #waits: StatusWaits<ReaderState, Snapshot>;
  #pumping = false;
  #last: Snapshot = { readers: [], readerEvents: 1 };
  /** For services that do not count: the names that were seen last, and how often others were seen. */
  #names: string | undefined;
  #namesSeen = 1;

  constructor(line: Line, clock: Clock, limits: PcscdLimits) {
    this.#line = line;
    this.#clock = clock;
    this.#limits = limits;
    this.#waits = new StatusWaits({
      clock,
      read: readState,
      last: () => this.#last,
      joined: () => this.#pump(),
      left: () => this.#stopIfUnneeded(),
    });
  }

  /** The readers as they were when they were last looked at; none before that. */
  get last(): Snapshot {
    return this.#last;
  }

  /** The readers as they are now. */
  async look(withEvents = false): Promise<Snapshot> {
    return this.#take(await this.#line.prompt(this.#line.session.readerStates()), withEvents);
  }

  getStatusChange(query: StatusQuery): Promise<ReaderStateReport[]> {
    return this.#waits.wait(query, () => this.look(query.queries.some(isPnp)));
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#follow().catch((error: unknown) => {
      this.#pumping = false;
      // The line's end is told to the waits by the context; anything else ends the line.
      this.#line.end(asFailure(error));
    });
  }

  /** Registers, reads, reports, and waits for the signal, as long as there are waiting callers. */
  async #follow(): Promise<void> {
    const { session } = this.#line;
    let idleSignals = 0;
    while (this.#waits.all.size > 0) {
      const { over, readers } = await this.#line.prompt(session.waitForChange());
      const pnp = [...this.#waits.all].some(({ queries }) => queries.some(isPnp));
      idleSignals = this.#waits.tell(await this.#take(readers, pnp)) ? 0 : idleSignals + 1;
      if (this.#waits.all.size === 0) {
        await this.#line.prompt(session.stopWaiting());
        // A caller may have begun to wait while the service was told to stop.
        continue;
      }
      // A service with wrong signals is polled ten times a second.
      if (idleSignals > MAX_IDLE_SIGNALS)
        await pause(this.#clock, this.#limits.retryMs, "idle signals", { background: true });
      const { rv } = await over;
      // Another program that knows our handle can cancel us in the service; that is not a cancel of ours, which never goes there.
      if (rv !== 0 && rv !== CANCELLED) throw stopped(rv);
    }
    // In the same step as the look at those who wait: the next wait begins anew.
    this.#pumping = false;
  }

  #stopIfUnneeded(): void {
    if (this.#waits.all.size > 0 || !this.#pumping || this.#line.error !== undefined) return;
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
  return new SmartCardError(code, message, { operation: STATUS_CHANGE });
}
