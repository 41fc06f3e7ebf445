// SPDX-License-Identifier: MIT

import { T0Exchange, T1Exchange, type T1Step, type TransmissionFailure } from "../transmission/index.ts";
import type { CardExchange, ExchangeTerms } from "./card-exchange.ts";
import type { ExchangeLevel } from "./class-descriptor.ts";
import type { CcidAnswer } from "./messages.ts";
import type { CardParameters } from "./parameters.ts";
import { commandFailure, failureOf, slotErrors } from "./slot-errors.ts";
import { exchangeWhenFree, type SlotAccess } from "./xfr-block.ts";

const OPERATION = "transmit";
const noBytes = new Uint8Array(0);
/** NAD, PCB and LEN: what says how long a block is. */
const PROLOGUE_BYTES = 3;

/** What came back for bytes that were sent to the card. */
export type Carried = { readonly kind: "bytes"; readonly bytes: Uint8Array } | { readonly kind: "timeout" | "parity" };

/** Blocks and characters of a transmission protocol, one XfrBlock after the other. CCID 1.1, 3.2.1 and 3.2.2. */
abstract class LineExchange implements CardExchange {
  protected readonly access: SlotAccess;
  protected readonly terms: ExchangeTerms;
  #needsReset = false;

  constructor(access: SlotAccess, terms: ExchangeTerms) {
    this.access = access;
    this.terms = terms;
  }

  async transmit(command: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return await this.guarded(() => this.exchange(command, signal));
  }

  protected abstract exchange(command: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;

  /** An exchange that ends in between leaves both sides out of step. */
  protected async guarded(exchange: () => Promise<Uint8Array>): Promise<Uint8Array> {
    if (this.#needsReset) throw failureOf("comm-error", "the card must be reset after the failure before", OPERATION);
    this.#needsReset = true;
    const response = await exchange();
    this.#needsReset = false;
    return response;
  }

  /** @returns never; the next exchange may begin where the failure allows it */
  protected fail({ reason, recovery, code }: TransmissionFailure): never {
    this.#needsReset = recovery === "warm-reset";
    throw failureOf(code === "invalid-command" ? "invalid-parameter" : "comm-error", reason, OPERATION);
  }

  protected overdue(): () => boolean {
    const { clock, limits } = this.access;
    const end = clock.now() + limits.exchangeMs;
    return () => clock.now() >= end;
  }

  /** Sends bytes, and returns what the card answers, or that it does not. */
  protected async carry(data: Uint8Array, level: number, multiplier: number, signal: AbortSignal): Promise<Carried> {
    const { limits } = this.access;
    const baseMs = this.terms.waitMs(noBytes);
    const waitMs = multiplier <= 1 ? baseMs : Math.max(baseMs, Math.min(limits.mostExtendedMs, baseMs * multiplier));
    const command = { name: "xfr-block", data, level, parameter: multiplier <= 1 ? 0 : multiplier } as const;
    return carried(await exchangeWhenFree(this.access, command, { operation: OPERATION, waitMs, signal }));
  }
}

/** T=1, block by block, at the level of TPDUs or of characters. */
export class T1BlockExchange extends LineExchange {
  readonly #engine: T1Exchange;
  readonly #isCounted: boolean;
  readonly #edcBytes: number;
  /** IFSD that was agreed on. A resynchronisation takes it back: it is agreed on again before the next command. */
  #agreedIfsd: number | undefined;

  /** @param ifsd longest information field that the card may send at first */
  constructor(
    access: SlotAccess,
    terms: ExchangeTerms,
    level: ExchangeLevel,
    parameters: CardParameters & { protocol: "t1" },
    ifsd?: number,
  ) {
    super(access, terms);
    const { edc, ifsc } = parameters;
    this.#engine = new T1Exchange({ ifsc, edc, ...(ifsd === undefined ? {} : { ifsd }) });
    this.#agreedIfsd = ifsd;
    this.#isCounted = level === "character";
    this.#edcBytes = edc === "crc" ? 2 : 1;
  }

  /** IFSC and IFSD in use. */
  get sizes(): { readonly ifsc: number; readonly ifsd: number } {
    return { ifsc: this.#engine.ifsc, ifsd: this.#engine.ifsd };
  }

  /** Tells the card how long its blocks may be. A card that does not agree is left alone with 32 bytes. */
  async negotiateIfsd(bytes: number, signal: AbortSignal): Promise<void> {
    await this.guarded(async () => {
      const step = await this.#run(this.#engine.negotiateIfsd(bytes, { isOverdue: this.overdue() }), signal);
      if (step.kind === "failed" && step.recovery === "warm-reset") this.fail(step);
      this.#agreedIfsd = step.kind === "done" ? bytes : undefined;
      return noBytes;
    });
  }

  /**
   * Exchanges a command whose block the reader completes: `send` gets its prologue, and returns the block that came back.
   * Undefined says that no block went to the card.
   */
  async completedByReader(
    template: Uint8Array,
    send: (prologue: Uint8Array) => Promise<Carried | Uint8Array>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    let early: Uint8Array | undefined;
    const response = await this.guarded(async () => {
      let first = this.#engine.transmit(template, { isOverdue: this.overdue() });
      // A resynchronisation may come before the command.
      while (first.kind === "send" && !isInformation(first.block)) {
        first = this.#next(await this.#block(first.block, first.waitMultiplier, signal));
      }
      if (first.kind !== "send") return this.#result(first);
      const outcome = await send(first.block.slice(0, PROLOGUE_BYTES));
      if (outcome instanceof Uint8Array) {
        this.#engine.withdraw();
        early = outcome;
        return outcome;
      }
      return this.#result(await this.#run(this.#next(outcome), signal));
    });
    return early ?? response;
  }

  protected async exchange(command: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    await this.#restoreIfsd(signal);
    return this.#result(await this.#run(this.#engine.transmit(command, { isOverdue: this.overdue() }), signal));
  }

  async #restoreIfsd(signal: AbortSignal): Promise<void> {
    const agreed = this.#agreedIfsd;
    if (agreed === undefined || this.#engine.ifsd === agreed) return;
    const step = await this.#run(this.#engine.negotiateIfsd(agreed, { isOverdue: this.overdue() }), signal);
    if (step.kind === "done") return;
    if (step.kind === "failed" && step.recovery === "warm-reset") this.fail(step);
    // The card does not agree any more: its blocks stay short.
    this.#agreedIfsd = undefined;
  }

  #result(step: T1Step): Uint8Array {
    if (step.kind === "done") return step.response;
    if (step.kind === "failed") return this.fail(step);
    throw failureOf("internal-error", "an exchange that is not over", OPERATION);
  }

  /** Carries blocks until the exchange is over. */
  async #run(first: T1Step, signal: AbortSignal): Promise<T1Step> {
    let step = first;
    while (step.kind === "send") step = this.#next(await this.#block(step.block, step.waitMultiplier, signal));
    return step;
  }

  #next(came: Carried): T1Step {
    return came.kind === "bytes" ? this.#engine.received(came.bytes) : this.#engine.failed(came.kind);
  }

  async #block(block: Uint8Array, multiplier: number, signal: AbortSignal): Promise<Carried> {
    if (!this.#isCounted) return await this.carry(block, 0, multiplier, signal);
    const head = await this.carry(block, PROLOGUE_BYTES, multiplier, signal);
    if (head.kind !== "bytes") return head;
    const missing = PROLOGUE_BYTES + (head.bytes[2] ?? 0) + this.#edcBytes - head.bytes.length;
    if (head.bytes.length < PROLOGUE_BYTES || missing <= 0) return head;
    const rest = await this.carry(noBytes, missing, multiplier, signal);
    return rest.kind === "bytes" ? { kind: "bytes", bytes: Uint8Array.of(...head.bytes, ...rest.bytes) } : rest;
  }
}

/** T=0, character by character. */
export class T0CharacterExchange extends LineExchange {
  readonly #engine = new T0Exchange();

  protected async exchange(command: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    let step = this.#engine.transmit(command, { isOverdue: this.overdue() });
    while (step.kind === "send" || step.kind === "receive") {
      const came = await this.carry(step.kind === "send" ? step.bytes : noBytes, step.expect, 1, signal);
      step = came.kind === "bytes" ? this.#engine.received(came.bytes) : this.#engine.failed(came.kind);
    }
    return step.kind === "done" ? step.response : this.fail(step);
  }
}

/** Whether a block is an I-block: bit 8 of PCB is clear. ISO/IEC 7816-3:2006, 11.3.2.2. */
function isInformation(block: Uint8Array): boolean {
  return ((block[1] ?? 0) & 0x80) === 0;
}

/** What an answer says of the card. @throws removed-card, comm-error */
export function carried(answer: CcidAnswer): Carried {
  if (answer.status === "done") return { kind: "bytes", bytes: answer.data };
  if (answer.icc !== "absent") {
    if (answer.error === slotErrors.cardMute) return { kind: "timeout" };
    if (answer.error === slotErrors.parity) return { kind: "parity" };
  }
  throw commandFailure(OPERATION, answer, "comm-error");
}
