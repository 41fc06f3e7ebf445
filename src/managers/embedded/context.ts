// SPDX-License-Identifier: MIT

import {
  type CardCache,
  type ClientIdentity,
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
  type Scope,
  SmartCardError,
  STATUS_CHANGE,
  systemGroups,
  tooManyConnections,
  unknownReader,
  type WaitOptions,
  type WaitSet,
} from "../../port/index.ts";
import { SlotConnection } from "./connection.ts";
import type { ManagerLimits } from "./limits.ts";
import type { Profile } from "./profile.ts";
import type { Slot } from "./slot.ts";
import type { Tracker } from "./tracker.ts";
import type { TransactionQueue, TurnContext, TurnOwner } from "./transaction-queue.ts";

/** What a context needs from the manager. */
export interface ContextDeps {
  readonly client: ClientIdentity;
  readonly profile: Profile;
  readonly limits: ManagerLimits;
  readonly tracker: Tracker;
  /** The manager's, for all its clients. */
  readonly cache: CardCache;
  readonly now: () => number;
  /** The readers that are there, in order of arrival. */
  readonly slots: () => readonly Slot[];
  readonly findSlot: (reader: string) => Slot | undefined;
  /** Tells the manager that the context is over; answers whether it was news. */
  readonly released: (context: SlotContext) => boolean;
}

/** What calls on a context that has ended fail with. */
export type EndCode = "invalid-context" | "service-stopped";

/** One context of the embedded manager. */
export class SlotContext implements Context, TurnContext {
  readonly scope: Scope;
  readonly client: ClientIdentity;
  readonly oneAtATime: boolean;
  readonly cache: ContextCache = {
    read: async (card, freshness, name) => {
      this.#checkValid();
      return this.#deps.cache.read(card, freshness, name);
    },
    write: async (card, freshness, name, data) => {
      this.#checkValid();
      this.#deps.cache.write(this.client, card, freshness, name, data);
    },
  };
  readonly waits: WaitSet = new Set();
  readonly waitLimit: number;
  waitingFor: TransactionQueue<TurnOwner> | undefined;
  readonly #deps: ContextDeps;
  readonly #connections = new Set<SlotConnection>();
  /** Where connects are under way, which count against the limit too. */
  readonly #connecting: Slot[] = [];
  /** Why the context is not valid any more. */
  #ended: { readonly code: EndCode; readonly how: string } | undefined;

  constructor(deps: ContextDeps, options: ContextOptions) {
    this.#deps = deps;
    this.client = deps.client;
    this.waitLimit = deps.limits.waitsPerContext;
    this.scope = options.scope ?? "user";
    this.oneAtATime = options.oneAtATime ?? false;
  }

  /** Outstanding waits for a status change. */
  get statusWaits(): number {
    return [...this.waits].filter((wait) => wait.operation === STATUS_CHANGE).length;
  }

  get serviceStopped(): boolean {
    return this.#ended?.code === "service-stopped";
  }

  async isValid(): Promise<boolean> {
    return this.#ended === undefined;
  }

  async listReaders(groups?: readonly string[]): Promise<string[]> {
    const named = checkGroups(groups);
    this.#checkValid();
    if (!includesEveryReader(named)) return [];
    return this.#deps.slots().map((slot) => slot.name);
  }

  async listReaderGroups(): Promise<string[]> {
    this.#checkValid();
    return this.#deps.slots().length > 0 ? [systemGroups.default] : [];
  }

  async describeReader(reader: string): Promise<ReaderDevice> {
    checkReaderName("describe reader", reader);
    this.#checkValid();
    const slot = this.#findSlot(reader, "describe reader");
    return slot.describe();
  }

  async getStatusChange(queries: readonly ReaderStateQuery[], options?: WaitOptions): Promise<ReaderStateReport[]> {
    const copies = checkQueries(queries);
    const wait = checkWait(STATUS_CHANGE, options);
    this.#checkValid();
    checkStatusWait(copies.length, this.waits.size, this.#deps.limits);
    return this.#deps.tracker.getStatusChange(copies, wait, this.waits);
  }

  async connect(reader: string, options: ConnectOptions): Promise<Connection> {
    checkReaderName("connect", reader);
    const checked = checkConnectOptions(options, reader);
    this.#checkValid();
    const slot = this.#findSlot(reader, "connect");
    const limit = this.#deps.limits.connectionsPerContext;
    if (this.#connections.size + this.#connecting.length >= limit) {
      throw tooManyConnections(limit, reader);
    }
    this.#connecting.push(slot);
    try {
      return await slot.connect(this, checked, (state) => {
        // The context may have been released while the connect was at work on the card.
        this.#checkValid();
        const connection = new SlotConnection(slot, state, {
          preferredProtocols: checked.preferredProtocols,
          now: this.#deps.now,
          closed: (closed) => this.#connections.delete(closed),
        });
        this.#connections.add(connection);
        return connection;
      });
    } finally {
      this.#connecting.splice(this.#connecting.indexOf(slot), 1);
    }
  }

  async cancel(): Promise<void> {
    this.#checkValid();
    this.#endWaits(() => "the context was cancelled");
  }

  async release(): Promise<void> {
    this.#checkValid();
    await this.end("released its context");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) await this.release();
  }

  /**
   * Ends the context as for a program that has exited: waits end, locks are freed, and the cards of connections that
   * were not disconnected are reset as the profile says. The promise settles when that is done, or is pending for cards
   * that others hold.
   */
  async end(how: string, code: EndCode = "invalid-context"): Promise<void> {
    this.cease(how, code);
    if (!this.#deps.released(this)) return;
    for (const slot of this.#connecting) slot.limitOrphan(this);
    const disposed = [...this.#connections].map((connection) => connection.abandon(how));
    await Promise.all(disposed);
  }

  /**
   * Ends the waits of the context and refuses further calls; {@link end} is to follow. Contexts that end together all cease
   * before the first one ends, or else the lock of one is granted to another that is about to end.
   */
  cease(how: string, code: EndCode): void {
    if (this.#ended !== undefined) return;
    this.#ended = { code, how };
    this.#endWaits(() => `${this.client.name} ${how}`, code === "service-stopped" ? code : "cancelled");
  }

  #endWaits(why: () => string, code: "cancelled" | "service-stopped" = "cancelled"): void {
    for (const wait of [...this.waits]) wait.giveUp(new SmartCardError(code, why()));
  }

  #findSlot(reader: string, operation: string): Slot {
    const slot = this.#deps.findSlot(reader);
    if (slot !== undefined) return slot;
    throw unknownReader(reader, operation);
  }

  #checkValid(): void {
    if (this.#ended === undefined) return;
    const { code, how } = this.#ended;
    throw new SmartCardError(code, `the context is not valid any more: ${this.client.name} ${how}`);
  }
}
