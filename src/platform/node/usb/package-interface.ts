// SPDX-License-Identifier: MIT

import {
  type UsbControlRequest,
  UsbError,
  type UsbFailure,
  type UsbInterface,
  type UsbInterfaceDescription,
} from "../../../readers/ccid/index.ts";
import { nameOfDevice } from "../../../readers/usb/index.ts";
import { webUsbSetup } from "../../webusb/index.ts";
import type { PackageAnswer, PackageDevice } from "./usb-package.ts";

/**
 * The package cannot cancel a transfer, and refuses to close a device while one is under way. So a read lasts at most this long
 * and is repeated; closing waits for it. In milliseconds.
 */
const READ_MS = 500;

/** For what goes out, and for control transfers: a reader takes it at once, or hangs. */
const WRITE_MS = 5000;

const DIRECTION_IN = 0x80;

/** An interface of a device that the package has opened and claimed. */
export class PackageInterface implements UsbInterface {
  readonly description: UsbInterfaceDescription;
  readonly #device: PackageDevice;
  readonly #closed: () => Promise<void>;
  /** Reads under way, by endpoint: one outlives the call that was cancelled, and the next call has what it brings. */
  readonly #reads = new Map<number, Promise<Uint8Array | undefined>>();
  /** Writes and control transfers under way. */
  readonly #orders = new Set<Promise<unknown>>();
  readonly #ending = new AbortController();
  #closing: Promise<void> | undefined;

  /** @param closed gives the device back */
  constructor(description: UsbInterfaceDescription, device: PackageDevice, closed: () => Promise<void>) {
    this.description = description;
    this.#device = device;
    this.#closed = closed;
  }

  async bulkOut(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const endpoint = this.#endpoint("bulkOut");
    await this.#order(signal, () => this.#device.transferOut(endpoint & 15, bytes, WRITE_MS));
  }

  bulkIn(maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#read("bulkIn", maxBytes, signal);
  }

  interruptIn(maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#read("interruptIn", maxBytes, signal);
  }

  async controlOut(request: UsbControlRequest, data: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#order(signal, () => this.#device.controlTransferOut(webUsbSetup(request), data, WRITE_MS));
  }

  async controlIn(request: UsbControlRequest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const setup = webUsbSetup(request);
    return bytesOf(
      await this.#order(signal, () => this.#device.controlTransferIn(setup, maxBytes, WRITE_MS)),
      this.description,
    );
  }

  async clearHalt(endpoint: number, signal: AbortSignal): Promise<void> {
    const direction = (endpoint & DIRECTION_IN) === 0 ? "out" : "in";
    await this.#order(signal, () => this.#device.clearHalt(direction, endpoint & 15));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ending.abort();
    // The package throws where the device is closed during a transfer.
    await Promise.allSettled([...this.#reads.values(), ...this.#orders]);
    await this.#closed();
  }

  async #read(kind: "bulkIn" | "interruptIn", maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const endpoint = this.#endpoint(kind);
    for (;;) {
      this.#checkOpen(signal);
      const read = this.#reads.get(endpoint) ?? this.#startRead(endpoint, maxBytes);
      const bytes = await unlessAborted(read, [signal, this.#ending.signal], () => this.#cancelled());
      if (this.#reads.get(endpoint) === read) this.#reads.delete(endpoint);
      if (bytes !== undefined) return bytes;
    }
  }

  /** Undefined where nothing came in its time. */
  #startRead(endpoint: number, maxBytes: number): Promise<Uint8Array | undefined> {
    const read = this.#device.transferIn(endpoint & 15, maxBytes, READ_MS).then(
      (answer) => bytesOf(answer, this.description),
      (error: unknown) => {
        const failure = failureOf(error);
        if (failure === "cancelled") return undefined;
        throw usbError(failure, this.description, error);
      },
    );
    this.#reads.set(endpoint, read);
    // Its failure is that of the call that waits for it, if there is one.
    read.catch(() => this.#reads.delete(endpoint));
    return read;
  }

  async #order<T>(signal: AbortSignal, start: () => Promise<T>): Promise<T> {
    this.#checkOpen(signal);
    const order = Promise.resolve()
      .then(start)
      .catch((error: unknown) => {
        const failure = failureOf(error);
        throw usbError(failure === "cancelled" ? "timeout" : failure, this.description, error);
      });
    this.#orders.add(order);
    const done = (): void => void this.#orders.delete(order);
    order.then(done, done);
    return unlessAborted(order, [signal, this.#ending.signal], () => this.#cancelled());
  }

  #checkOpen(signal: AbortSignal): void {
    if (signal.aborted || this.#closing !== undefined) throw this.#cancelled();
  }

  #cancelled(): UsbError {
    return new UsbError("cancelled", `${nameOfDevice(this.description)}: a transfer was cancelled`);
  }

  #endpoint(kind: "bulkIn" | "bulkOut" | "interruptIn"): number {
    const endpoint = this.description.endpoints[kind];
    if (endpoint !== undefined) return endpoint.address;
    throw new UsbError("io", `${nameOfDevice(this.description)} has no endpoint ${kind}`);
  }
}

/** A failure of the package; its text is all that tells what it is. */
export function usbError(failure: UsbFailure, description: UsbInterfaceDescription, cause: unknown): UsbError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new UsbError(failure, `${nameOfDevice(description)}: ${reason}`, { cause });
}

/** What a message of the package says. */
export function failureOf(error: unknown): UsbFailure {
  const message = error instanceof Error ? error.message : String(error);
  for (const [pattern, failure] of texts) if (pattern.test(message)) return failure;
  return "io";
}

const texts: readonly (readonly [RegExp, UsbFailure])[] = [
  [/cancelled/i, "cancelled"],
  [/disconnected|not found|no such device/i, "gone"],
  [/stall/i, "stall"],
  [/busy|exclusive/i, "busy"],
  [/permission|access|errno 13\b/i, "access-denied"],
  [/overflow|overrun/i, "overflow"],
];

/** The bytes that came; undefined where the endpoint is halted. */
export function bytesIn({ data }: PackageAnswer): Uint8Array | undefined {
  return data === undefined ? undefined : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function bytesOf(answer: PackageAnswer, description: UsbInterfaceDescription): Uint8Array {
  const bytes = bytesIn(answer);
  if (bytes === undefined) throw usbError("stall", description, "the device refused it (stall)");
  return bytes;
}

/** A promise, or the end by a signal: the work goes on then, and its result is left to others. */
function unlessAborted<T>(work: Promise<T>, signals: readonly AbortSignal[], error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      stop();
      reject(error());
    };
    const stop = (): void => {
      for (const signal of signals) signal.removeEventListener("abort", abort);
    };
    for (const signal of signals) signal.addEventListener("abort", abort);
    work.finally(stop).then(resolve, reject);
  });
}
