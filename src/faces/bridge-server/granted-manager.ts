// SPDX-License-Identifier: MIT

import {
  type Connection,
  type ConnectOptions,
  type Context,
  type ContextOptions,
  isPseudoReader,
  PNP_NOTIFICATION,
  type ReaderDevice,
  type ReaderStateQuery,
  type ReaderStateReport,
  type ResourceManager,
  type Scope,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";

/** What a manager for one page is made with. */
export interface GrantedManagerOptions {
  readonly manager: ResourceManager;
  /** Whether the page may see a reader. */
  readonly sees: (reader: string) => boolean;
  /** A name that no reader has: other readers are asked for by it, so that all is as if they were not there. */
  readonly noReader: string;
  readonly now: () => number;
}

/**
 * A manager as one page sees it: readers that it may not use are not there. They are not listed, their arrival wakes no wait, and a call that names
 * one fails as for a name that no reader has.
 */
export class GrantedManager implements ResourceManager {
  readonly #options: GrantedManagerOptions;
  readonly #contexts = new Set<Context>();

  constructor(options: GrantedManagerOptions) {
    this.#options = options;
  }

  async establishContext(options?: ContextOptions): Promise<Context> {
    const context = await this.#options.manager.establishContext(options);
    const granted = new GrantedContext(context, this.#options, () => this.#contexts.delete(granted));
    this.#contexts.add(granted);
    return granted;
  }

  /** Releases all contexts, as if the program had exited. Never rejects. */
  async release(): Promise<void> {
    await Promise.allSettled([...this.#contexts].map((context) => context.release()));
  }
}

class GrantedContext implements Context {
  readonly #context: Context;
  readonly #options: GrantedManagerOptions;
  readonly #released: () => void;
  /** The readers that the page was told of last, and how often they have changed: the count of the pseudo reader. */
  #readers: string | undefined;
  #count = 1;

  constructor(context: Context, options: GrantedManagerOptions, released: () => void) {
    this.#context = context;
    this.#options = options;
    this.#released = released;
  }

  get scope(): Scope {
    return this.#context.scope;
  }

  isValid(): Promise<boolean> {
    return this.#context.isValid();
  }

  async listReaders(groups?: readonly string[]): Promise<string[]> {
    const readers = await this.#context.listReaders(groups);
    return readers.filter((reader) => this.#options.sees(reader));
  }

  listReaderGroups(): Promise<string[]> {
    return this.#context.listReaderGroups();
  }

  describeReader(reader: string): Promise<ReaderDevice> {
    return this.#context.describeReader(this.#nameFor(reader));
  }

  async connect(reader: string, options: ConnectOptions): Promise<Connection> {
    return this.#context.connect(this.#nameFor(reader), options);
  }

  cancel(): Promise<void> {
    return this.#context.cancel();
  }

  async release(): Promise<void> {
    this.#released();
    await this.#context.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async getStatusChange(queries: readonly ReaderStateQuery[], options?: WaitOptions): Promise<ReaderStateReport[]> {
    const named = queries.map((query) => ({ ...query, reader: this.#nameFor(query.reader) }));
    const restore = (reports: readonly ReaderStateReport[]): ReaderStateReport[] =>
      reports.map((report, place) => ({ ...report, reader: queries[place]?.reader ?? report.reader }));
    const isPnp = ({ flags, reader }: ReaderStateQuery): boolean => isPseudoReader(reader) && !flags?.ignore;
    if (!named.some(isPnp)) return restore(await this.#context.getStatusChange(named, options));
    return restore(await this.#watch(named, options, isPnp));
  }

  /** Waits for a change that the page may see: of a reader, or of the list of its readers. */
  async #watch(
    queries: readonly ReaderStateQuery[],
    options: WaitOptions | undefined,
    isPnp: (query: ReaderStateQuery) => boolean,
  ): Promise<ReaderStateReport[]> {
    const deadline = options?.timeoutMs === undefined ? undefined : this.#options.now() + options.timeoutMs;
    let count = await this.#managersCount();
    await this.#look();
    const atStart = this.#count;
    for (;;) {
      const isStale = queries.some((query) => isPnp(query) && (query.eventCount || atStart) !== this.#count);
      const asked = queries.map((query) => (isPnp(query) ? { ...query, eventCount: count } : query));
      const left = deadline === undefined ? undefined : Math.max(0, Math.ceil(deadline - this.#options.now()));
      const limit = isStale ? 0 : left;
      const reports = await this.#context
        .getStatusChange(asked, { ...options, ...(limit !== undefined && { timeoutMs: limit }) })
        .catch((error: unknown) => {
          const states = isStale ? statesIn(error) : [];
          return states.length === asked.length ? states : Promise.reject(error);
        });
      count = reports.find(({ reader }) => isPseudoReader(reader))?.eventCount ?? count;
      await this.#look();
      const own = reports.map((report, place): ReaderStateReport => {
        const query = queries[place];
        if (query === undefined || !isPnp(query)) return report;
        const changed = (query.eventCount || atStart) !== this.#count;
        return { ...report, flags: changed ? { changed: true } : {}, eventCount: this.#count };
      });
      if (own.some(({ flags }) => flags.changed)) return own;
    }
  }

  /** The manager's own count of arrivals, for the next wait on it. */
  async #managersCount(): Promise<number> {
    const query = [{ reader: PNP_NOTIFICATION }];
    const reports = await this.#context.getStatusChange(query, { timeoutMs: 0 }).catch(statesIn);
    return reports[0]?.eventCount ?? 0;
  }

  /** Counts a change of the page's readers. Counts go from 1 to 65,535, as the manager's do. */
  async #look(): Promise<void> {
    const readers = JSON.stringify(await this.listReaders());
    if (this.#readers !== undefined && this.#readers !== readers) this.#count = (this.#count % 0xffff) + 1;
    this.#readers = readers;
  }

  #nameFor(reader: string): string {
    return isPseudoReader(reader) || this.#options.sees(reader) ? reader : this.#options.noReader;
  }
}

/** The states that a wait has ended with. @throws every error but that of the deadline */
function statesIn(error: unknown): readonly ReaderStateReport[] {
  if (error instanceof SmartCardError && error.code === "timeout") return error.details.readerStates ?? [];
  throw error;
}
