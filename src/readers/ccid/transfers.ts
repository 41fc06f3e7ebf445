// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock } from "../../port/index.ts";
import type { CcidLimits } from "./limits.ts";
import { type UsbControlRequest, UsbError, type UsbInterface } from "./usb-interface.ts";

/**
 * The transfers of one device, each with a time limit. One at a time on each endpoint: a second one waits for the first.
 * When the device has ended, all of them end.
 */
export class Transfers {
  readonly #usb: UsbInterface;
  readonly #clock: Clock;
  readonly #limits: CcidLimits;
  readonly #life = new AbortController();
  /** What ends a transfer at its limit: for each pipe one, as long as none was used. They end with the device. */
  readonly #limiters = new Map<PipeName, AbortController>();
  /** The last transfer on the control pipe and on the bulk-OUT endpoint: the next one follows it. */
  #control: Promise<unknown> = Promise.resolve();
  #out: Promise<unknown> = Promise.resolve();

  constructor(usb: UsbInterface, clock: Clock, limits: CcidLimits) {
    this.#usb = usb;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether the device has ended. */
  get isOver(): boolean {
    return this.#life.signal.aborted;
  }

  /** Ends the transfers that are under way, and all later ones. */
  end(): void {
    this.#life.abort(new UsbError("cancelled", "the device has ended"));
    for (const limiter of this.#limiters.values()) limiter.abort(this.#life.signal.reason);
  }

  /** @throws UsbError */
  write(message: Uint8Array, limitMs: number = this.#limits.writeMs): Promise<void> {
    const done = this.#out.then(() => this.#within(limitMs, "write", (signal) => this.#usb.bulkOut(message, signal)));
    this.#out = done.catch(() => undefined);
    return done;
  }

  /** Without a limit: those who wait for the answer have theirs. @throws UsbError */
  read(maxBytes: number): Promise<Uint8Array> {
    return this.#usb.bulkIn(maxBytes, this.#life.signal);
  }

  /** @throws UsbError */
  interrupt(maxBytes: number): Promise<Uint8Array> {
    return this.#usb.interruptIn(maxBytes, this.#life.signal);
  }

  /** @throws UsbError */
  control(request: UsbControlRequest, limitMs: number, data: Uint8Array = noBytes): Promise<void> {
    return this.#onControlPipe(limitMs, (signal) => this.#usb.controlOut(request, data, signal));
  }

  /** @throws UsbError */
  controlIn(request: UsbControlRequest, limitMs: number, maxBytes: number): Promise<Uint8Array> {
    return this.#onControlPipe(limitMs, (signal) => this.#usb.controlIn(request, maxBytes, signal));
  }

  /** Never rejects: what is wrong shows at the next transfer. */
  async clearHalt(endpoint: number): Promise<void> {
    try {
      await this.#onControlPipe(this.#limits.commandMs, (signal) => this.#usb.clearHalt(endpoint, signal));
    } catch {
      // The next transfer fails again.
    }
  }

  /** A moment without a transfer. */
  pause(ms: number = this.#limits.readPauseMs): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#life;
      if (signal.aborted) return resolve();
      let cancel: CancelTimer | undefined;
      const end = (): void => {
        cancel?.();
        signal.removeEventListener("abort", end);
        resolve();
      };
      cancel = this.#clock.schedule(ms, "ccid pause", end, { background: true });
      signal.addEventListener("abort", end, { once: true });
    });
  }

  #onControlPipe<T>(limitMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const done = this.#control.then(() => this.#within(limitMs, "control transfer", run));
    this.#control = done.catch(() => undefined);
    return done;
  }

  /** Ends a transfer at its limit, and waits until the transport has given it back. */
  async #within<T>(limitMs: number, name: PipeName, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const life = this.#life.signal;
    if (life.aborted) throw life.reason;
    const limiter = this.#limiters.get(name) ?? new AbortController();
    this.#limiters.set(name, limiter);
    let isLate = false;
    const late = (): void => {
      isLate = true;
      this.#limiters.delete(name);
      limiter.abort(tooLate(name, limitMs, undefined));
    };
    const cancel = this.#clock.schedule(limitMs, `ccid ${name}`, late, { coarse: true });
    try {
      return await run(limiter.signal);
    } catch (error) {
      throw isLate ? tooLate(name, limitMs, error) : error;
    } finally {
      cancel();
    }
  }
}

type PipeName = "write" | "control transfer";

function tooLate(name: string, limitMs: number, cause: unknown): UsbError {
  return new UsbError("timeout", `the ${name} took longer than ${limitMs} ms`, { cause });
}

const noBytes = new Uint8Array(0);
