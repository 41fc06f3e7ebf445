// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import {
  type CancelTimer,
  type Clock,
  type PowerAction,
  type Protocol,
  type ShareMode,
  SmartCardError,
} from "../../port/index.ts";
import { Arrivals } from "./arrivals.ts";
import type { Card } from "./card.ts";
import type { ConnectionState } from "./connection-state.ts";
import { type Asked, asked } from "./dispositions.ts";
import type { Driver } from "./driver.ts";
import type { ManagerLimits } from "./limits.ts";
import type { OperationTurns } from "./operation-turns.ts";
import { type PendingDisposition, PendingDispositions } from "./pending-dispositions.ts";
import type { Profile } from "./profile.ts";
import type { ReaderTrace } from "./reader-trace.ts";
import { asClientWished, type ResetReason } from "./reset-reason.ts";
import type { TransactionQueue, TurnRequest } from "./transaction-queue.ts";

const noBytes = new Uint8Array();

const poweredForConnection: ResetReason = { text: "it was powered for a connection", cause: "connect" };
const anotherProtocol: ResetReason = { text: "a connection may want another protocol", cause: "connect" };
const brokenOff: ResetReason = { text: "an exchange with it was torn", cause: "reader" };
const unused: ResetReason = { text: "no program was connected to it", cause: "idle-limit" };

/** What the lifecycle tells its slot. */
export interface CardLifecycleHost {
  /** A card has come or gone. */
  cardMoved(kind: "card-inserted" | "card-removed"): void;
  /** Something else that status queries report has changed. */
  statusChanged(): void;
}

/** What the lifecycle works with. */
export interface CardLifecycleDeps {
  readonly host: CardLifecycleHost;
  readonly clock: Clock;
  readonly profile: Profile;
  readonly limits: ManagerLimits;
  /** The reader's unique name. */
  readonly name: string;
  readonly driver: Driver;
  readonly card: Card;
  readonly queue: TransactionQueue<ConnectionState>;
  readonly turns: OperationTurns;
  readonly connections: ReadonlySet<ConnectionState>;
  readonly trace: ReaderTrace;
}

/**
 * What happens to the card in a slot: it comes and goes, is powered and reset, and its users learn of
 * that. Work that belongs to no client's turn (attending to a card that came, disposing of one for a connection that is
 * gone) is {@link runPendingWork}.
 */
export class CardLifecycle {
  readonly #deps: CardLifecycleDeps;
  readonly #pending: PendingDispositions;
  readonly #arrivals: Arrivals;
  #arrival = false;
  #ended = false;
  #cancelPowerOff: CancelTimer | undefined;

  constructor(deps: CardLifecycleDeps) {
    this.#deps = deps;
    this.#pending = new PendingDispositions(deps.clock);
    this.#arrivals = new Arrivals(deps.clock, deps.limits, () => deps.queue.pump());
  }

  /** Does what must be done before the next turn; called when none is under way. */
  runPendingWork(): void {
    const { queue, turns } = this.#deps;
    if (this.#arrival && this.#arrivals.mayAttend()) {
      this.#arrival = false;
      turns.runOwnWork(() => this.#attend());
      return;
    }
    const pending = queue.lock === undefined ? this.#pending.take() : undefined;
    if (pending !== undefined) turns.runOwnWork(() => this.#runPending(pending));
  }

  inserted(): void {
    if (this.#ended) return;
    const { card, queue } = this.#deps;
    if (card.present) this.removed();
    card.inserted();
    this.#arrival = true;
    queue.pump();
  }

  removed(): void {
    const { card, connections, driver, host, name, queue } = this.#deps;
    if (!card.present) return;
    const wasReported = card.attended;
    this.#cardGone();
    const removedCard = (operation: string): SmartCardError =>
      new SmartCardError("removed-card", "the card was removed", { reader: name, operation });
    driver.interrupt(removedCard("exchange"), "card");
    for (const connection of connections) {
      if (connection.usesCard) connection.fault = { code: "removed-card", why: "the card was removed" };
    }
    queue.fail(
      (request) => request.needsCard,
      (request) => removedCard(request.operation),
    );
    if (queue.lock?.owner.usesCard) queue.unlock();
    if (wasReported) host.cardMoved("card-removed");
  }

  /** The card is gone: nothing is due to it any more. */
  #cardGone(): void {
    this.#arrival = false;
    this.#deps.card.removed();
    this.#cancelPowerOff?.();
    this.#pending.clear();
  }

  /** The reader is gone, and no card comes any more. */
  end(): void {
    this.#ended = true;
    this.#cardGone();
    this.#arrivals.end();
  }

  /** Makes the reader and its card ready for a connection in that mode, or for `except` anew; answers the protocol. */
  async prepare(
    shareMode: ShareMode,
    preferred: readonly Protocol[],
    except: ConnectionState | undefined,
  ): Promise<Protocol | undefined> {
    const { card, name, profile } = this.#deps;
    const isDirect = shareMode === "direct";
    const joined = isDirect && profile.directJoinsProtocol ? card.protocol : undefined;
    if (isDirect) {
      const negotiates = joined === undefined && profile.directNegotiates;
      if (!negotiates || preferred.length === 0 || !card.attended) return joined;
    } else if (!card.attended) {
      const details = { reader: name, operation: "connect" };
      throw new SmartCardError(profile.connectWithoutCard, `there is no card in "${name}"`, details);
    }
    return await this.#agree(preferred, except, isDirect);
  }

  /** Powers the card if need be, and agrees on a protocol. @param anew whether what an earlier connection left does not count */
  async #agree(preferred: readonly Protocol[], except: ConnectionState | undefined, anew: boolean): Promise<Protocol> {
    const { card, host, profile } = this.#deps;
    const wasMute = card.mute;
    try {
      const wasReset = await card.powerUp();
      if (wasReset) this.#notifyReset(poweredForConnection, except);
      if (anew && this.#protocolInUse(except) === undefined) await this.#forget(preferred);
    } finally {
      // Told before the protocol is agreed on, which may take the card its time.
      if (card.mute !== wasMute) host.statusChanged();
      this.armPowerOff();
    }
    return card.agree(preferred, profile.rawUnavailable);
  }

  /** @throws no-smartcard */
  checkCard(operation: string): void {
    const { card, name } = this.#deps;
    if (card.attended) return;
    throw new SmartCardError("no-smartcard", `there is no card in "${name}"`, { reader: name, operation });
  }

  /**
   * Resets the card, or takes its power, because `connection` asks for that: all others learn of it.
   *
   * @returns the ATR; nothing without power
   * @throws no-smartcard, unresponsive-card
   */
  async power(action: PowerAction, connection: ConnectionState): Promise<Uint8Array> {
    const { card, host, trace } = this.#deps;
    this.checkCard("control");
    const before = { mute: card.mute, powered: card.powered };
    if (action !== "power-down") await card.reset(card.powered ? action : "cold-reset");
    else if (card.mayHavePower) await card.powerDown();
    const why = asClientWished(connection.context, `asked for ${action}`);
    trace.reset("card-reset", why);
    if (before.powered || card.powered) this.#notifyReset(why, connection);
    if (card.mute !== before.mute || card.powered !== before.powered) host.statusChanged();
    this.armPowerOff();
    if (action === "power-down") return noBytes;
    card.checkPowered();
    return copyBytes(card.atr);
  }

  /**
   * Agrees on a protocol because `connection` asks for that.
   *
   * @throws no-smartcard, unresponsive-card, proto-mismatch, unsupported-card
   */
  async setProtocol(preferred: readonly Protocol[], connection: ConnectionState): Promise<Protocol> {
    this.checkCard("control");
    return await this.#agree(preferred, connection, connection.protocol === undefined);
  }

  /** The protocol that the connections speak to the card, `but` for one. */
  #protocolInUse(but: ConnectionState | undefined): Protocol | undefined {
    const { card, connections } = this.#deps;
    const isUsed = [...connections].some((one) => one !== but && one.usesCard && one.protocol !== undefined);
    return isUsed ? card.protocol : undefined;
  }

  /**
   * Resets a card that was left in another protocol than would be chosen: what a connection comes to must not depend on one
   * that has ended.
   */
  async #forget(preferred: readonly Protocol[]): Promise<void> {
    const { card, profile } = this.#deps;
    if (card.protocol === undefined || card.protocol === card.choose(preferred, profile.rawUnavailable)) return;
    await card.reset("cold-reset");
    this.#deps.trace.reset("card-reset", anotherProtocol);
    card.checkPowered();
  }

  /**
   * Does to the card what a disposition says. All connections but `except` learn of it. Failures of the card are not
   * errors here: the card is mute then, and the next user is told so. A card that was to be ejected and is still there gets
   * what else was asked for: what a program verified must not outlive it.
   *
   * @throws cant-dispose, or what the driver's eject fails with
   */
  async dispose(
    { disposition, otherwise }: Asked,
    why: ResetReason,
    options: { readonly except?: ConnectionState; readonly keepPowered: boolean },
  ): Promise<void> {
    const { card, driver, host, trace } = this.#deps;
    if (disposition === "leave" || !card.present) return;
    if (disposition === "eject") {
      try {
        await this.#eject();
      } finally {
        // Where the driver has not given an aborted ejection back, this has a turn of its own, before all other turns.
        if (!driver.isHeld) await this.dispose(asked(otherwise), why, options);
        else if (otherwise !== "leave" && card.present) this.#pending.note(otherwise, why);
      }
      return;
    }
    if (!card.powered && !card.mute) return;
    const wasMute = card.mute;
    if (disposition === "reset") await card.reset("warm-reset");
    else if (options.keepPowered) await card.reset("cold-reset");
    else if (card.mayHavePower) await card.powerDown();
    else return;
    trace.reset("card-reset", why);
    this.#notifyReset(why, options.except);
    if (card.mute !== wasMute) host.statusChanged();
  }

  /** Records the disposition of a closed connection; it runs before another client gets the card. */
  addPending(due: Asked, why: ResetReason, connection: ConnectionState): Promise<void> {
    const { card, queue } = this.#deps;
    if (due.disposition === "leave" || !card.present) return Promise.resolve();
    const done = this.#pending.add(due, why, connection.context);
    // A context that can do one thing at a time would wait for a lock that only itself may be able to free.
    if (connection.context.oneAtATime && queue.lock !== undefined && queue.lock.owner !== connection) {
      done.catch(() => {});
      return Promise.resolve();
    }
    return done;
  }

  /** An exchange was interrupted: the card is reset before another client gets it, and all connections are told. */
  exchangeAborted(): void {
    if (this.#deps.card.present) this.#pending.note("reset", brokenOff);
  }

  /** Powers the card down after a while without connections; to be called whenever there are more or fewer of them. */
  armPowerOff(): void {
    const { card, clock, connections, profile } = this.#deps;
    this.#cancelPowerOff?.();
    if (profile.powerOffMs === undefined || connections.size > 0 || !card.powered) return;
    this.#cancelPowerOff = clock.schedule(profile.powerOffMs, "power off", () => this.#powerOff(), {
      background: true,
    });
  }

  async #attend(): Promise<void> {
    const { card, host } = this.#deps;
    await card.attend();
    if (!card.announce()) return;
    this.#arrivals.attended();
    host.cardMoved("card-inserted");
    this.armPowerOff();
  }

  #notifyReset(why: ResetReason, except: ConnectionState | undefined): void {
    const { connections, name, queue } = this.#deps;
    for (const connection of connections) {
      if (connection === except || !connection.usesCard || connection.fault !== undefined) continue;
      connection.fault = { code: "reset-card", why: why.text };
    }
    // A reset does not affect a connection that does not use the card.
    const concerns = ({ needsCard, owner }: TurnRequest<ConnectionState>): boolean =>
      needsCard && owner !== except && owner?.usesCard === true;
    queue.fail(
      concerns,
      ({ operation }) =>
        new SmartCardError("reset-card", `the card was reset: ${why.text}`, { reader: name, operation }),
    );
  }

  async #eject(): Promise<void> {
    const { driver, name, profile } = this.#deps;
    if (driver.description.canEject) await driver.eject();
    else if (profile.impossibleEject === "fail") {
      throw new SmartCardError("cant-dispose", `"${name}" cannot eject cards`, { reader: name });
    }
  }

  async #runPending(pending: PendingDisposition): Promise<void> {
    try {
      await this.dispose(pending.due, pending.why, { keepPowered: this.#deps.connections.size > 0 });
      for (const wait of pending.waits) wait.resolve();
    } catch (error) {
      for (const wait of pending.waits) wait.fail(error as SmartCardError);
    }
  }

  #powerOff(): void {
    const { card, connections, host, queue, trace, turns } = this.#deps;
    if (connections.size > 0 || !card.powered) return;
    if (queue.busy) {
      this.armPowerOff();
      return;
    }
    turns.runOwnWork(async () => {
      await card.powerDown();
      trace.reset("card-unpowered", unused);
      host.statusChanged();
    });
  }
}
