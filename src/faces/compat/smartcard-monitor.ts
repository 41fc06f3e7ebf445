// SPDX-License-Identifier: MIT

import { readerStateBits } from "../../port/index.ts";
import type { SmartcardHost } from "./host.ts";
import { ReaderWatch } from "./reader-watch.ts";
import { PCSCError, smartcardError } from "./smartcard-error.ts";
import { INVALID_HANDLE, stateNumber } from "./terms.ts";

/** An event of a monitor. */
export interface MonitorEvent<B extends Uint8Array> {
  readonly type: "reader-attached" | "reader-detached" | "card-inserted" | "card-removed" | "error";
  /** The reader's name; the message where the type is `error`. */
  readonly reader: string;
  /** SCARD_STATE_*, and the number of insertions and removals in the high word; 0 where there is no state. */
  readonly state: number;
  readonly atr: B | null;
  /** For an `error`, what went wrong. Not in `smartcard`. */
  readonly error?: PCSCError;
}

const present = readerStateBits.present.windows;

/**
 * The `ReaderMonitor` of `smartcard`: reports readers and cards that come and go. Without a service it emits one `error`, and
 * continues when there is one.
 */
export class SmartcardMonitor<B extends Uint8Array> {
  readonly #host: SmartcardHost<B>;
  #watch: ReaderWatch | undefined;

  constructor(host: SmartcardHost<B>) {
    this.#host = host;
  }

  /** Whether it was started, and not stopped since. */
  get isRunning(): boolean {
    return this.#watch !== undefined;
  }

  /** Begins. The attached readers are reported first. `callback` must not throw. @throws PCSCError when it runs already */
  start(callback: (event: MonitorEvent<B>) => void): void {
    if (this.#watch !== undefined) throw new PCSCError("Monitor is already running", INVALID_HANDLE);
    const states = new Map<string, number>();
    const tell = (type: MonitorEvent<B>["type"], reader: string, state = 0, atr?: Uint8Array): void =>
      callback({ type, reader, state, atr: atr?.length ? this.#host.toBytes(atr) : null });
    const watch = new ReaderWatch(this.#host, {
      arrived: (report) => {
        const state = stateNumber(report);
        states.set(report.reader, state);
        tell("reader-attached", report.reader, state, report.atr);
      },
      changed: (report) => {
        const [before = 0, state] = [states.get(report.reader), stateNumber(report)];
        states.set(report.reader, state);
        const [was, is] = [(before & present) !== 0, (state & present) !== 0];
        if (was && !is) tell("card-removed", report.reader, state);
        if (!was && is) tell("card-inserted", report.reader, state, report.atr);
      },
      left: (reader) => {
        states.delete(reader);
        tell("reader-detached", reader);
      },
      failed: (failure) => {
        const error = smartcardError(failure);
        callback({ type: "error", reader: error.message, state: 0, atr: null, error });
      },
    });
    this.#watch = watch;
    void watch.run();
  }

  /** Ends it: no more events. */
  stop(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }
}
