// SPDX-License-Identifier: MIT

import {
  type UsbControlRequest,
  type UsbEndpoint,
  UsbError,
  type UsbInterface,
  type UsbInterfaceDescription,
} from "../../readers/ccid/index.ts";
import { webUsbSetup } from "./control-requests.ts";
import { bytesOf, checkOutcome, failureIn, untilAborted } from "./transfers.ts";
import type { WebUsbAnswer, WebUsbDevice } from "./web-usb.ts";

/** How many interfaces of a device are claimed by us: with the last the device is closed. */
const claims = new WeakMap<WebUsbDevice, number>();

/**
 * Claims an interface that {@link describeWebUsb} has described.
 *
 * @throws UsbError `busy` where another program or page has it, `access-denied`, `gone`, or `io`
 */
export async function openWebUsb(device: WebUsbDevice, description: UsbInterfaceDescription): Promise<UsbInterface> {
  if (!device.opened) await failureIn(device, "open", () => device.open());
  await failureIn(device, "claim", () => device.claimInterface(description.interfaceNumber));
  claims.set(device, (claims.get(device) ?? 0) + 1);
  return new WebUsbInterface(device, description);
}

/** One direction of an endpoint from which transfers come. */
class Incoming {
  readonly #device: WebUsbDevice;
  readonly #endpoint: UsbEndpoint;
  /** A transfer whose caller has given up: what it brings is for the next caller, or it would be lost. */
  #pending: Promise<WebUsbAnswer> | undefined;

  constructor(device: WebUsbDevice, endpoint: UsbEndpoint) {
    this.#device = device;
    this.#endpoint = endpoint;
  }

  async read(maxBytes: number, signals: readonly AbortSignal[]): Promise<Uint8Array> {
    if (signals.some(({ aborted }) => aborted)) throw new UsbError("cancelled", "the transfer was cancelled");
    const transfer = this.#pending ?? this.#begin(maxBytes);
    this.#pending = transfer;
    try {
      const answer = await untilAborted(transfer, ...signals);
      this.#pending = undefined;
      return bytesOf(answer, maxBytes);
    } catch (error) {
      if (!signals.some(({ aborted }) => aborted)) this.#pending = undefined;
      throw error;
    }
  }

  #begin(maxBytes: number): Promise<WebUsbAnswer> {
    const { address, maxPacketBytes } = this.#endpoint;
    // A transfer takes whole packets: one that is shorter than what the device sends would fail as a babble.
    const packet = Math.max(1, maxPacketBytes);
    const length = Math.ceil(maxBytes / packet) * packet;
    const transfer = failureIn(this.#device, "receive", () => this.#device.transferIn(address & 0x0f, length));
    // Where no caller waits for it any more, its failure is told to the next.
    transfer.catch(() => {});
    return transfer;
  }
}

/** An interface of a device over WebUSB. */
class WebUsbInterface implements UsbInterface {
  readonly description: UsbInterfaceDescription;
  readonly #device: WebUsbDevice;
  readonly #bulkIn: Incoming | undefined;
  readonly #interruptIn: Incoming | undefined;
  readonly #ended = new AbortController();

  constructor(device: WebUsbDevice, description: UsbInterfaceDescription) {
    this.#device = device;
    this.description = description;
    const { bulkIn, interruptIn } = description.endpoints;
    if (bulkIn) this.#bulkIn = new Incoming(device, bulkIn);
    if (interruptIn) this.#interruptIn = new Incoming(device, interruptIn);
  }

  async bulkOut(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { bulkOut } = this.description.endpoints;
    if (bulkOut === undefined) throw missing("bulk OUT");
    // The browser reads the bytes when it likes; they may hold a PIN, so the copy is cleared.
    const copy = new Uint8Array(bytes);
    const transfer = failureIn(this.#device, "send", () => this.#device.transferOut(bulkOut.address & 0x0f, copy));
    const cleared = transfer.finally(() => copy.fill(0));
    cleared.catch(() => {});
    checkOutcome(await this.#wait(cleared, signal));
  }

  bulkIn(maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#read(this.#bulkIn, "bulk IN", maxBytes, signal);
  }

  interruptIn(maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#read(this.#interruptIn, "interrupt IN", maxBytes, signal);
  }

  async controlOut(request: UsbControlRequest, data: Uint8Array, signal: AbortSignal): Promise<void> {
    const copy = new Uint8Array(data);
    const transfer = failureIn(this.#device, "control", () =>
      this.#device.controlTransferOut(webUsbSetup(request), copy),
    );
    const cleared = transfer.finally(() => copy.fill(0));
    cleared.catch(() => {});
    checkOutcome(await this.#wait(cleared, signal));
  }

  async controlIn(request: UsbControlRequest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const transfer = failureIn(this.#device, "control", () =>
      this.#device.controlTransferIn(webUsbSetup(request), maxBytes),
    );
    return bytesOf(await this.#wait(transfer, signal), maxBytes);
  }

  clearHalt(endpoint: number, signal: AbortSignal): Promise<void> {
    const direction = endpoint & 0x80 ? "in" : "out";
    return this.#wait(
      failureIn(this.#device, "clear a halt", () => this.#device.clearHalt(direction, endpoint & 0x0f)),
      signal,
    );
  }

  async close(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    const left = (claims.get(this.#device) ?? 1) - 1;
    claims.set(this.#device, left);
    // What is open of a device that was unplugged is closed already.
    await this.#device.releaseInterface(this.description.interfaceNumber).catch(() => {});
    if (left === 0) await this.#device.close().catch(() => {});
  }

  async #read(from: Incoming | undefined, what: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    if (from === undefined) throw missing(what);
    return from.read(maxBytes, [signal, this.#ended.signal]);
  }

  async #wait<T>(transfer: Promise<T>, signal: AbortSignal): Promise<T> {
    return untilAborted(transfer, signal, this.#ended.signal);
  }
}

function missing(what: string): UsbError {
  return new UsbError("io", `the reader has no ${what} endpoint: it cannot be used as a CCID reader`);
}

// USB 2.0, table 9-2: bits 6..5 of bmRequestType are the type, bits 4..0 the recipient.
