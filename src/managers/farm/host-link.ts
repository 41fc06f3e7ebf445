// SPDX-License-Identifier: MIT

import {
  type Context,
  type ContextOptions,
  GrowingPause,
  isPseudoReader,
  PNP_NOTIFICATION,
  pause,
  type ReaderNow,
  type ReaderStateQuery,
  type ReaderStateReport,
  type ResourceManager,
  type Runtime,
  readerKey,
  SmartCardError,
} from "../../port/index.ts";

import type { FarmHostState } from "./farm-host-state.ts";

/** The pause before a host that is away is tried again, in milliseconds: the first one, and the longest one. */
const FIRST_TRY_MS = 200;
const LAST_TRY_MS = 5_000;

/** A reader of a host, as a client of the farm sees it. */
export interface FarmReader {
  /** `host/reader`. */
  readonly name: string;
  readonly now: ReaderNow;
}

/** What a link to a host is made with. */
export interface HostLinkOptions {
  /** The name of the host. */
  readonly name: string;
  readonly manager: ResourceManager;
  readonly runtime: Runtime;
  readonly context: ContextOptions;
  /** The readers of the host, or their states, have changed. */
  readonly changed: () => void;
}

/**
 * One host, for one context of the farm: it opens a context there, keeps the state of the host's readers as long as that lasts, and
 * tries again where it was lost.
 */
export class HostLink {
  readonly name: string;
  /** Settles when it is known whether the host is there. */
  readonly known: Promise<void>;
  readonly #options: HostLinkOptions;
  readonly #end = new AbortController();
  #context: Context | undefined;
  #readers: readonly FarmReader[] = [];
  #why: SmartCardError | undefined;
  #isKnown = (): void => {};
  #refreshing: Promise<void> | undefined;

  constructor(options: HostLinkOptions) {
    this.#options = options;
    this.name = options.name;
    this.known = new Promise((resolve) => {
      this.#isKnown = resolve;
    });
    void this.#run();
  }

  /** The host's readers; none while it is away. */
  get readers(): readonly FarmReader[] {
    return this.#readers;
  }

  /** The host, as it was found last. */
  get state(): FarmHostState {
    const away = this.#context === undefined ? this.#why : undefined;
    return { name: this.name, away, readers: this.#readers.map(({ name }) => name) };
  }

  /** The context at the host; undefined while it is away. */
  get context(): Context | undefined {
    return this.#context;
  }

  /** Asks the host for its readers as they are now. Never rejects: where the host is lost, its readers are gone. */
  refresh(): Promise<void> {
    const context = this.#context;
    if (context === undefined) return this.known;
    this.#refreshing ??= this.#look(context, [])
      .then(
        (reports) => {
          if (this.#context === context) this.#show(reports);
        },
        () => {},
      )
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  /** Ends the waits there. */
  async cancel(): Promise<void> {
    await this.#context?.cancel().catch(() => undefined);
  }

  /** Gives back all that the context had at the host. Never rejects. */
  async release(): Promise<void> {
    this.#end.abort();
    this.#isKnown();
    const context = this.#context;
    this.#context = undefined;
    await context?.release().catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    const pauses = new GrowingPause(FIRST_TRY_MS, LAST_TRY_MS);
    while (!signal.aborted) {
      try {
        const context = await this.#options.manager.establishContext(this.#options.context);
        if (signal.aborted) {
          await context.release().catch(() => undefined);
          return;
        }
        await this.#watch(context, () => pauses.restart());
      } catch (error) {
        this.#lost(error);
      }
      const { clock } = this.#options.runtime;
      await pause(clock, pauses.next(), "farm: a host that is away", { signal, background: true });
    }
  }

  /** Keeps the states of the readers until the host is lost. @throws why it is */
  async #watch(context: Context, reached: () => void): Promise<never> {
    const { signal } = this.#end;
    let reports = await this.#look(context, []);
    this.#context = context;
    this.#why = undefined;
    reached();
    this.#show(reports);
    this.#isKnown();
    for (;;) {
      try {
        reports = await context.getStatusChange(reports, { signal });
        this.#show(reports);
      } catch (error) {
        const code = error instanceof SmartCardError ? error.code : undefined;
        // The context was cancelled, with all its waits; this one goes on.
        if (code === "cancelled" && !signal.aborted) continue;
        // A reader that went between two waits.
        if (code !== "unknown-reader") throw error;
        reports = reports.map((report) =>
          isPseudoReader(report.reader) ? { ...report, flags: { changed: true } } : report,
        );
      }
      if (reports.every(({ flags, reader }) => !isPseudoReader(reader) || !flags.changed)) continue;
      reports = await this.#look(context, reports);
      this.#show(reports);
    }
  }

  /** The readers that are there now, and their states. */
  async #look(context: Context, last: readonly ReaderStateReport[]): Promise<readonly ReaderStateReport[]> {
    const { signal } = this.#end;
    const known = new Map(last.map((report) => [readerKey(report.reader), report]));
    for (;;) {
      const names = await context.listReaders();
      const queries: ReaderStateQuery[] = [PNP_NOTIFICATION, ...names].map(
        (reader) => known.get(readerKey(reader)) ?? { reader },
      );
      try {
        return await context.getStatusChange(queries, { signal, timeoutMs: 0 }).catch(statesIn);
      } catch (error) {
        const code = error instanceof SmartCardError ? error.code : undefined;
        const isAgain = code === "unknown-reader" || (code === "cancelled" && !signal.aborted);
        if (!isAgain) throw error;
      }
    }
  }

  #show(reports: readonly ReaderStateReport[]): void {
    this.#readers = reports.filter(isThere).map((report) => this.#readerOf(report));
    this.#options.changed();
  }

  #readerOf({ atr, eventCount, flags, reader }: ReaderStateReport): FarmReader {
    const { changed: _, ...rest } = flags;
    return { name: `${this.name}/${reader}`, now: { flags: rest, eventCount, atr } };
  }

  #lost(error: unknown): void {
    if (this.#end.signal.aborted) return;
    const context = this.#context;
    this.#context = undefined;
    this.#why =
      error instanceof SmartCardError ? error : new SmartCardError("comm-error", `host ${this.name} was lost`);
    this.#readers = [];
    this.#isKnown();
    void context?.release().catch(() => undefined);
    this.#options.changed();
  }
}

function isThere({ flags, reader }: ReaderStateReport): boolean {
  return !isPseudoReader(reader) && !flags.unknown;
}

function statesIn(error: unknown): readonly ReaderStateReport[] {
  if (error instanceof SmartCardError && error.code === "timeout") return error.details.readerStates ?? [];
  throw error;
}
