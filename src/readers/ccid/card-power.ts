// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import { MAX_ATR_BYTES, type SmartCardError } from "../../port/index.ts";
import type { ExchangeOptions } from "./link.ts";
import type { CcidAnswer } from "./messages.ts";
import { commandFailure, failureOf, slotErrors } from "./slot-errors.ts";
import type { ReaderTraits } from "./traits.ts";
import { exchangeWhenFree, type SlotAccess } from "./xfr-block.ts";

const OPERATION = "power";
/** TS and T0. ISO/IEC 7816-3:2006, 8.2. */
const MIN_ATR_BYTES = 2;

/** The power of the card in one slot. CCID 1.1, 6.1.1 and 6.1.2. */
export class CardPower {
  readonly #access: SlotAccess;
  readonly #traits: ReaderTraits;
  /** bPowerSelect of the last success: a warm reset keeps the voltage. */
  #voltage: number | undefined;
  /** What gives the slot its usual clock and rate again, where a card got others. */
  #usualClock: Uint8Array | undefined;

  constructor(access: SlotAccess, traits: ReaderTraits) {
    this.#access = access;
    this.#traits = traits;
  }

  /** The card has lost its power. */
  lost(): void {
    this.#voltage = undefined;
  }

  /**
   * The slot was given a faster clock: a card that is reset, or the next one, has its usual one again. ISO/IEC 7816-3:2006, 5.2.3.
   *
   * @param usual data of PC_to_RDR_SetDataRateAndClockFrequency
   */
  clockRaised(usual: Uint8Array): void {
    this.#usualClock = usual;
  }

  /** @throws comm-error, removed-card, cancelled, reader-unavailable */
  async off(signal: AbortSignal): Promise<void> {
    this.#voltage = undefined;
    await this.#slowDown(signal);
    const { commandMs } = this.#access.limits;
    const answer = await exchangeWhenFree(
      this.#access,
      { name: "icc-power-off" },
      this.#options(signal, commandMs, commandMs),
    );
    if (answer.status !== "done" && answer.icc !== "inactive") throw commandFailure(OPERATION, answer, "comm-error");
  }

  /**
   * Resets the card: a powered one keeps its voltage. One without power is tried at each voltage, in order.
   *
   * @returns the ATR
   * @throws unresponsive-card, and as {@link CardPower.off}
   */
  async reset(kind: "cold" | "warm", signal: AbortSignal): Promise<Uint8Array> {
    const { clock, limits } = this.#access;
    await this.#slowDown(signal);
    const kept = kind === "warm" ? this.#voltage : undefined;
    if (kept !== undefined) return await this.#on(kept, signal);
    if (this.#voltage !== undefined || this.#traits.quirks.powersOffFirst) await this.off(signal);
    const end = clock.now() + limits.powerTotalMs;
    let failure: SmartCardError | undefined;
    for (const voltage of this.#traits.descriptor.voltages) {
      if (failure !== undefined) {
        // Each voltage begins with contacts that are inactive. ISO/IEC 7816-3:2006, 6.2.4.
        await this.off(signal);
        if (clock.now() >= end) break;
      }
      try {
        return await this.#on(voltage, signal);
      } catch (error) {
        if ((error as Partial<SmartCardError>).code !== "unresponsive-card") throw error;
        failure = error as SmartCardError;
      }
    }
    throw failure ?? failureOf("unresponsive-card", "the card does not answer at any voltage of the reader", OPERATION);
  }

  /** A reader that refuses this has its usual clock after each power-off by itself. */
  async #slowDown(signal: AbortSignal): Promise<void> {
    const data = this.#usualClock;
    if (data === undefined) return;
    this.#usualClock = undefined;
    const { commandMs } = this.#access.limits;
    const command = { name: "set-data-rate-and-clock-frequency", data } as const;
    await exchangeWhenFree(this.#access, command, this.#options(signal, commandMs, commandMs));
  }

  async #on(voltage: number, signal: AbortSignal): Promise<Uint8Array> {
    this.#voltage = undefined;
    const answer = await this.#powerOn(voltage, signal);
    const { length } = answer.data;
    if (length < MIN_ATR_BYTES || length > MAX_ATR_BYTES) {
      throw failureOf("unresponsive-card", `an ATR of ${length} bytes`, OPERATION);
    }
    this.#voltage = voltage;
    return answer.data;
  }

  async #powerOn(voltage: number, signal: AbortSignal): Promise<CcidAnswer> {
    const { isoModeEscape } = this.#traits.quirks;
    for (let isIsoMode = isoModeEscape === undefined; ; isIsoMode = true) {
      const { powerMs, powerTotalMs } = this.#access.limits;
      const options = this.#options(signal, powerMs, powerTotalMs);
      const answer = await exchangeWhenFree(this.#access, { name: "icc-power-on", parameter: voltage }, options);
      if (answer.status === "done") return answer;
      if (isIsoMode || answer.error !== slotErrors.emvProtocol)
        throw commandFailure(OPERATION, answer, "unresponsive-card");
      await this.#escape(isoModeEscape ?? "", signal);
    }
  }

  async #escape(hex: string, signal: AbortSignal): Promise<void> {
    const decoded = decodeHex(hex);
    if (!decoded.ok) return;
    const { commandMs } = this.#access.limits;
    const options = this.#options(signal, commandMs, commandMs);
    await exchangeWhenFree(this.#access, { name: "escape", data: decoded.value }, options);
  }

  #options(signal: AbortSignal, waitMs: number, endMs: number): ExchangeOptions {
    return { operation: OPERATION, waitMs, endMs, signal };
  }
}
