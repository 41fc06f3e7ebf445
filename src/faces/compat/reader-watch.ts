// SPDX-License-Identifier: MIT

import {
  asFailure,
  pause,
  type ReaderEvent,
  type ReaderStateReport,
  type ResourceManager,
  type SmartCardError,
  watchLimits,
  watchReaders,
} from "../../port/index.ts";
import type { CompatHost } from "./host.ts";

/** The listeners of a watch. None of these may throw. */
export interface ReaderWatchEvents {
  /** A reader is attached, at the start or later. */
  arrived(state: ReaderStateReport): void;
  /**
   * A card was inserted or removed, or the reader's state has changed otherwise. A card that was removed and inserted
   * between two queries gives both events: programs that compare states would see no difference.
   */
  changed(state: ReaderStateReport): void;
  /** A reader was removed, or its service is gone. */
  left(reader: string): void;
  /**
   * There is no service, or it stopped. Called once; the watch retries with growing pauses, and the readers arrive when the
   * service is back.
   */
  failed(error: SmartCardError): void;
}

/** Watches the readers of a manager for programs of other packages, which can leave single readers out. */
export class ReaderWatch {
  readonly #host: CompatHost;
  readonly #events: ReaderWatchEvents;
  /** The reported readers that are still attached. */
  readonly #told = new Set<string>();
  /** Readers that are ignored until they are removed. */
  readonly #ignored = new Set<string>();
  #discovering = true;
  #stopped = false;
  #failure: string | undefined;
  readonly #over = new AbortController();

  constructor(host: CompatHost, events: ReaderWatchEvents) {
    this.#host = host;
    this.#events = events;
  }

  /** Begins to watch; resolves at the end. Called once. */
  async run(): Promise<void> {
    const { clock, manager } = this.#host;
    const opened: ResourceManager = { clock, establishContext: async () => (await manager()).establishContext() };
    while (!this.#isOver()) {
      try {
        for await (const event of watchReaders(opened, { signal: this.#over.signal })) this.#take(event);
      } catch (error) {
        if (!this.#isOver()) this.#lost(asFailure(error));
      }
      // Failures that waiting cannot cure, such as a refusal, may have been fixed by the user.
      if (!this.#isOver())
        await pause(clock, watchLimits.lastTryMs, "watch readers: next try", { signal: this.#over.signal });
    }
  }

  /** Ignores new readers from now on; known ones are still watched. */
  stopDiscovery(): void {
    this.#discovering = false;
    this.#endIfOver();
  }

  /** Ignores a reader until it was removed and attached again. */
  ignore(reader: string): void {
    if (this.#told.has(reader)) this.#ignored.add(reader);
    this.#endIfOver();
  }

  /** Ends it: no more events. */
  stop(): void {
    this.#stopped = true;
    this.#endIfOver();
  }

  #isOver(): boolean {
    return this.#stopped || (!this.#discovering && [...this.#told].every((reader) => this.#ignored.has(reader)));
  }

  #endIfOver(): void {
    if (!this.#isOver()) return;
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
}

/** As the manager reports what has changed. */
function asChanged(state: ReaderStateReport): ReaderStateReport {
  return { ...state, flags: { ...state.flags, changed: true } };
}
