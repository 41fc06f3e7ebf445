// SPDX-License-Identifier: MIT

import type { CcidLimits } from "./limits.ts";
import { decodeInterrupt, interruptBytes } from "./messages.ts";
import { isFatal, usbErrorOf } from "./slot-errors.ts";
import type { Transfers } from "./transfers.ts";
import type { UsbInterface } from "./usb-interface.ts";

/** What is done with the messages of the interrupt endpoint. */
export interface InterruptWatchOptions {
  readonly usb: UsbInterface;
  readonly transfers: Transfers;
  readonly limits: CcidLimits;
  readonly slots: number;
  slotChanged(slot: number, present: boolean, changed: boolean): void;
  /** A message may have been lost. */
  mayHaveMissed(): void;
  hardwareError(slot: number, code: number): void;
  gone(reason: string): void;
}

/** Reads the interrupt endpoint as long as the device lives. One that fails time and again is left alone. */
export class InterruptWatch {
  readonly #options: InterruptWatchOptions;
  #isRunning = false;

  constructor(options: InterruptWatchOptions) {
    this.#options = options;
  }

  /** Whether messages come. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Begins to read, once. */
  start(): void {
    const { interruptIn } = this.#options.usb.description.endpoints;
    if (this.#isRunning || interruptIn === undefined) return;
    this.#isRunning = true;
    const packet = Math.max(1, interruptIn.maxPacketBytes);
    const length = packet * Math.ceil(interruptBytes(this.#options.slots) / packet);
    void this.#run(interruptIn.address, length);
  }

  async #run(endpoint: number, length: number): Promise<void> {
    const { limits, transfers } = this.#options;
    let failures = 0;
    while (failures < limits.interruptFailures) {
      try {
        const isKnown = this.#received(await transfers.interrupt(length));
        failures = isKnown ? 0 : failures + 1;
        await transfers.pause();
      } catch (thrown) {
        const error = usbErrorOf(thrown);
        if (transfers.isOver) return;
        if (isFatal(error)) {
          this.#options.gone(
            error.failure === "gone" ? "the reader was unplugged" : `the reader cannot be reached: ${error.message}`,
          );
          return;
        }
        // A transport may have time limits of its own.
        if (error.failure !== "timeout") {
          failures++;
          if (error.failure === "stall") await transfers.clearHalt(endpoint);
          this.#options.mayHaveMissed();
        }
        await transfers.pause(error.failure === "timeout" ? limits.readPauseMs : limits.pollMs);
      }
    }
    // From now on the slots are asked more often.
    this.#isRunning = false;
    this.#options.mayHaveMissed();
  }

  /** Whether it was a message. */
  #received(message: Uint8Array): boolean {
    const { hardwareError, slotChanged, slots } = this.#options;
    const decoded = decodeInterrupt(message, slots);
    if (!decoded.ok) return false;
    const { value } = decoded;
    if (value.kind === "hardware-error") hardwareError(value.slot, value.code);
    else value.slots.forEach(({ present, changed }, slot) => void slotChanged(slot, present, changed));
    return true;
  }
}
