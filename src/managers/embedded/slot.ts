// SPDX-License-Identifier: MIT

import { copyBytes, type SecretBytes } from "../../base/binary/index.ts";
import {
  type CardState,
  type ConnectionStatus,
  type ConnectOptions,
  type Disposition,
  type Holder,
  type Initialization,
  type PowerAction,
  type Protocol,
  type Reader,
  type ReaderDescription,
  type ReaderDevice,
  type ReaderInspection,
  type ReaderSnapshot,
  type Runtime,
  type ShareMode,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";
import { Card } from "./card.ts";
import { CardLifecycle } from "./card-lifecycle.ts";
import { CardWaits } from "./card-waits.ts";
import { ConnectionState } from "./connection-state.ts";
import { Driver } from "./driver.ts";
import type { ManagerLimits } from "./limits.ts";
import type { Profile } from "./profile.ts";
import { describeDevice, readAttribute } from "./reader-attributes.ts";
import { asked, conflicting, exitDisposition, together, useOf } from "./sharing.ts";
import { cardState, inspectSlot } from "./slot-report.ts";
import { nextEventCount, type TrackedState } from "./tracker.ts";
import { TransactionQueue, type TurnContext, type TurnRequest } from "./transaction-queue.ts";
import { requestOf, Transactions } from "./transactions.ts";

/** The failure for users of a removed reader: removed alone, or with the whole service. */
type LossCode = "reader-unavailable" | "service-stopped";

/** Longest reason of a driver that a message repeats, in UTF-16 code units. */
const MAX_REASON_LENGTH = 500;

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
 * One reader in the manager: the card in it, the connections to it, and whose turn it is. What must happen before the
 * next turn (attending to a card that came, disposing of one for a connection that is gone) is {@link CardLifecycle.runPendingWork}.
 */
export class Slot {
  readonly name: string;
  readonly card: Card;
  readonly #deps: SlotDeps;
  readonly #driver: Driver;
  readonly #queue: TransactionQueue<ConnectionState>;
  readonly #connections = new Set<ConnectionState>();
  readonly #lifecycle: CardLifecycle;
  readonly #cardWaits: CardWaits;
  readonly #transactions: Transactions;
  #eventCount: number;
  #lost: { readonly reason: string; readonly code: LossCode } | undefined;
  #exchanges = 0;
  /** The connection of the running operation; undefined for the slot's own work. */
  #operating: TurnContext | undefined;

  constructor(reader: Reader, description: ReaderDescription, deps: SlotDeps) {
    this.name = deps.name;
    this.#deps = deps;
    this.#eventCount = deps.eventCount;
    const { clock } = deps.runtime;
    this.#driver = new Driver(reader, description, clock, deps.limits, {
      exchangeAborted: () => this.#lifecycle.exchangeAborted(),
      stuck: () => this.#lose("the driver hangs"),
    });
    this.card = new Card(this.#driver, deps.name);
    this.#cardWaits = new CardWaits(clock);
    this.#queue = new TransactionQueue({
      clock,
      reader: deps.name,
      host: {
        runPendingWork: () => {
          if (this.#lost === undefined) this.#lifecycle.runPendingWork();
        },
        lockGranted: (lock) => this.#transactions.locked(lock),
        lockFreed: () => this.#transactions.unlocked(),
        lockLost: (owner) => this.#transactions.lost(owner),
        lockHolder: () => this.#transactions.holder(),
      },
    });
    this.#lifecycle = new CardLifecycle({
      clock,
      profile: deps.profile,
      limits: deps.limits,
      name: deps.name,
      driver: this.#driver,
      card: this.card,
      queue: this.#queue,
      connections: this.#connections,
      work: (run) => this.#work(run),
      counted: (kind) => this.#counted(kind),
      changed: () => deps.changed(this),
      trace: (kind, detail) => this.#trace(kind, undefined, detail),
    });
    this.#transactions = new Transactions({
      clock,
      profile: deps.profile,
      name: deps.name,
      queue: this.#queue,
      lifecycle: this.#lifecycle,
      work: (run) => this.#work(run),
      turnBegun: (context) => {
        this.#operating = context;
      },
      turnEnded: () => this.#turnEnded(),
      trace: (kind, context) => this.#trace(kind, context),
    });
  }

  /** What the reader said of itself when it was put into service. */
  get description(): ReaderDescription {
    return this.#driver.description;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  /** Exchanges so far. To ask is a use of the reader. */
  countExchanges(connection: ConnectionState): number {
    this.#transactions.used(connection);
    return this.#exchanges;
  }

  /** Starts the driver; the card that is there already arrives while it does. */
  open(): Promise<void> {
    return this.#driver.open({
      inserted: () => {
        if (this.#lost === undefined) this.#lifecycle.inserted();
      },
      removed: () => {
        if (this.#lost === undefined) this.#lifecycle.removed();
      },
      lost: (reason) => this.#lose(reasonOf(reason)),
    });
  }

  /**
   * Takes the reader out of service: as if it had been unplugged, and the driver is ended. Never rejects.
   *
   * @param code what is under way fails with
   */
  async close(reason: string, code: LossCode = "reader-unavailable"): Promise<void> {
    this.#lose(reason, code);
    const problem = await this.#driver.close();
    if (problem !== undefined) this.#trace("driver-failed", undefined, problem);
  }

  /** Refuses at once what the connections that are there forbid; `except` is the one that reconnects. */
  checkSharing(wanted: ShareMode, operation: string, except?: ConnectionState): void {
    const others = except === undefined ? this.#connections : [...this.#connections].filter((one) => one !== except);
    const other = conflicting(wanted, others, this.#deps.profile, this.#queue.lock?.owner);
    if (other !== undefined) throw this.#transactions.refused(wanted, operation, other);
  }

  /** The holder of the reader, by a transaction or by an excluding share mode. */
  holder(): Holder | undefined {
    const excluding = conflicting("shared", this.#connections, this.#deps.profile);
    return this.#transactions.holder() ?? (excluding && this.#transactions.connected(excluding));
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
    return this.#takeTurn({ context, owner: undefined, operation: "connect", needsCard: false }, options, async () => {
      this.checkSharing(options.shareMode, "connect");
      const protocol = await this.#makeReady(options, "connect");
      this.#checkReady(protocol, "connect");
      const terms = { context, reader: this.name, shareMode: options.shareMode, protocol, since: this.#now() };
      const connection = new ConnectionState(terms);
      const result = made(connection);
      this.#connections.add(connection);
      this.#lifecycle.armPowerOff();
      this.#trace("connected", context, options.shareMode);
      this.#deps.changed(this);
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
    return this.#takeTurn(requestOf(connection, "reconnect", false), options, async () => {
      connection.checkUsable("reader");
      this.checkSharing(options.shareMode, "reconnect", connection);
      const ends = this.#deps.profile.reconnectEndsTransaction;
      const due = together(asked(initialization), ends ? this.#transactions.owedBy(connection) : asked("leave"));
      if (due.disposition !== "leave" && this.card.present) {
        const why = `${connection.context.client.name} reconnected with ${due.disposition}`;
        await this.#lifecycle.dispose(due, why, { except: connection, keepPowered: true });
      }
      const protocol = await this.#makeReady(options, "reconnect", connection);
      this.#checkReady(protocol, "reconnect");
      connection.renewed(options.shareMode, protocol);
      if (ends) this.#transactions.drop(connection);
      else this.#transactions.used(connection);
      this.#deps.changed(this);
      return protocol;
    });
  }

  /**
   * Ends a connection and the transaction that it has open, and disposes of the card as soon as it is free. The promise
   * settles when that is done.
   */
  disconnect(connection: ConnectionState, disposition: Disposition, why: string): Promise<void> {
    connection.end();
    this.#connections.delete(connection);
    this.#queue.fail(
      (request) => request.owner === connection,
      (request) => connection.closedError(request.operation),
    );
    this.#cardWaits.fail((one) => one.closedError("control"), connection);
    const due = together(asked(disposition), this.#transactions.owedBy(connection));
    const done = this.#lost === undefined ? this.#lifecycle.addPending(due, why, connection) : Promise.resolve();
    this.#transactions.drop(connection);
    this.#queue.pump();
    this.#trace("disconnected", connection.context, disposition);
    this.#deps.changed(this);
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
    const done = this.disconnect(connection, disposition, `${connection.context.client.name} ${how}`).catch(
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
    if (this.#operating !== context) return;
    const { orphanMs } = this.#deps.limits;
    const abort = (): void => {
      if (this.#operating !== context) return;
      const message = `the operation's program exited ${orphanMs} ms ago`;
      const code = context.serviceStopped ? "service-stopped" : "cancelled";
      this.#driver.abort(new SmartCardError(code, message, { reader: this.name }));
    };
    this.#deps.runtime.clock.schedule(orphanMs, "orphaned operation", abort, { background: true });
  }

  /** Waits for the lock and takes it. */
  begin(connection: ConnectionState, options: WaitOptions): Promise<void> {
    return this.#transactions.begin(connection, options);
  }

  /** Releases the lock, once the holder's other operations are done. */
  end(connection: ConnectionState, disposition: Disposition): Promise<void> {
    return this.#transactions.end(connection, disposition);
  }

  /** Runs one operation of a connection in its turn. `card`: it needs the card; `reader`: it is for the reader. */
  operate<T>(
    connection: ConnectionState,
    operation: string,
    concerns: "card" | "connection" | "reader",
    options: WaitOptions,
    run: () => T | Promise<T>,
  ): Promise<T> {
    const needsCard = concerns === "card";
    const refusedBesideLock = concerns === "reader" && this.#deps.profile.controlBesideTransaction === "refuse";
    const request = { ...requestOf(connection, operation, needsCard), refusedBesideLock };
    return this.#takeTurn(request, options, async () => {
      connection.checkUsable(needsCard ? "card" : "reader");
      try {
        const result = await run();
        connection.lastError = 0;
        return result;
      } catch (error) {
        connection.lastError = error instanceof SmartCardError ? error.rv : 0;
        throw error;
      } finally {
        this.#transactions.used(connection);
      }
    });
  }

  /** One exchange with the card, in the turn of `connection`. */
  async exchange(connection: ConnectionState, command: SecretBytes, protocol: Protocol): Promise<Uint8Array> {
    await this.card.speak(protocol);
    // The card may have been replaced in this moment: the new one must not get the command.
    connection.checkUsable("card");
    const response = await this.#driver.transmit(command, protocol).catch((error: unknown) => {
      throw this.#pulled(error);
    });
    this.#exchanges = (this.#exchanges + 1) >>> 0;
    this.#transactions.exchanged(connection);
    return response;
  }

  control(code: number, input: SecretBytes): Promise<Uint8Array> {
    return this.#driver.control(code, input);
  }

  /** The value of an attribute at this moment; it takes no turn. */
  /** Waits for a card to come, or to go. */
  async untilCard(isThere: boolean, connection: ConnectionState, options: WaitOptions): Promise<void> {
    this.#transactions.used(connection);
    if (this.card.attended !== isThere) await this.#cardWaits.until(isThere, connection, options);
  }

  /** Resets the card, or takes its power, in the turn of `connection`. @throws no-smartcard, unresponsive-card */
  power(connection: ConnectionState, action: PowerAction): Promise<Uint8Array> {
    return this.#lifecycle.power(action, connection);
  }

  /** Agrees on a protocol, in the turn of `connection`. @throws no-smartcard, proto-mismatch, unresponsive-card */
  setProtocol(connection: ConnectionState, preferred: readonly Protocol[]): Promise<Protocol> {
    return this.#lifecycle.setProtocol(preferred, connection);
  }

  /** Moves the card out. @throws no-smartcard, unsupported-feature */
  async eject(): Promise<void> {
    this.#lifecycle.checkCard("control");
    if (this.description.canEject) return await this.#driver.eject();
    const details = { reader: this.name, operation: "control" };
    throw new SmartCardError("unsupported-feature", `"${this.name}" cannot eject cards`, details);
  }

  /** The state of the card, the same for every client. */
  get cardState(): CardState {
    return cardState(this.card, this.card.protocol);
  }

  getAttribute(connection: ConnectionState, attribute: number): Uint8Array | undefined {
    this.#transactions.used(connection);
    const { card, name } = this;
    const { vendorTextEndsInNul } = this.#deps.profile;
    return readAttribute(attribute, { name, card, driver: this.#driver, vendorTextEndsInNul });
  }

  describe(): ReaderDevice {
    return describeDevice(this.name, this.#driver);
  }

  setAttribute(attribute: number, value: Uint8Array): boolean {
    return this.#driver.setAttribute(attribute, value);
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
    const [queue, connections, { lastExchange }] = [this.#queue, this.#connections, this.#transactions];
    return inspectSlot({ name, id, eventCount, card, connections, queue, lastExchange }, this.#now());
  }

  async #takeTurn<T>(request: TurnRequest<ConnectionState>, options: WaitOptions, run: () => Promise<T>): Promise<T> {
    const waiting = this.#queue.acquire(request, options);
    if (waiting !== undefined) await waiting;
    try {
      if (this.#lost !== undefined) throw this.#lostError(request.operation);
      this.#operating = request.context;
      return await run();
    } finally {
      this.#turnEnded();
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

  /** What an exchange under way fails with, where its card was pulled as the profile says. */
  #pulled(error: unknown): unknown {
    const { removedDuringExchange: code } = this.#deps.profile;
    if (!(error instanceof SmartCardError) || error.code !== "removed-card" || code === "removed-card") return error;
    const details = { reader: this.name, operation: "transmit" };
    return new SmartCardError(code, "the card was removed during the exchange", details, { cause: error });
  }

  /** To be called when a connection is made: what was made ready may have gone in the moment since. */
  #checkReady(protocol: Protocol | undefined, operation: string): void {
    if (this.#lost !== undefined) throw this.#lostError(operation);
    if (protocol !== undefined) this.card.checkPowered();
  }

  /** Gives the turn on, once the driver has given the reader back. */
  #turnEnded(): void {
    this.#driver.whenIdle(() => {
      this.#operating = undefined;
      this.#queue.release();
    });
  }

  /** Work of the slot's own. It takes a turn and must not fail. */
  #work(run: () => Promise<void>): void {
    this.#queue.seize();
    const ended = (): void => this.#turnEnded();
    run().then(ended, (error: unknown) => {
      ended();
      throw error;
    });
  }

  #counted(kind: "card-inserted" | "card-removed"): void {
    this.#eventCount = nextEventCount(this.#eventCount);
    this.#trace(kind);
    this.#deps.changed(this);
    this.#cardWaits.moved(kind === "card-inserted");
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
    this.#trace("reader-lost", undefined, reason);
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

  #trace(kind: string, context?: TurnContext, detail?: string): void {
    this.#deps.runtime.trace({
      at: this.#now(),
      kind,
      reader: this.name,
      ...(context && { client: context.client.name }),
      ...(detail !== undefined && { detail }),
    });
  }
}

/** What a driver says of its end; no more of it than a message has room for. */
function reasonOf(reason: unknown): string {
  return typeof reason === "string" ? reason.slice(0, MAX_REASON_LENGTH) : "its driver gives no reason";
}
