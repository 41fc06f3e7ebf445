// SPDX-License-Identifier: MIT

import { hexBytes, zeroBytes } from "../../base/binary/index.ts";
import type { CardExchange } from "./card-exchange.ts";
import type { FirmwareFeatures } from "./firmware-features.ts";
import { type Carried, carried, T1BlockExchange } from "./line-exchange.ts";
import type { CcidAnswer } from "./messages.ts";
import { type PinOperation, pinRequest, secureData } from "./pin-entry.ts";
import { commandFailure, failureOf, slotErrors } from "./slot-errors.ts";
import type { ReaderTraits } from "./traits.ts";
import { exchangeWhenFree, type SlotAccess, sleep } from "./xfr-block.ts";

const OPERATION = "control";
/** Time beyond what the reader itself waits for a PIN, in milliseconds. */
const AFTER_ENTRY_MS = 10_000;

/** What the card would answer, where the person at the reader cancels, or does nothing. PC/SC part 10, 2.5.2. */
const cancelledEntry: readonly number[] = [0x64, 0x01];
const lateEntry: readonly number[] = [0x64, 0x00];

/** The PIN pad of a reader. A PIN that is entered there goes to the card, and never comes here. */
export class PinPad {
  readonly #access: SlotAccess;
  readonly #traits: ReaderTraits;
  readonly #firmware: FirmwareFeatures | undefined;

  constructor(access: SlotAccess, traits: ReaderTraits, firmware: FirmwareFeatures | undefined) {
    this.#access = access;
    this.#traits = traits;
    this.#firmware = firmware;
  }

  /** Whether the reader has the operation. */
  has(operation: PinOperation): boolean {
    return this.#traits.pin[operation];
  }

  /**
   * Has a PIN entered and sent to the card.
   *
   * @param input PIN_VERIFY_STRUCTURE or PIN_MODIFY_STRUCTURE, with the command
   * @param exchange the one with the card; its sequence numbers count
   * @returns the answer of the card; 64 01 where the entry was cancelled, 64 00 where no PIN came in time
   * @throws invalid-parameter, comm-error, removed-card, cancelled, reader-unavailable
   */
  async enter(
    operation: PinOperation,
    input: Uint8Array,
    exchange: CardExchange,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { limits } = this.#access;
    const { quirks } = this.#traits;
    const wantsAllIndexes = quirks.firmwareFeatures === true && this.#firmware?.numberMessageFix !== true;
    const pinQuirks = quirks.pin ?? {};
    const rules = { quirks: pinQuirks, conditions: this.#firmware?.entryValidationCondition, wantsAllIndexes };
    const request = pinRequest(operation, input, rules);
    if (operation === "verify") await this.#prepare(request.isBare, signal);
    const waitMs = Math.max(limits.leastPinEntryMs, request.timeoutSeconds * 1000 + AFTER_ENTRY_MS);
    const send = async (prologue?: Uint8Array): Promise<CcidAnswer> => {
      const data = secureData(request, prologue);
      try {
        return await exchangeWhenFree(this.#access, { name: "secure", data }, { operation: OPERATION, waitMs, signal });
      } finally {
        zeroBytes(data);
      }
    };
    try {
      return await this.#exchange(request.apdu, send, exchange, signal);
    } finally {
      zeroBytes(request.apdu);
    }
  }

  async #exchange(
    template: Uint8Array,
    send: (prologue?: Uint8Array) => Promise<CcidAnswer>,
    exchange: CardExchange,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    if (exchange instanceof T1BlockExchange) {
      return await exchange.completedByReader(template, async (prologue) => outcomeOf(await send(prologue)), signal);
    }
    const outcome = outcomeOf(await send());
    if (outcome instanceof Uint8Array) return outcome;
    if (outcome.kind !== "bytes") throw failureOf("comm-error", "the card does not answer", OPERATION);
    if (outcome.bytes.length >= 2) return outcome.bytes;
    throw failureOf("comm-error", `the reader answers ${outcome.bytes.length} bytes: no status word`, OPERATION);
  }

  /** What some readers need before a PIN. */
  async #prepare(isBare: boolean, signal: AbortSignal): Promise<void> {
    const { bareVerifyEscape, pauseMs } = this.#traits.quirks.pin ?? {};
    if (pauseMs !== undefined) await sleep(this.#access.clock, pauseMs, signal);
    if (bareVerifyEscape === undefined || !isBare) return;
    const options = { operation: OPERATION, waitMs: this.#access.limits.commandMs, signal };
    await exchangeWhenFree(this.#access, { name: "escape", data: hexBytes(bareVerifyEscape) }, options);
  }
}

/** What came back; bytes of its own where nothing went to the card. @throws removed-card, comm-error */
function outcomeOf(answer: CcidAnswer): Carried | Uint8Array {
  if (answer.status === "failed" && answer.icc !== "absent") {
    if (answer.error === slotErrors.pinCancelled) return Uint8Array.from(cancelledEntry);
    if (answer.error === slotErrors.pinTimeout) return Uint8Array.from(lateEntry);
    if (answer.error <= 0x7f) throw commandFailure(OPERATION, answer, "invalid-parameter");
  }
  return carried(answer);
}
