// SPDX-License-Identifier: MIT

import type { Clock, SmartCardError } from "../../port/index.ts";
import type { CcidLimits } from "./limits.ts";
import type { CcidLink, ExchangeOptions, LinkEvents } from "./link.ts";
import { answerTo, type CcidAnswer, type CcidCommand, type IccStatus } from "./messages.ts";
import { cancelledError, failureOf, isFatal, slotErrors, usbErrorOf } from "./slot-errors.ts";
import type { Transfers } from "./transfers.ts";
import type { UsbInterface } from "./usb-interface.ts";
import { sleep } from "./xfr-block.ts";

/** What control transfers are made to work with. */
export interface ControlLinkOptions {
  readonly usb: UsbInterface;
  readonly transfers: Transfers;
  readonly clock: Clock;
  readonly limits: CcidLimits;
  readonly events: LinkEvents;
}

/** Class requests of ICCD. ICCD 1.0, 6.1 and 6.2. */
export const iccdRequests = {
  powerOn: 0x62,
  powerOff: 0x63,
  xfrBlock: 0x65,
  dataBlock: 0x6f,
  slotStatus: 0x81,
  iccStatus: 0xa0,
} as const;

const TO_INTERFACE = 0x21;
const FROM_INTERFACE = 0xa1;

/** The longest data of one control transfer that every host can do. */
export const MAX_CONTROL_BYTES = 4_096;

/** One command under way: when its wait ends, and whether the caller still waits. */
export interface ControlTurn {
  readonly operation: string;
  readonly signal: AbortSignal;
  /** On the clock: no later than this. */
  readonly deadline: number;
}

/** What a command came to, without the address that an answer has. */
export type ControlOutcome = Partial<Pick<CcidAnswer, "icc" | "error" | "parameter" | "data">>;

/**
 * A USB card (ICCD): one slot, its card always in it, over control transfers. Gives the same answers as a reader would
 * whose slot holds the card.
 */
export abstract class ControlLink implements CcidLink {
  protected readonly options: ControlLinkOptions;
  #endReason: string | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #underWay = 0;

  constructor(options: ControlLinkOptions) {
    this.options = options;
  }

  isFree(): boolean {
    return this.#underWay === 0;
  }

  async exchange(slot: number, command: CcidCommand, options: ExchangeOptions): Promise<CcidAnswer> {
    this.#underWay++;
    const done = this.#last.then(() => this.#exchange(slot, command, options));
    this.#last = done.catch(() => undefined);
    try {
      return await done;
    } finally {
      this.#underWay--;
    }
  }

  end(reason: string): void {
    this.#endReason ??= reason;
  }

  /** Carries a command out. Undefined for one that a USB card does not have. */
  protected abstract run(command: CcidCommand, turn: ControlTurn): Promise<ControlOutcome | undefined>;

  protected async out(request: number, value: number, turn: ControlTurn, data?: Uint8Array): Promise<void> {
    await this.#transfer(turn, (ms) =>
      this.options.transfers.control(this.#setup(TO_INTERFACE, request, value), ms, data),
    );
  }

  protected async in(request: number, maxBytes: number, turn: ControlTurn): Promise<Uint8Array> {
    return await this.#transfer(turn, (ms) =>
      this.options.transfers.controlIn(this.#setup(FROM_INTERFACE, request, 0), ms, maxBytes),
    );
  }

  /** A pause between two questions to a card that is busy. @throws comm-error (it takes too long), cancelled */
  protected async pause(ms: number, turn: ControlTurn): Promise<void> {
    const { clock } = this.options;
    if (clock.now() >= turn.deadline) throw failureOf("comm-error", "the card stays busy", turn.operation);
    await sleep(clock, Math.max(1, ms), turn.signal);
    this.#check(turn);
  }

  /** A failure in the form of an answer. */
  protected failed(error: number, icc: IccStatus = "active"): ControlOutcome {
    return { error, icc };
  }

  async #exchange(
    slot: number,
    command: CcidCommand,
    { operation, signal, waitMs }: ExchangeOptions,
  ): Promise<CcidAnswer> {
    const turn = { operation, signal, deadline: this.options.clock.now() + waitMs };
    this.#check(turn);
    const outcome = (await this.run(command, turn)) ?? this.failed(slotErrors.commandNotSupported);
    const { data = new Uint8Array(0), error, icc = "active", parameter = 0 } = outcome;
    this.options.events.iccStatus(slot, icc);
    const status = error === undefined ? "done" : "failed";
    return { name: answerTo(command.name), slot, sequence: 0, icc, status, error: error ?? 0, parameter, data };
  }

  #setup(
    requestType: number,
    request: number,
    value: number,
  ): { requestType: number; request: number; value: number; index: number } {
    return { requestType, request, value, index: this.options.usb.description.interfaceNumber };
  }

  async #transfer<T>(turn: ControlTurn, run: (limitMs: number) => Promise<T>): Promise<T> {
    this.#check(turn);
    const { clock, limits } = this.options;
    try {
      return await run(Math.max(limits.commandMs, turn.deadline - clock.now()));
    } catch (thrown) {
      const error = usbErrorOf(thrown);
      if (this.#endReason !== undefined) throw this.#over(turn.operation);
      if (!isFatal(error))
        throw failureOf("comm-error", `the transfer failed: ${error.message}`, turn.operation, error);
      this.#endReason =
        error.failure === "gone" ? "the reader was unplugged" : `the reader cannot be reached: ${error.message}`;
      this.options.events.gone(this.#endReason);
      throw this.#over(turn.operation);
    }
  }

  #check({ operation, signal }: ControlTurn): void {
    if (this.#endReason !== undefined) throw this.#over(operation);
    if (signal.aborted) throw cancelledError(operation, signal);
  }

  #over(operation: string): SmartCardError {
    return failureOf("reader-unavailable", this.#endReason ?? "the device has ended", operation);
  }
}
