// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import {
  type ConnectionStatus,
  type ConnectOptions,
  type Disposition,
  type Holder,
  type Initialization,
  type Protocol,
  type Reader,
  type ReaderDescription,
  type ReaderDevice,
  type ReaderInspection,
  type ReaderSnapshot,
  type Runtime,
  type ShareMode,
  SmartCardError,
} from "../../port/index.ts";
import { Card } from "./card.ts";
import { CardLifecycle, type CardLifecycleHost } from "./card-lifecycle.ts";
import { CardWaits } from "./card-waits.ts";
import { ConnectionState } from "./connection-state.ts";
import { asked, together } from "./dispositions.ts";
import { Driver, type DriverEvents } from "./driver.ts";
import { exitDisposition } from "./exit-disposition.ts";
import type { ManagerLimits } from "./limits.ts";
import { OperationTurns } from "./operation-turns.ts";
import { Operations, type OperationsHost } from "./operations.ts";
import type { Profile } from "./profile.ts";
import { ReaderAccess } from "./reader-access.ts";
import { describeDevice } from "./reader-attributes.ts";
import { ReaderTrace } from "./reader-trace.ts";
import { asClientWished, type ResetReason } from "./reset-reason.ts";
import { conflicting, useOf } from "./share-modes.ts";
import { cardState, inspectSlot } from "./slot-report.ts";
import { nextEventCount, type TrackedState } from "./tracker.ts";
import {
  type Lock,
  TransactionQueue,
  type TransactionQueueHost,
  type TurnContext,
  type TurnRequest,
} from "./transaction-queue.ts";
import { Transactions } from "./transactions.ts";

/** The failure for users of a removed reader: removed alone, or with the whole service. */
type LossCode = "reader-unavailable" | "service-stopped";

/** What a slot needs from the manager. */
export interface SlotDeps {
  readonly runtime: Runtime;
  readonly profile: Profile;
  readonly limits: ManagerLimits;
  /** The reader's unique name. */
  readonly name: string;
  /** Event count to go on from. */
  readonly eventCount: number;
  /** Something that status queries report has changed. */
  readonly changed: (slot: Slot) => void;
  /** The reader is gone; the slot is dead. */
  readonly lost: (slot: Slot, reason: string) => void;
}

/**
 * One reader in the manager: the connections to it, and its life from open to loss. Its parts have the rest:
 * {@link Operations} what connections do in their turns, {@link Transactions} the lock, {@link CardLifecycle} what happens to
 * the card. They know the slot by the interfaces that it implements.
 */
export class Slot implements CardLifecycleHost, DriverEvents, OperationsHost, TransactionQueueHost<ConnectionState> {
  readonly name: string;
  readonly card: Card;
  readonly operations: Operations;
  readonly transactions: Transactions;
  readonly #deps: SlotDeps;
  readonly #driver: Driver;
  readonly #trace: ReaderTrace;
  readonly #queue: TransactionQueue<ConnectionState>;
  readonly #turns: OperationTurns;
  readonly #connections = new Set<ConnectionState>();
  readonly #lifecycle: CardLifecycle;
  readonly #cardWaits: CardWaits;
  #eventCount: number;
  #lost: { readonly reason: string; readonly code: LossCode } | undefined;

  constructor(reader: Reader, description: ReaderDescription, deps: SlotDeps) {
    this.name = deps.name;
    this.#deps = deps;
    this.#eventCount = deps.eventCount;
    const { limits, name, profile, runtime } = deps;
    const { clock } = runtime;
    const trace = new ReaderTrace(runtime, name);
    const driver = new Driver(reader, description, clock, limits, this);
    const card = new Card(driver, name);
    const cardWaits = new CardWaits(clock, card);
    const queue = new TransactionQueue<ConnectionState>({ clock, reader: name, host: this });
    const turns = new OperationTurns({ clock, limits, name, queue, driver });
    const connections = this.#connections;
    const parts = { clock, profile, limits, name, trace, driver, card, queue, turns, connections, cardWaits };
    const lifecycle = new CardLifecycle({ ...parts, host: this });
    const transactions = new Transactions({ ...parts, lifecycle });
    const access = new ReaderAccess({ ...parts, lifecycle, transactions });
    this.#trace = trace;
    this.#driver = driver;
    this.card = card;
    this.#cardWaits = cardWaits;
    this.#queue = queue;
    this.#turns = turns;
    this.#lifecycle = lifecycle;
    this.transactions = transactions;
    this.operations = new Operations({ ...parts, transactions, access, host: this });
  }

  /** What the reader said of itself when it was put into service. */
  get description(): ReaderDescription {
    return this.#driver.description;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  /** Starts the driver; the card that is there already arrives while it does. */
  open(): Promise<void> {
    return this.#driver.open();
  }

  /**
   * Takes the reader out of service: as if it had been unplugged, and the driver is ended. Never rejects.
   *
   * @param code what is under way fails with
   */
  async close(reason: string, code: LossCode = "reader-unavailable"): Promise<void> {
    this.#lose(reason, code);
    const problem = await this.#driver.close();
    if (problem !== undefined) this.#trace.write("driver-failed", undefined, problem);
  }

  /** Refuses at once what the connections that are there forbid; `except` is the one that reconnects. */
  checkSharing(wanted: ShareMode, operation: string, except?: ConnectionState): void {
    const others = except === undefined ? this.#connections : [...this.#connections].filter((one) => one !== except);
    const other = conflicting(wanted, others, this.#deps.profile, this.#queue.lock?.owner);
    if (other !== undefined) throw this.transactions.refused(wanted, operation, other);
  }

  /** The holder of the reader, by a transaction or by an excluding share mode. */
  holder(): Holder | undefined {
    const excluding = conflicting("shared", this.#connections, this.#deps.profile);
    return this.transactions.holder() ?? (excluding && this.transactions.connected(excluding));
  }

  /**
   * Connects: waits for the turn, applies the sharing rules, powers the card if need be, and agrees on a protocol.
   *
   * @param made called with the new connection, still in the turn; where it throws there is no connection
   * @returns what `made` returns
   */
  async connect<T>(
    context: TurnContext,
    options: ConnectOptions,
    made: (connection: ConnectionState) => T,
  ): Promise<T> {
    this.checkSharing(options.shareMode, "connect");
    const request = { context, owner: undefined, operation: "connect", needsCard: false };
    return this.#inTurn(request, options, async () => {
      this.checkSharing(options.shareMode, "connect");
      const protocol = await this.#makeReady(options, "connect");
      this.#checkReady(protocol, "connect");
      const terms = { context, reader: this.name, shareMode: options.shareMode, protocol, since: this.#now() };
      const connection = new ConnectionState(terms);
      const result = made(connection);
      this.#connections.add(connection);
      this.#lifecycle.armPowerOff();
      this.#trace.write("connected", context, options.shareMode);
      this.statusChanged();
      return result;
    });
  }

  /** Establishes a connection anew. Answers the protocol agreed on. */
  reconnect(
    connection: ConnectionState,
    initialization: Initialization,
    options: ConnectOptions,
  ): Promise<Protocol | undefined> {
    this.checkSharing(options.shareMode, "reconnect", connection);
    return this.#inTurn(connection.request("reconnect", "reader"), options, async () => {
      connection.checkUsable("reader");
      this.checkSharing(options.shareMode, "reconnect", connection);
      const ends = this.#deps.profile.reconnectEndsTransaction;
      const due = together(asked(initialization), ends ? this.transactions.owedBy(connection) : asked("leave"));
      if (due.disposition !== "leave" && this.card.present) {
        const why = asClientWished(connection.context, `reconnected with ${due.disposition}`);
        await this.#lifecycle.dispose(due, why, { except: connection, keepPowered: true });
      }
      const protocol = await this.#makeReady(options, "reconnect", connection);
      this.#checkReady(protocol, "reconnect");
      connection.renewed(options.shareMode, protocol);
      if (ends) this.transactions.drop(connection);
      else this.transactions.used(connection);
      this.statusChanged();
      return protocol;
    });
  }

  /**
   * Ends a connection and the transaction that it has open, and disposes of the card as soon as it is free. The promise
   * settles when that is done.
   */
  disconnect(connection: ConnectionState, disposition: Disposition, why: ResetReason): Promise<void> {
    connection.end();
    this.#connections.delete(connection);
    this.#queue.fail(
      (request) => request.owner === connection,
      (request) => connection.closedError(request.operation),
    );
    this.#cardWaits.fail((one) => one.closedError("control"), connection);
    const due = together(asked(disposition), this.transactions.owedBy(connection));
    const done = this.#lifecycle.addPending(due, why, connection);
    this.transactions.drop(connection);
    this.#queue.pump();
    this.#trace.write("disconnected", connection.context, disposition);
    this.statusChanged();
    this.#lifecycle.armPowerOff();
    return done;
  }

  /**
   * Ends a connection whose program has exited. The promise settles when the disposition is done, or, while another
   * connection holds the lock, at once.
   */
  async abandon(connection: ConnectionState, how: string): Promise<void> {
    const lock = this.#queue.lock;
    const disposition = exitDisposition(connection, lock?.owner === connection, this.#deps.profile);
    const done = this.disconnect(connection, disposition, asClientWished(connection.context, how, "exit")).catch(
      (error: unknown) => {
        // Its program is gone, or the context is: a card that does not do what it was to do stops neither.
        if (!(error instanceof SmartCardError)) throw error;
      },
    );
    this.limitOrphan(connection.context);
    if (lock === undefined || lock.owner === connection) await done;
  }

  /** A program is gone: its operation, if one is under way, is aborted unless it soon ends by itself. */
  limitOrphan(context: TurnContext): void {
    this.#turns.limitOrphan(context);
  }

  describe(): ReaderDevice {
    return describeDevice(this.name, this.#driver);
  }

  status(connection: ConnectionState): ConnectionStatus {
    return {
      reader: this.name,
      state: cardState(this.card, connection.protocol),
      protocol: connection.protocol,
      atr: copyBytes(this.card.atr),
      eventCount: this.#eventCount,
    };
  }

  tracked(): TrackedState {
    return {
      name: this.name,
      eventCount: this.#eventCount,
      card: this.card.attended ? this.card : undefined,
      use: useOf(this.#connections, this.#deps.profile),
    };
  }

  snapshot(): ReaderSnapshot {
    const { card } = this;
    const use = useOf(this.#connections, this.#deps.profile);
    return {
      name: this.name,
      eventCount: this.#eventCount,
      card: card.attended ? card.inspect() : undefined,
      connections: this.#connections.size,
      exclusive: use === "exclusive",
    };
  }

  inspect(): ReaderInspection {
    const { card, eventCount, name } = this;
    const { id } = this.description;
    const [queue, connections, { lastExchange }] = [this.#queue, this.#connections, this.transactions];
    return inspectSlot({ name, id, eventCount, card, connections, queue, lastExchange }, this.#now());
  }

  async #inTurn<T>(request: TurnRequest<ConnectionState>, options: ConnectOptions, work: () => Promise<T>): Promise<T> {
    const waiting = this.#turns.take(request, options);
    if (waiting !== undefined) await waiting;
    try {
      options.onTurn?.();
      this.checkInService(request.operation);
      return await work();
    } finally {
      this.#turns.end();
    }
  }

  /** Makes reader and card ready for a connection. */
  async #makeReady(
    options: ConnectOptions,
    operation: string,
    connection?: ConnectionState,
  ): Promise<Protocol | undefined> {
    try {
      return await this.#lifecycle.prepare(options.shareMode, options.preferredProtocols, connection);
    } catch (error) {
      throw this.#lost === undefined ? error : this.#lostError(operation);
    }
  }

  /** To be called when a connection is made: what was made ready may have gone in the moment since. */
  #checkReady(protocol: Protocol | undefined, operation: string): void {
    this.checkInService(operation);
    if (protocol !== undefined) this.card.checkPowered();
  }

  runPendingWork(): void {
    this.#lifecycle.runPendingWork();
  }

  lockGranted(lock: Lock<ConnectionState>): void {
    this.transactions.lockGranted(lock);
  }

  lockFreed(lock: Lock<ConnectionState>): void {
    this.transactions.lockFreed(lock);
  }

  lockWaited({ context, operation, since }: TurnRequest & { readonly since: number }): void {
    this.#trace.lasted("lock-waited", context, since, operation);
  }

  lockLost(owner: ConnectionState): SmartCardError {
    return this.transactions.lost(owner);
  }

  lockHolder(): Holder | undefined {
    return this.transactions.holder();
  }

  exchangeAborted(): void {
    this.#lifecycle.exchangeAborted();
  }

  inserted(): void {
    this.#lifecycle.inserted();
  }

  removed(): void {
    this.#lifecycle.removed();
  }

  lost(reason: string): void {
    this.#lose(reason);
  }

  cardMoved(kind: "card-inserted" | "card-removed"): void {
    this.#eventCount = nextEventCount(this.#eventCount);
    this.#trace.write(kind);
    this.statusChanged();
    this.#cardWaits.moved(kind === "card-inserted");
  }

  statusChanged(): void {
    this.#deps.changed(this);
  }

  checkInService(operation: string): void {
    if (this.#lost !== undefined) throw this.#lostError(operation);
  }

  #lose(reason: string, code: LossCode = "reader-unavailable"): void {
    if (this.#lost !== undefined) return;
    this.#lost = { reason, code };
    this.#lifecycle.end();
    this.#driver.interrupt(this.#lostError("exchange"), "reader");
    for (const connection of this.#connections) {
      connection.fault = { code: "reader-unavailable", why: `the reader is gone: ${reason}` };
    }
    this.#queue.fail(
      () => true,
      (request) => this.#lostError(request.operation),
    );
    this.#cardWaits.fail(() => this.#lostError("control"));
    if (this.#queue.lock !== undefined) this.#queue.unlock();
    this.#connections.clear();
    this.#eventCount = nextEventCount(this.#eventCount);
    this.#trace.write("reader-lost", undefined, reason);
    this.#deps.lost(this, reason);
  }

  #lostError(operation: string): SmartCardError {
    const { code, reason } = this.#lost ?? { code: "reader-unavailable", reason: "it was lost" };
    const message = `"${this.name}" is gone: ${reason}`;
    return new SmartCardError(code, message, { reader: this.name, operation });
  }

  #now(): number {
    return this.#deps.runtime.clock.now();
  }
}
