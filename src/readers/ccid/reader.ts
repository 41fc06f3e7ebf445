// SPDX-License-Identifier: MIT

import { hexDword } from "../../base/binary/index.ts";
import type { Atr } from "../../base/iso7816/index.ts";
import {
  assert,
  type PowerAction,
  type Protocol,
  type Reader,
  type ReaderDescription,
  type ReaderEvents,
  SmartCardError,
} from "../../port/index.ts";
import type { CardExchange } from "./card-exchange.ts";
import { CardPower } from "./card-power.ts";
import { asSent, exchangeFor } from "./exchange-for.ts";
import { T1BlockExchange } from "./line-exchange.ts";
import type { CcidAnswer, CcidCommand, IccStatus } from "./messages.ts";
import { dataRateAndClockFrequency } from "./messages.ts";
import { PinPad } from "./pin-pad.ts";
import { type PoweredCard, poweredCard } from "./powered-card.ts";
import { Presence } from "./presence.ts";
import { ProtocolSetup } from "./protocol-setup.ts";
import { ccidAttribute } from "./reader-attributes.ts";
import { ReaderControl } from "./reader-control.ts";
import type { PropertyFacts } from "./reader-properties.ts";
import { cancelledError, commandFailure, failureOf } from "./slot-errors.ts";
import { SlotTurn } from "./slot-turn.ts";
import { can } from "./traits.ts";
import { exchangeWhenFree, firstSlotStatus, type SlotAccess } from "./xfr-block.ts";

const noBytes = new Uint8Array(0);

/** bFunction of PC_to_RDR_Mechanical. CCID 1.1, 6.1.12. */
const mechanics = { accept: 1, eject: 2, capture: 3, lock: 4, unlock: 5 } as const;

/** What one slot's reader is made of. */
export interface CcidReaderParts {
  readonly description: ReaderDescription;
  readonly access: SlotAccess;
  readonly facts: PropertyFacts;
  /** Whether messages of the interrupt endpoint come. */
  readonly hasInterrupts: () => boolean;
  /** The reader is put into service. */
  readonly opened: () => void;
  /** The reader has ended. */
  readonly closed: () => Promise<void>;
}

/**
 * One slot of a USB reader: the driver of the card in it. All slots of a device share its {@link CcidDevice}.
 *
 * @see USB-IF, Device Class: Smart Card, CCID 1.1 and ICCD 1.0
 */
export class CcidReader implements Reader {
  readonly description: ReaderDescription;
  /** Ejects the card. There where the reader says that it can. */
  readonly eject?: (signal: AbortSignal) => Promise<void>;
  readonly #parts: CcidReaderParts;
  readonly #access: SlotAccess;
  readonly #power: CardPower;
  readonly #presence: Presence;
  readonly #setup: ProtocolSetup;
  readonly #control: ReaderControl;
  readonly #life = new AbortController();
  readonly #turn = new SlotTurn(this.#life.signal);
  #stage: "new" | "open" | "over" = "new";
  #endReason = "the reader is closed";
  #events: ReaderEvents | undefined;
  #card: PoweredCard | undefined;

  constructor(parts: CcidReaderParts) {
    this.#parts = parts;
    this.description = parts.description;
    this.#access = parts.access;
    const { traits } = parts.facts;
    this.#power = new CardPower(parts.access, traits);
    this.#setup = new ProtocolSetup(parts.access, traits, {
      reset: (signal) => this.#resetAgain(signal),
      clockRaised: (usual) => this.#power.clockRaised(usual),
    });
    const pinPad = new PinPad(parts.access, traits, parts.facts.firmware);
    this.#control = new ReaderControl(parts.access, parts.facts, pinPad);
    const { clock, limits } = parts.access;
    this.#presence = new Presence({
      clock,
      limits,
      ask: () => this.#askStatus(),
      isPowered: () => this.#card !== undefined,
      activatesCards: can(traits, "automaticActivation"),
      hasInterrupts: parts.hasInterrupts,
      onRemoved: () => this.#cardLost(),
    });
    if (parts.description.canEject) this.eject = (signal) => this.#mechanical("eject", signal);
  }

  /** @throws reader-unavailable when the reader does not answer */
  async open(events: ReaderEvents): Promise<void> {
    assert(this.#stage !== "open", "a reader is opened once");
    this.#check("open");
    const answer = await firstSlotStatus(this.#access, "open", this.#life.signal);
    this.#check("open");
    this.#stage = "open";
    this.#events = events;
    this.#presence.start(events, answer.icc);
    this.#parts.opened();
  }

  /**
   * Cold reset: power off, then on, at each voltage that the reader has until the card answers. Warm reset: the voltage stays.
   *
   * @throws unresponsive-card, removed-card, comm-error, cancelled, reader-unavailable
   */
  async power(action: PowerAction, signal: AbortSignal): Promise<Uint8Array> {
    return await this.#operate("power", signal, async (life) => {
      this.#checkCard("power");
      this.#card = undefined;
      if (action === "power-down") {
        await this.#power.off(life);
        return noBytes;
      }
      try {
        const atr = await this.#power.reset(action === "cold-reset" ? "cold" : "warm", life);
        this.#powered(atr);
        return atr;
      } catch (error) {
        const isMute = error instanceof SmartCardError && error.code === "unresponsive-card";
        if (isMute && this.#parts.facts.traits.quirks.presenceByPower) this.#presence.gone();
        throw error;
      }
    });
  }

  /** @throws proto-mismatch, unresponsive-card, removed-card, comm-error, cancelled, reader-unavailable */
  async setProtocol(protocol: Protocol, signal: AbortSignal): Promise<void> {
    await this.#operate("set protocol", signal, async (life) => {
      const card = this.#poweredCard("set protocol");
      if ((protocol !== "t0" && protocol !== "t1") || !this.description.protocols.includes(protocol)) {
        const offered = this.description.protocols.join(", ");
        throw failureOf("proto-mismatch", `the reader speaks ${offered}, not ${protocol}`, "set protocol");
      }
      if (card.agreement !== undefined && card.agreement.protocol === protocol && card.exchange !== undefined) return;
      // A connect fails for such an ATR before this. Here the card was swapped since.
      if (card.atr === undefined) throw failureOf("comm-error", "the ATR cannot be read", "set protocol");
      const agreement = await this.#setup.agree(card.atr, protocol, life);
      const now = this.#poweredCard("set protocol");
      now.exchange = await exchangeFor(this.#access, this.#parts.facts.traits, agreement, life);
      now.agreement = agreement;
    });
  }

  /** @throws comm-error, removed-card, proto-mismatch, invalid-parameter, cancelled, reader-unavailable */
  async transmit(command: Uint8Array, protocol: Protocol, signal: AbortSignal): Promise<Uint8Array> {
    return await this.#operate("transmit", signal, async (life) => {
      const { agreement, exchange } = this.#poweredCard("transmit");
      if (exchange === undefined || agreement?.protocol !== protocol) {
        const message = agreement === undefined ? "no protocol is set" : `the card speaks ${agreement.protocol}`;
        throw failureOf("proto-mismatch", `${message}, and the command is for ${protocol}`, "transmit");
      }
      const answer = this.#control.driverAnswer(command);
      if (answer !== undefined) return answer;
      return await exchange.transmit(asSent(command, agreement, this.#parts.facts.traits), life);
    });
  }

  /** The features of PC/SC part 10, escape commands, and where the reader is plugged in. @throws unsupported-feature */
  async control(code: number, input: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return await this.#operate("control", signal, async (life) => {
      const answer = await this.#control.answer(code, input, () => this.#exchange("control"), life);
      if (answer === undefined) throw failureOf("unsupported-feature", `control code ${hexDword(code)}`, "control");
      return answer;
    });
  }

  getAttribute(attribute: number): Uint8Array | undefined {
    const { bytes, agreement, exchange } = this.#card ?? {};
    const { facts } = this.#parts;
    const sizes = exchange instanceof T1BlockExchange ? exchange.sizes : undefined;
    return ccidAttribute(attribute, {
      description: this.description,
      facts,
      cardPresent: this.#presence.isPresent,
      atr: bytes,
      agreement,
      sizes,
    });
  }

  setAttribute(_attribute: number, _value: Uint8Array): boolean {
    return false;
  }

  /** Keeps the card in the reader, or lets it go. @throws unsupported-feature where the reader cannot */
  async lock(isLocked: boolean, signal: AbortSignal): Promise<void> {
    if (!this.#parts.facts.traits.descriptor.mechanical.lock) {
      throw failureOf("unsupported-feature", "the reader cannot lock a card in", "lock");
    }
    await this.#mechanical(isLocked ? "lock" : "unlock", signal);
  }

  /** Stops the clock of the card, or starts it again. CCID 1.1, 6.1.9. @throws unsupported-feature where the reader cannot */
  async clock(action: "restart" | "stop", signal: AbortSignal): Promise<void> {
    if (!can(this.#parts.facts.traits, "clockStop")) {
      throw failureOf("unsupported-feature", "the reader cannot stop the clock of a card", "clock");
    }
    await this.#succeed({ name: "icc-clock", parameter: action === "stop" ? 1 : 0 }, "clock", signal);
  }

  /**
   * Sets clock and data rate by hand. CCID 1.1, 6.1.14.
   *
   * @returns what the reader has set
   * @throws unsupported-feature where the reader does so on its own
   */
  async setDataRateAndClockFrequency(
    setting: { readonly clockKhz: number; readonly dataRate: number },
    signal: AbortSignal,
  ): Promise<{ readonly clockKhz: number; readonly dataRate: number }> {
    const operation = "set data rate";
    const data = dataRateAndClockFrequency.encode({ dwClockFrequency: setting.clockKhz, dwDataRate: setting.dataRate });
    const answer = await this.#succeed({ name: "set-data-rate-and-clock-frequency", data }, operation, signal);
    const decoded = dataRateAndClockFrequency.decode(answer.data);
    if (!decoded.ok)
      throw failureOf("comm-error", `the answer of the reader is malformed: ${decoded.error.message}`, operation);
    return { clockKhz: decoded.value.dwClockFrequency, dataRate: decoded.value.dwDataRate };
  }

  async close(): Promise<void> {
    if (this.#stage === "over") return;
    const wasPowered = this.#card !== undefined;
    this.#retire("the reader is closed");
    await this.#within(this.#access.limits.closeMs, this.#finish(wasPowered));
    await this.#parts.closed();
  }

  /** The device can be used no more. */
  lost(reason: string): void {
    if (this.#stage === "over") return;
    const events = this.#events;
    this.#retire(reason);
    events?.lost(reason);
  }

  /** What the interrupt endpoint says of the slot. */
  notified(present: boolean, changed: boolean): void {
    this.#presence.notified(present, changed);
  }

  /** What an answer says of the card. */
  answered(status: IccStatus): void {
    this.#presence.answered(status);
  }

  /** A message of the interrupt endpoint may have been lost. */
  checkCard(): void {
    this.#presence.askNow();
  }

  /** Whether it is in service. */
  get isOpen(): boolean {
    return this.#stage === "open";
  }

  /** Whether the card is known to be gone. */
  get isCardGone(): boolean {
    return !this.#presence.isPresent;
  }

  #retire(reason: string): void {
    this.#stage = "over";
    this.#endReason = reason;
    this.#events = undefined;
    this.#presence.stop();
    this.#cardLost();
    this.#life.abort(failureOf("reader-unavailable", reason, "close"));
  }

  /** What is under way ends, and the card loses its power. Where that fails it does with the reader. */
  async #finish(wasPowered: boolean): Promise<void> {
    try {
      await this.#turn.wait();
      if (wasPowered) await this.#power.off(new AbortController().signal);
    } catch {
      // The reader does not answer any more.
    }
  }

  /** Waits for work that never rejects, and no longer than that. */
  #within(ms: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#access.clock.schedule(ms, "ccid close", resolve);
      void work.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #cardLost(): void {
    this.#card = undefined;
    this.#power.lost();
  }

  #powered(bytes: Uint8Array): void {
    this.#card = poweredCard(bytes);
  }

  /** After a failed PPS exchange. The ATR is the same: it is the same card. */
  async #resetAgain(signal: AbortSignal): Promise<Atr> {
    const bytes = await this.#power.reset("warm", signal);
    this.#powered(bytes);
    if (this.#card?.atr !== undefined) return this.#card.atr;
    throw failureOf("unresponsive-card", "the ATR cannot be read after a second reset", "set protocol");
  }

  /** The exchange with the card, for a PIN that is entered at the reader. */
  #exchange(operation: string): CardExchange {
    const { exchange } = this.#poweredCard(operation);
    if (exchange === undefined) throw failureOf("proto-mismatch", "no protocol is set", operation);
    return exchange;
  }

  #poweredCard(operation: string): PoweredCard {
    this.#checkCard(operation);
    if (this.#card === undefined) throw failureOf("unpowered-card", "the card has no power", operation);
    return this.#card;
  }

  #checkCard(operation: string): void {
    if (!this.#presence.isPresent) throw failureOf("removed-card", "there is no card", operation);
  }

  #check(operation: string): void {
    if (this.#stage === "over") throw failureOf("reader-unavailable", this.#endReason, operation);
  }

  async #mechanical(action: keyof typeof mechanics, signal: AbortSignal): Promise<void> {
    await this.#succeed({ name: "mechanical", parameter: mechanics[action] }, action, signal, action === "eject");
  }

  /** A command to the reader that has to succeed. */
  async #succeed(command: CcidCommand, operation: string, signal: AbortSignal, needsCard = false): Promise<CcidAnswer> {
    return await this.#operate(operation, signal, async (life) => {
      if (needsCard) this.#checkCard(operation);
      const options = { operation, waitMs: this.#access.limits.escapeMs, signal: life };
      const answer = await exchangeWhenFree(this.#access, command, options);
      const isEjected =
        command.parameter === mechanics.eject && command.name === "mechanical" && answer.icc === "absent";
      if (answer.status === "done" || isEjected) return answer;
      throw answer.error === 0
        ? failureOf("unsupported-feature", "the reader does not support this", operation)
        : commandFailure(operation, answer, "comm-error");
    });
  }

  /** Runs an operation in its turn. Its signal ends with the caller's, and with the reader. */
  async #operate<T>(operation: string, signal: AbortSignal, run: (life: AbortSignal) => Promise<T>): Promise<T> {
    await this.#turn.wait(signal);
    this.#check(operation);
    assert(this.#stage === "open", "a reader is opened before it is used");
    if (signal.aborted) throw cancelledError(operation, signal);
    try {
      return await this.#turn.run(signal, run);
    } catch (error) {
      throw this.#explained(error, operation);
    }
  }

  /** What failed because the reader or the card is gone fails as that. */
  #explained(error: unknown, operation: string): unknown {
    if (!(error instanceof SmartCardError)) return error;
    if (this.#stage === "over") return failureOf("reader-unavailable", this.#endReason, operation, error);
    const isOfCard =
      error.code === "comm-error" || error.code === "unresponsive-card" || error.code === "unpowered-card";
    if (isOfCard && !this.#presence.isPresent)
      return failureOf("removed-card", "the card was removed", operation, error);
    return error;
  }

  /** The slot status, between operations. */
  async #askStatus(): Promise<IccStatus | undefined> {
    const { limits, link, slot } = this.#access;
    if (!this.#turn.isFree || this.#stage !== "open" || !link.isFree(slot)) return undefined;
    const { commandMs } = limits;
    const times = { waitMs: commandMs, endMs: commandMs };
    const ask = (signal: AbortSignal): Promise<CcidAnswer> =>
      link.exchange(slot, { name: "get-slot-status" }, { operation: "slot status", ...times, signal });
    try {
      return (await this.#turn.run(this.#life.signal, ask)).icc;
    } catch {
      return undefined;
    }
  }
}
