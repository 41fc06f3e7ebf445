// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import {
  assert,
  type CardInspection,
  type ErrorCode,
  MAX_ATR_BYTES,
  type Protocol,
  SmartCardError,
} from "../../port/index.ts";
import type { Driver } from "./driver.ts";
import { listProtocols, negotiateProtocol } from "./protocol-negotiation.ts";

const noAtr = new Uint8Array();

/** What is known of the place for a card. */
type State =
  | { readonly kind: "absent" }
  /** Put in, not powered yet: no client was told. */
  | { readonly kind: "arrived" }
  /** Does not answer a reset. `isDown`: its power was taken away since. */
  | { readonly kind: "mute"; readonly isDown: boolean }
  | { readonly kind: "unpowered"; readonly atr: Uint8Array }
  | { readonly kind: "powered"; readonly atr: Uint8Array; readonly protocol: Protocol | undefined };

/** The place for a card in a reader: whether one is there, its power, its ATR and the protocol it speaks. */
export class Card {
  readonly #driver: Driver;
  readonly #reader: string;
  #state: State = { kind: "absent" };
  /** Counts arrivals and removals, so that what an operation learns of a card is not taken for the next one's. */
  #generation = 0;
  /** False until the arrival of the card is counted: it is seen and counted at the same moment. */
  #announced = false;

  constructor(driver: Driver, reader: string) {
    this.#driver = driver;
    this.#reader = reader;
  }

  /** Whether a card is there, attended to or not. */
  get present(): boolean {
    return this.#state.kind !== "absent";
  }

  /** Whether a card is present whose ATR was read, or that is known to be mute, and that clients may see. */
  get attended(): boolean {
    return this.#announced && this.#state.kind !== "absent" && this.#state.kind !== "arrived";
  }

  get powered(): boolean {
    return this.#state.kind === "powered";
  }

  get mute(): boolean {
    return this.#state.kind === "mute";
  }

  /** Whether the card may have power: a mute card may have it, too. */
  get mayHavePower(): boolean {
    return this.#state.kind === "powered" || (this.#state.kind === "mute" && !this.#state.isDown);
  }

  /** The ATR of the last reset; empty without a card. */
  get atr(): Uint8Array {
    return this.#state.kind === "powered" || this.#state.kind === "unpowered" ? this.#state.atr : noAtr;
  }

  /** The protocol that was agreed on since the last reset. */
  get protocol(): Protocol | undefined {
    return this.#state.kind === "powered" ? this.#state.protocol : undefined;
  }

  inspect(): CardInspection {
    return { atr: copyBytes(this.atr), powered: this.powered, mute: this.mute, protocol: this.protocol };
  }

  inserted(): void {
    this.#generation++;
    this.#announced = false;
    this.#state = { kind: "arrived" };
  }

  removed(): void {
    this.#generation++;
    this.#state = { kind: "absent" };
  }

  /** Powers a card that has just come, to learn its ATR. No client sees the card before it is announced. */
  async attend(): Promise<void> {
    await this.reset("cold-reset");
  }

  /** From now on the card is seen. Answers false where it has gone already. */
  announce(): boolean {
    // Another may have come meanwhile, whose ATR is still to be read.
    this.#announced = this.#state.kind !== "absent" && this.#state.kind !== "arrived";
    return this.#announced;
  }

  /** Resets the card; it is powered afterwards, or mute. */
  async reset(action: "cold-reset" | "warm-reset"): Promise<void> {
    const generation = this.#generation;
    let state: State;
    try {
      const atr = await this.#driver.power(action);
      const isAtr = atr.length >= 2 && atr.length <= MAX_ATR_BYTES;
      state = isAtr ? { kind: "powered", atr: copyBytes(atr), protocol: undefined } : { kind: "mute", isDown: false };
    } catch (error) {
      assert(error instanceof SmartCardError, "a driver's failure is a SmartCardError");
      state = { kind: "mute", isDown: false };
    }
    if (generation === this.#generation) this.#state = state;
  }

  /** Takes the card's power away; its ATR stays known. */
  async powerDown(): Promise<void> {
    const generation = this.#generation;
    const { atr, mute } = this;
    let isDown = true;
    try {
      await this.#driver.power("power-down");
    } catch (error) {
      // If the reader cannot power down, the card counts as powered; the next use resets it.
      assert(error instanceof SmartCardError, "a driver's failure is a SmartCardError");
      isDown = false;
    }
    if (generation === this.#generation) this.#state = mute ? { kind: "mute", isDown } : { kind: "unpowered", atr };
  }

  /** Powers the card if it is not; answers whether that was needed. @throws unresponsive-card, removed-card */
  async powerUp(): Promise<boolean> {
    const isNeeded = this.#state.kind === "unpowered" || this.#state.kind === "mute";
    if (isNeeded) await this.reset("cold-reset");
    this.checkPowered();
    return isNeeded;
  }

  /** @throws removed-card, unresponsive-card, unpowered-card: why the card cannot be talked to */
  checkPowered(): void {
    switch (this.#state.kind) {
      case "powered":
        return;
      case "absent":
      case "arrived":
        throw this.#error("removed-card", "the card was removed");
      case "mute":
        throw this.#error("unresponsive-card", "the card does not answer a reset");
      case "unpowered":
        throw this.#error("unpowered-card", "the card has no power; reconnect");
    }
  }

  /**
   * Agrees on one of the protocols that the caller, the card and the reader all know, and makes the card speak it. A
   * protocol that was agreed on since the last reset stands.
   *
   * @throws proto-mismatch, unsupported-card (its ATR cannot be understood), unresponsive-card (it refused the protocol)
   */
  async agree(preferred: readonly Protocol[], rawUnavailable: ErrorCode): Promise<Protocol> {
    this.checkPowered();
    const agreed = this.protocol;
    if (agreed !== undefined) {
      if (preferred.includes(agreed)) return agreed;
      const message = `the card speaks ${agreed} since its last reset; asked for ${listProtocols(preferred)}`;
      throw new SmartCardError("proto-mismatch", message, { reader: this.#reader, protocol: agreed });
    }
    const protocol = this.choose(preferred, rawUnavailable);
    const speaking = this.speak(protocol);
    if (speaking !== undefined) await speaking;
    return protocol;
  }

  /** The protocol that {@link negotiateProtocol} takes for the card as it is, after a reset. */
  choose(preferred: readonly Protocol[], rawUnavailable: ErrorCode): Protocol {
    const { protocols } = this.#driver.description;
    return negotiateProtocol({ preferred, reader: this.#reader, protocols, atr: this.atr, rawUnavailable });
  }

  /**
   * Makes the card speak a protocol that was agreed on earlier, where a reset has come between. Undefined where it speaks it
   * already.
   */
  speak(protocol: Protocol): Promise<void> | undefined {
    this.checkPowered();
    if (this.#state.kind !== "powered" || this.#state.protocol === protocol) return undefined;
    if (this.#state.protocol !== undefined) {
      throw this.#error("reset-card", `the card was reset and speaks ${this.#state.protocol} now; reconnect`);
    }
    return this.#setProtocol(protocol, this.#state.atr);
  }

  async #setProtocol(protocol: Protocol, atr: Uint8Array): Promise<void> {
    const generation = this.#generation;
    try {
      await this.#driver.setProtocol(protocol);
    } catch (cause) {
      if (cause instanceof SmartCardError && cause.code !== "comm-error") throw cause;
      throw this.#error("unresponsive-card", `the card refused the protocol ${protocol}`, { cause });
    }
    if (generation === this.#generation) this.#state = { kind: "powered", atr, protocol };
  }

  #error(code: ErrorCode, message: string, options?: ErrorOptions): SmartCardError {
    return new SmartCardError(code, message, { reader: this.#reader }, options);
  }
}
