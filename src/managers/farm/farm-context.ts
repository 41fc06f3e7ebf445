// SPDX-License-Identifier: MIT

import {
  type CardCache,
  type Connection,
  type ConnectOptions,
  type Context,
  type ContextCache,
  type ContextOptions,
  checkConnectOptions,
  checkGroups,
  checkQueries,
  checkReaderName,
  checkStatusWait,
  checkWait,
  includesEveryReader,
  type ReaderDevice,
  type ReaderStateQuery,
  type ReaderStateReport,
  type ResourceManager,
  type Runtime,
  type Scope,
  SmartCardError,
  STATUS_CHANGE,
  systemGroups,
  unknownReader,
  type WaitOptions,
  type WaitSet,
} from "../../port/index.ts";
import { type ClientLimits, type Snapshot, StatusWaits } from "../client/index.ts";
import { FarmConnection, underName } from "./farm-connection.ts";
import type { FarmHostState } from "./farm-host-state.ts";
import { type FarmReader, HostLink } from "./host-link.ts";

/** The most that a count of arrivals and departures comes to, before it is 1 again. */
const MAX_COUNT = 0xffff;

/** What a context of a farm is made with. */
export interface FarmContextDeps {
  readonly runtime: Runtime;
  readonly limits: ClientLimits;
  readonly cache: CardCache;
  /** The managers of the hosts, by their names. */
  readonly hosts: ReadonlyMap<string, ResourceManager>;
  readonly ended: () => void;
}

/** A context of a client of a farm: one at each host that is there. */
export class FarmContext implements Context {
  readonly scope: Scope;
  readonly cache: ContextCache;
  readonly #deps: FarmContextDeps;
  readonly #links: readonly HostLink[];
  readonly #waits: WaitSet = new Set();
  readonly #status: StatusWaits<FarmReader, Snapshot<FarmReader>>;
  #snapshot: Snapshot<FarmReader> = { readers: [], readerEvents: 1 };
  #ended: SmartCardError | undefined;

  constructor(deps: FarmContextDeps, options: ContextOptions) {
    const { cache, hosts, runtime } = deps;
    this.#deps = deps;
    this.scope = options.scope ?? "user";
    this.cache = {
      read: async (card, freshness, name) => {
        this.#checkValid();
        return cache.read(card, freshness, name);
      },
      write: async (card, freshness, name, data) => {
        this.#checkValid();
        cache.write({ name: "this process" }, card, freshness, name, data);
      },
    };
    this.#status = new StatusWaits<FarmReader, Snapshot<FarmReader>>({
      clock: runtime.clock,
      read: ({ now }) => now,
      last: () => this.#snapshot,
      joined: () => void this.#status.tell(this.#snapshot),
      left: () => {},
    });
    const changed = (): void => this.#changed();
    this.#links = [...hosts].map(
      ([name, manager]) => new HostLink({ name, manager, runtime, context: options, changed }),
    );
  }

  async isValid(): Promise<boolean> {
    return this.#ended === undefined;
  }

  async listReaders(groups?: readonly string[]): Promise<string[]> {
    const named = checkGroups(groups);
    this.#checkValid();
    const { readers } = await this.#look();
    return includesEveryReader(named) ? readers.map(({ name }) => name) : [];
  }

  /** The hosts of the farm, as they are now. */
  async hosts(): Promise<readonly FarmHostState[]> {
    this.#checkValid();
    await this.#look();
    return this.#links.map(({ state }) => state);
  }

  async listReaderGroups(): Promise<string[]> {
    return (await this.listReaders()).length > 0 ? [systemGroups.default] : [];
  }

  async describeReader(reader: string): Promise<ReaderDevice> {
    checkReaderName("describe reader", reader);
    const { context, name } = await this.#find(reader, "describe reader");
    const device = await context.describeReader(name).catch((error: unknown) => {
      throw underName(error, reader);
    });
    return { ...device, reader };
  }

  async getStatusChange(queries: readonly ReaderStateQuery[], options?: WaitOptions): Promise<ReaderStateReport[]> {
    const copies = checkQueries(queries);
    const wait = checkWait(STATUS_CHANGE, options);
    this.#checkValid();
    checkStatusWait(copies.length, this.#waits.size, this.#deps.limits);
    const hosts = new Set(copies.map(({ reader }) => hostOf(reader)));
    const wanted = ({ name }: HostLink): boolean => hosts.has(name);
    return this.#status.wait({ queries: copies, options: wait, waits: this.#waits }, () => this.#look(wanted));
  }

  async connect(reader: string, options: ConnectOptions): Promise<Connection> {
    checkReaderName("connect", reader);
    const checked = checkConnectOptions(options, reader);
    const { context, host, name } = await this.#find(reader, "connect");
    const connection = await context.connect(name, checked).catch((error: unknown) => {
      throw underName(error, reader);
    });
    return new FarmConnection(connection, host, checked.preferredProtocols, () => this.#deps.runtime.clock.now());
  }

  async cancel(): Promise<void> {
    this.#checkValid();
    const error = new SmartCardError("cancelled", "the context was cancelled");
    for (const wait of [...this.#waits]) wait.giveUp(error);
    await Promise.all(this.#links.map((link) => link.cancel()));
  }

  async release(): Promise<void> {
    this.#checkValid();
    this.#ended = new SmartCardError("invalid-context", "the context is not valid any more: it was released");
    this.#deps.ended();
    const error = new SmartCardError("cancelled", "the context was released");
    for (const wait of [...this.#waits]) wait.giveUp(error);
    await Promise.all(this.#links.map((link) => link.release()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) await this.release();
  }

  #checkValid(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  /** The readers as they are now, once it is known of each host whether it is there. @param wanted the hosts that are asked again */
  async #look(wanted: (link: HostLink) => boolean = () => true): Promise<Snapshot<FarmReader>> {
    await Promise.all(this.#links.map((link) => (wanted(link) ? link.refresh() : link.known)));
    this.#checkValid();
    return this.#snapshot;
  }

  /** The host of a reader, and what it calls it. @throws unknown-reader; service-stopped, … (the host is away) */
  async #find(
    reader: string,
    operation: string,
  ): Promise<{ readonly host: string; readonly name: string; readonly context: Context }> {
    this.#checkValid();
    const host = hostOf(reader);
    const link = this.#links.find(({ name }) => name === host);
    if (link === undefined) throw unknownReader(reader, operation);
    await link.known;
    this.#checkValid();
    return { host: link.name, name: reader.slice(link.name.length + 1), context: contextOf(link, reader, operation) };
  }

  #changed(): void {
    const readers = this.#links.flatMap((link) => link.readers);
    const names = (list: readonly FarmReader[]): string => list.map(({ name }) => name).join("\n");
    const { readerEvents, readers: before } = this.#snapshot;
    const isOther = names(readers) !== names(before);
    this.#snapshot = { readers, readerEvents: isOther ? (readerEvents % MAX_COUNT) + 1 : readerEvents };
    this.#status.tell(this.#snapshot);
  }
}

/** The host in the name of a reader; undefined where there is none. */
function hostOf(reader: string): string | undefined {
  const slash = reader.indexOf("/");
  return slash < 0 ? undefined : reader.slice(0, slash).toLowerCase();
}

/** The context at a host. @throws reader-unavailable: a host that is away has no readers */
function contextOf(link: HostLink, reader: string, operation: string): Context {
  const { context, state } = link;
  if (context !== undefined) return context;
  const { away: cause } = state;
  const why = cause?.reason ?? `host ${link.name} was not reached yet`;
  throw new SmartCardError("reader-unavailable", why, { reader, operation }, cause === undefined ? {} : { cause });
}
