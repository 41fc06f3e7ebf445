// SPDX-License-Identifier: MIT

import { concatBytes, zeroBytes } from "../../base/binary/index.ts";
import type { Clock, SmartCardError } from "../../port/index.ts";
import { BusySlots } from "./busy-slots.ts";
import type { CcidLimits } from "./limits.ts";
import { MAX_MESSAGE_BYTES } from "./limits.ts";
import type { CcidLink, ExchangeOptions, LinkEvents } from "./link.ts";
import {
  addressOf,
  answerTo,
  type CcidAnswer,
  type CcidCommand,
  decodeAnswer,
  encodeCommand,
  messageBytes,
} from "./messages.ts";
import { PendingCommand } from "./pending-command.ts";
import { cancelledError, failureOf, isFatal, usbErrorOf } from "./slot-errors.ts";
import type { Transfers } from "./transfers.ts";
import type { UsbEndpoint, UsbError, UsbInterface } from "./usb-interface.ts";

/** What the bulk endpoints are made to work with. */
export interface BulkLinkOptions {
  readonly usb: UsbInterface;
  readonly transfers: Transfers;
  readonly bulkOut: UsbEndpoint;
  readonly bulkIn: UsbEndpoint;
  readonly clock: Clock;
  readonly limits: CcidLimits;
  readonly events: LinkEvents;
  /** Commands that may be under way at once. */
  readonly busySlots: number;
  /** Longest message that the reader sends. */
  readonly maxMessageBytes: number;
}

/** ABORT. CCID 1.1, 5.3.1. */
const abortRequest = { requestType: 0x21, request: 0x01 } as const;

/** Commands that do no harm when they are sent a second time. */
const repeatable: ReadonlySet<CcidCommand["name"]> = new Set([
  "icc-power-off",
  "get-slot-status",
  "get-parameters",
  "reset-parameters",
  "set-parameters",
]);

/**
 * Commands and answers over the bulk endpoints of a device. At most one command is under way in each slot, and in all
 * no more than the reader takes; an answer goes to the command whose slot and sequence number it has.
 *
 * @see CCID 1.1, 6.1 and 6.2
 */
export class BulkLink implements CcidLink {
  readonly #options: BulkLinkOptions;
  readonly #transfers: Transfers;
  readonly #busy: BusySlots;
  readonly #pending = new Map<number, PendingCommand>();
  readonly #readBytes: number;
  /** Slots that have got ABORT over the control pipe and not over the bulk pipe, and its number. */
  readonly #halfAborted = new Map<number, number>();
  #sequence = 0;
  #isReading = false;
  /** The beginning of a message whose end has not come yet. */
  #partial: Uint8Array | undefined;
  #endReason: string | undefined;

  constructor(options: BulkLinkOptions) {
    this.#options = options;
    const { bulkIn, busySlots, maxMessageBytes, transfers } = options;
    this.#transfers = transfers;
    this.#busy = new BusySlots(busySlots);
    const packet = Math.max(1, bulkIn.maxPacketBytes);
    this.#readBytes = packet * Math.ceil(Math.min(MAX_MESSAGE_BYTES, maxMessageBytes) / packet);
  }

  isFree(slot: number): boolean {
    return !this.#pending.has(slot) && this.#busy.isFree;
  }

  async exchange(slot: number, command: CcidCommand, options: ExchangeOptions): Promise<CcidAnswer> {
    const { operation, signal } = options;
    if (signal.aborted) throw cancelledError(operation, signal);
    const release = await this.#busy.enter(operation, signal);
    try {
      if (this.#endReason !== undefined) throw failureOf("reader-unavailable", this.#endReason, operation);
      return await this.#run(slot, command, options);
    } finally {
      release();
    }
  }

  end(reason: string): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    for (const pending of this.#pending.values())
      pending.fail(failureOf("reader-unavailable", reason, pending.operation));
    this.#transfers.end();
  }

  async #run(slot: number, command: CcidCommand, options: ExchangeOptions): Promise<CcidAnswer> {
    const { clock, limits } = this.#options;
    if (this.#halfAborted.has(slot)) await this.#endAbort(slot);
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) & 0xff;
    const pending = new PendingCommand({ clock, limits, slot, sequence, answer: answerTo(command.name), options });
    this.#pending.set(slot, pending);
    try {
      // A fast reader answers at once: what takes the answer waits before the command goes out.
      void this.#read();
      const sending = this.#send(command, pending);
      const end = await pending.outcome;
      // The answer says that the command has arrived, also where the end of its transfer is not told yet.
      if (end.kind === "answer") return end.answer;
      const isSent = await sending;
      // Nothing came in time, or the caller does not wait any more.
      if (end.kind === "given-up" && isSent) await this.#abort(pending);
      throw end.error;
    } finally {
      pending.over();
      if (this.#pending.get(slot) === pending) this.#pending.delete(slot);
    }
  }

  /** Sends a command, whose time begins then. One that cannot be sent fails. Answers whether it was sent; never rejects. */
  async #send(command: CcidCommand, pending: PendingCommand): Promise<boolean> {
    const message = encodeCommand(command, pending.slot, pending.sequence);
    try {
      await this.#write(message, repeatable.has(command.name), pending);
    } catch (error) {
      pending.fail(error as SmartCardError);
      return false;
    } finally {
      zeroBytes(message);
    }
    pending.startWaiting();
    return true;
  }

  async #write(message: Uint8Array, isRepeatable: boolean, pending: PendingCommand): Promise<void> {
    const { bulkOut } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#transfers.write(message);
        return;
      } catch (thrown) {
        const error = usbErrorOf(thrown);
        this.#checkFatal(error, pending.operation);
        if (error.failure === "stall") await this.#transfers.clearHalt(bulkOut.address);
        if (error.failure !== "stall" || !isRepeatable || attempt > 1) {
          throw failureOf("comm-error", `the command could not be sent: ${error.message}`, pending.operation, error);
        }
      }
    }
  }

  /** @throws reader-unavailable where the device can be used no more */
  #checkFatal(error: UsbError, operation: string): void {
    if (!isFatal(error) && this.#endReason === undefined) return;
    this.#gone(error);
    throw failureOf("reader-unavailable", this.#endReason ?? error.message, operation, error);
  }

  #gone(error: UsbError): void {
    if (this.#endReason !== undefined) return;
    const reason =
      error.failure === "gone" ? "the reader was unplugged" : `the reader cannot be reached: ${error.message}`;
    this.end(reason);
    this.#options.events.gone(reason);
  }

  /** Reads as long as an answer is waited for. */
  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isAwaiting && this.#endReason === undefined) {
        try {
          this.#received(await this.#transfers.read(this.#readBytes));
        } catch (thrown) {
          await this.#readFailed(usbErrorOf(thrown));
        }
      }
    } finally {
      this.#isReading = false;
    }
  }

  async #readFailed(error: UsbError): Promise<void> {
    if (this.#endReason !== undefined) return;
    this.#partial = undefined;
    if (isFatal(error)) {
      this.#gone(error);
      return;
    }
    if (error.failure === "stall") await this.#transfers.clearHalt(this.#options.bulkIn.address);
    // A transport may have time limits of its own: the answer can still come.
    if (error.failure === "stall") this.#stray("the reader stalls its answers");
    else if (error.failure !== "timeout") this.#failAll(`the answer was lost: ${error.message}`, error);
    await this.#transfers.pause();
  }

  #received(bytes: Uint8Array): void {
    if (bytes.length === 0 && this.#partial === undefined) {
      this.#stray("the reader sends empty answers");
      return;
    }
    const message = this.#partial === undefined ? bytes : concatBytes(this.#partial, bytes);
    this.#partial = undefined;
    const whole = messageBytes(message);
    const mayContinue = bytes.length > 0 && bytes.length % this.#options.bulkIn.maxPacketBytes === 0;
    if (whole !== undefined && message.length < whole && mayContinue && whole <= MAX_MESSAGE_BYTES) {
      this.#partial = message;
      return;
    }
    this.#deliver(message);
  }

  /** Hands a message to the command that it answers. */
  #deliver(message: Uint8Array): void {
    const address = addressOf(message);
    // A message without an address can only be the answer to the only command.
    const pending = address === undefined ? this.#only : this.#pending.get(address.slot);
    if (pending === undefined || (address !== undefined && pending.sequence !== address.sequence)) {
      this.#stray("the reader sends answers to commands that are not under way");
      return;
    }
    const decoded = decodeAnswer(message);
    if (!decoded.ok) {
      pending.malformed(decoded.error.message);
      return;
    }
    this.#options.events.iccStatus(pending.slot, decoded.value.icc);
    pending.received(decoded.value);
  }

  get #isAwaiting(): boolean {
    for (const pending of this.#pending.values()) if (!pending.isFree) return true;
    return false;
  }

  get #only(): PendingCommand | undefined {
    const [first, second] = this.#pending.values();
    return second === undefined ? first : undefined;
  }

  #stray(what: string): void {
    for (const pending of [...this.#pending.values()]) pending.stray(what);
  }

  #failAll(reason: string, cause: unknown): void {
    for (const pending of this.#pending.values()) {
      pending.fail(failureOf("comm-error", reason, pending.operation, cause));
    }
  }

  /**
   * Aborts a command: ABORT over the control pipe, and PC_to_RDR_Abort with the same sequence number, whose answer says
   * that the slot is free. A reader that does not know ABORT gets a moment to answer the command itself. Never rejects.
   *
   * @see CCID 1.1, 5.3.1 and 6.1.13
   */
  async #abort(pending: PendingCommand): Promise<void> {
    const { events, limits, usb } = this.#options;
    const { sequence, slot } = pending;
    if (this.#endReason !== undefined) return;
    if (events.isCardGone(slot) && (await pending.settlesWithin(limits.removedMs))) return;
    pending.startAbort();
    const request = { ...abortRequest, value: (sequence << 8) | slot, index: usb.description.interfaceNumber };
    try {
      await this.#transfers.control(request, limits.abortMs);
      this.#halfAborted.set(slot, sequence);
      await this.#sendAbort(slot, sequence);
      pending.expectAbortAnswer();
    } catch (thrown) {
      const error = usbErrorOf(thrown);
      if (isFatal(error)) this.#gone(error);
    }
    const isFree = await pending.settlesWithin(limits.abortMs);
    events.aborted(slot, pending.operation, isFree);
  }

  /** The second half of an abort; where the endpoint is halted, once more. */
  async #sendAbort(slot: number, sequence: number): Promise<void> {
    const { bulkOut, limits } = this.#options;
    const message = encodeCommand({ name: "abort" }, slot, sequence);
    try {
      await this.#transfers.write(message, limits.abortMs);
    } catch (thrown) {
      if (usbErrorOf(thrown).failure !== "stall") throw thrown;
      await this.#transfers.clearHalt(bulkOut.address);
      await this.#transfers.write(message, limits.abortMs);
    }
    this.#halfAborted.delete(slot);
  }

  /** Ends an abort whose second half did not get through: until then the slot refuses every command. Never rejects. */
  async #endAbort(slot: number): Promise<void> {
    const sequence = this.#halfAborted.get(slot);
    if (sequence === undefined) return;
    try {
      await this.#sendAbort(slot, sequence);
    } catch (thrown) {
      const error = usbErrorOf(thrown);
      if (isFatal(error)) this.#gone(error);
    }
  }
}
