// SPDX-License-Identifier: MIT

import {
  type CardCache,
  type Clock,
  type Connection,
  type ConnectOptions,
  type Context,
  type ContextCache,
  type ContextDatabase,
  type ContextOptions,
  checkConnectOptions,
  checkGroups,
  checkQueries,
  checkReaderName,
  checkStatusWait,
  checkWait,
  type Holder,
  includesEveryReader,
  protocolMask,
  type ReaderDevice,
  type ReaderStateQuery,
  type ReaderStateReport,
  readerKey,
  type Scope,
  SmartCardError,
  STATUS_CHANGE,
  shareModes,
  systemGroups,
  toNumber,
  tooManyConnections,
  unknownReader,
  Wait,
  type WaitOptions,
  type WaitSet,
} from "../../port/index.ts";
import { ClientConnection, type ConnectionHost } from "./connection.ts";
import { describeDevice } from "./device.ts";
import { endless } from "./failures.ts";
import type { ClientLimits } from "./limits.ts";
import type { CardLink, ContextLink } from "./links.ts";
import { findName } from "./reports.ts";
import type { RetryQueues } from "./retry-queue.ts";

/** What a context needs of its manager. */
export interface ContextDeps {
  readonly clock: Clock;
  readonly limits: ClientLimits;
  readonly queues: RetryQueues;
  /** The card cache of this process, where the other side keeps none. */
  readonly cache: CardCache;
}

/** One context in another process. */
export class ClientContext implements Context, ConnectionHost {
  readonly scope: Scope;
  readonly cache: ContextCache = {
    read: async (card, freshness, name) => {
      this.#checkValid();
      return await (this.#link.cache ?? this.#deps.cache).read(card, freshness, name);
    },
    write: async (card, freshness, name, data) => {
      this.#checkValid();
      if (this.#link.cache !== undefined) return await this.#link.cache.write(card, freshness, name, data);
      this.#deps.cache.write({ name: "this process" }, card, freshness, name, data);
    },
  };
  readonly #deps: ContextDeps;
  readonly #link: ContextLink;
  readonly #oneAtATime: boolean;
  readonly #waits: WaitSet = new Set();
  readonly #connections = new Set<ClientConnection>();
  #connecting = 0;
  /** Why the context is not valid any more. */
  #ended: SmartCardError | undefined;

  /** @param link the context's own from now on */
  constructor(deps: ContextDeps, link: ContextLink, options: ContextOptions) {
    this.#deps = deps;
    this.#link = link;
    this.scope = options.scope ?? "user";
    this.#oneAtATime = options.oneAtATime ?? false;
    link.whenLost((error) => this.#end(error, error));
  }

  async isValid(): Promise<boolean> {
    return this.#ended === undefined && (await this.#link.isServed());
  }

  async listReaders(groups?: readonly string[]): Promise<string[]> {
    const named = checkGroups(groups);
    this.#checkValid();
    if (this.#link.listReaderGroups !== undefined) return [...(await this.#link.listReaders(named))];
    if (!includesEveryReader(named)) return [];
    return [...(await this.#link.listReaders())];
  }

  async listReaderGroups(): Promise<string[]> {
    this.#checkValid();
    if (this.#link.listReaderGroups !== undefined) return this.#link.listReaderGroups();
    const names = await this.#link.listReaders();
    return names.length > 0 ? [systemGroups.default] : [];
  }

  get database(): ContextDatabase | undefined {
    return this.#link.database;
  }

  async describeReader(reader: string): Promise<ReaderDevice> {
    checkReaderName("describe reader", reader);
    this.#checkValid();
    const name = findName(await this.#link.listReaders(), reader);
    if (name === undefined) throw unknownReader(reader, "describe reader");
    const timeoutMs = this.#deps.limits.describeMs;
    // The connect is not answered while a program has a transaction, and is refused where one has exclusive use.
    const options = { shareMode: "direct", preferredProtocols: [], timeoutMs } as const;
    const connection = await this.connect(name, options).catch(() => undefined);
    try {
      return await describeDevice(name, connection, timeoutMs);
    } finally {
      await connection?.disconnect("leave").catch(() => {});
    }
  }

  async getStatusChange(queries: readonly ReaderStateQuery[], options?: WaitOptions): Promise<ReaderStateReport[]> {
    const copies = checkQueries(queries);
    const wait = checkWait(STATUS_CHANGE, options);
    this.#checkValid();
    checkStatusWait(copies.length, this.#waits.size, this.#deps.limits);
    return this.#link.getStatusChange({ queries: copies, options: wait, waits: this.#waits });
  }

  async connect(reader: string, options: ConnectOptions): Promise<Connection> {
    checkReaderName("connect", reader);
    const checked = checkConnectOptions(options, reader);
    this.#checkValid();
    const limit = this.#deps.limits.connectionsPerContext;
    if (this.#connections.size + this.#connecting >= limit) {
      throw tooManyConnections(limit, reader);
    }
    if (this.#oneAtATime && this.#hasTransaction(reader)) throw endless(reader, "connect");
    this.#connecting++;
    try {
      return await this.#giveUpInTime(reader, checked);
    } finally {
      this.#connecting--;
    }
  }

  async cancel(): Promise<void> {
    this.#checkValid();
    const error = new SmartCardError("cancelled", "the context was cancelled");
    for (const wait of [...this.#waits]) wait.giveUp(error);
    for (const connection of this.#connections) connection.cancel(error);
  }

  async release(): Promise<void> {
    this.#checkValid();
    const ended = new SmartCardError("invalid-context", "the context is not valid any more: it was released");
    // What has not been answered yet are waits, and end as such.
    const cancelled = new SmartCardError("cancelled", "the context was released");
    this.#end(ended, cancelled);
    await this.#link.release(ended, cancelled);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) await this.release();
  }

  /** Runs a connect. Nothing ends it for certain: a caller that gives it up is told so, and the link deals with what comes. */
  #giveUpInTime(reader: string, options: ConnectOptions): Promise<Connection> {
    const { dialect } = this.#link;
    const terms = {
      reader,
      shareMode: toNumber(shareModes, options.shareMode, dialect) ?? 0,
      protocols: protocolMask(options.preferredProtocols, dialect),
      timeoutMs: options.timeoutMs,
    };
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const givenUp = new AbortController();
      const whoHolds = this.#whoHolds(reader);
      const { clock } = this.#deps;
      const deps = { clock, waits: this.#waits, operation: "connect", details: { reader }, whoHolds };
      // The link starts the deadline: not all of what it does counts.
      const wait = new Wait(deps, signal === undefined ? {} : { signal }, (error) => {
        givenUp.abort(error);
        reject(error);
      });
      this.#link
        .connect({
          ...terms,
          givenUp: givenUp.signal,
          startDeadline: (timeoutMs) => wait.startDeadline(timeoutMs),
          keep: (card, name, activeProtocol) => this.#keep(card, name, options, activeProtocol),
        })
        .finally(() => wait.over())
        .then(resolve, reject);
    });
  }

  #keep(link: CardLink, reader: string, options: ConnectOptions, activeProtocol: number): ClientConnection {
    this.#checkValid();
    const connection = new ClientConnection({
      link,
      reader,
      shareMode: options.shareMode,
      preferredProtocols: [...options.preferredProtocols],
      activeProtocol,
      queue: this.#deps.queues.of(reader),
      clock: this.#deps.clock,
      whoHolds: this.#whoHolds(reader),
      host: this,
    });
    this.#connections.add(connection);
    return connection;
  }

  #whoHolds(reader: string): (() => Promise<Holder | undefined>) | undefined {
    const { whoHolds } = this.#link;
    return whoHolds && (() => whoHolds(reader));
  }

  #hasTransaction(reader: string, but?: ClientConnection): boolean {
    const key = readerKey(reader);
    return [...this.#connections].some(
      (other) => other !== but && other.inTransaction && readerKey(other.reader) === key,
    );
  }

  isEndless(connection: ClientConnection): boolean {
    return this.#oneAtATime && !connection.inTransaction && this.#hasTransaction(connection.reader, connection);
  }

  connectionClosed(connection: ClientConnection): void {
    this.#connections.delete(connection);
  }

  /** @param waitError what outstanding waits end with */
  #end(error: SmartCardError, waitError: SmartCardError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    for (const wait of [...this.#waits]) wait.giveUp(waitError);
    const connections = [...this.#connections];
    this.#connections.clear();
    for (const connection of connections) connection.abandon(waitError, error);
  }

  #checkValid(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
}
