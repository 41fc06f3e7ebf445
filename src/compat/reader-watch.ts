// SPDX-License-Identifier: MIT

import {
  type ReaderEvent,
  type ReaderStateReport,
  type ResourceManager,
  SmartCardError,
  watchLimits,
  watchReaders,
} from "../pcsc/index.ts";
import type { CompatHost } from "./host.ts";

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

/** Watches the readers of a manager for programs of other packages, which can leave single readers out. */
export class ReaderWatch {
  readonly #host: CompatHost;
  readonly #events: ReaderWatchEvents;
  /** The readers that were told, and have not left. */
  readonly #told = new Set<string>();
  /** Readers that are not told until they have left. */
  readonly #ignored = new Set<string>();
  #discovering = true;
  #stopped = false;
  #failure: string | undefined;
  readonly #over = new AbortController();
  #endPause: (() => void) | undefined;

  constructor(host: CompatHost, events: ReaderWatchEvents) {
    this.#host = host;
    this.#events = events;
  }

  /** Begins to watch; resolves when it is over. Called once. */
  async run(): Promise<void> {
    const { clock, manager } = this.#host;
    const opened: ResourceManager = { clock, establishContext: async () => (await manager()).establishContext() };
    while (!this.#isOver()) {
      try {
        for await (const event of watchReaders(opened, { signal: this.#over.signal })) this.#take(event);
      } catch (error) {
        if (!this.#isOver()) this.#lost(asFailure(error));
      }
      // What no waiting helps against, a refusal for instance, may have been mended nevertheless.
      if (!this.#isOver()) await this.#pause(watchLimits.lastTryMs);
    }
  }

  /** Looks for no new readers any more; those that are known are watched on. */
  stopDiscovery(): void {
    this.#discovering = false;
    this.#endIfOver();
  }

  /** Tells no more of a reader, until it has left and come back. */
  ignore(reader: string): void {
    if (this.#told.has(reader)) this.#ignored.add(reader);
    this.#endIfOver();
  }

  /** Ends it: nothing more is told. */
  stop(): void {
    this.#stopped = true;
    this.#endIfOver();
  }

  #isOver(): boolean {
    return this.#stopped || (!this.#discovering && [...this.#told].every((reader) => this.#ignored.has(reader)));
  }

  #endIfOver(): void {
    if (!this.#isOver()) return;
    this.#endPause?.();
    this.#over.abort();
  }

  #take(event: ReaderEvent): void {
    switch (event.kind) {
      case "reader-arrived":
        if (!this.#discovering) return;
        this.#told.add(event.reader);
        this.#events.arrived(asChanged(event.state));
        return;
      case "card-inserted":
        // Its reader was told with it.
        if (event.initial) return;
        this.#changed(event.state);
        return;
      case "card-removed":
      case "state-changed":
        this.#changed(event.state);
        return;
      case "reader-gone":
        this.#left(event.reader);
        return;
      case "service-lost":
        this.#lost(event.error);
        return;
      case "service-back":
        return;
      case "state-complete":
        this.#failure = undefined;
    }
  }

  #changed(state: ReaderStateReport): void {
    if (this.#told.has(state.reader) && !this.#ignored.has(state.reader)) this.#events.changed(asChanged(state));
  }

  #left(reader: string): void {
    const isHeard = this.#told.delete(reader) && !this.#ignored.has(reader);
    this.#ignored.delete(reader);
    if (isHeard) this.#events.left(reader);
    this.#endIfOver();
  }

  #lost(failure: SmartCardError): void {
    for (const reader of [...this.#told]) this.#left(reader);
    if (this.#failure !== failure.code && !this.#isOver()) this.#events.failed(failure);
    this.#failure = failure.code;
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
}

/** As the manager reports what has changed. */
function asChanged(state: ReaderStateReport): ReaderStateReport {
  return { ...state, flags: { ...state.flags, changed: true } };
}

function asFailure(error: unknown): SmartCardError {
  if (error instanceof SmartCardError) return error;
  return new SmartCardError("internal-error", "watching the readers failed", {}, { cause: error });
}
