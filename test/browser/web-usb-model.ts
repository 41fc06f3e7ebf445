// SPDX-License-Identifier: MIT

import type { WebUsbAnswer, WebUsbDevice, WebUsbOutcome, WebUsbSetup } from "../../src/platform/webusb/index.ts";
import type { CcidReaderModel } from "../usb/models/index.ts";

type Result = { readonly bytes: Uint8Array } | { readonly failure: "stall" | "gone" | "overflow" };

const requestTypes = { standard: 0, class: 1, vendor: 2 } as const;
const recipients = { device: 0, interface: 1, endpoint: 2, other: 3 } as const;

/** A model of a reader as a browser shows it to a page: `USBDevice`. */
export class WebUsbModel implements WebUsbDevice {
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceVersionMajor: number;
  readonly deviceVersionMinor: number;
  readonly deviceVersionSubminor: number;
  readonly manufacturerName: string;
  readonly productName: string;
  readonly serialNumber: string;
  opened = false;
  configuration: WebUsbDevice["configuration"] = null;
  readonly configurations: WebUsbDevice["configurations"];
  readonly #model: CcidReaderModel;
  readonly #claimed = new Set<number>();

  constructor(model: CcidReaderModel) {
    const { product, productId, release, serial, vendor, vendorId } = model.shape;
    this.#model = model;
    this.vendorId = vendorId;
    this.productId = productId;
    this.deviceVersionMajor = release >> 8;
    this.deviceVersionMinor = (release >> 4) & 0x0f;
    this.deviceVersionSubminor = release & 0x0f;
    this.manufacturerName = vendor;
    this.productName = product;
    this.serialNumber = serial;
    const { interfaceName, interfaceProtocol } = model.shape;
    const alternates = [{ interfaceClass: 0x0b, interfaceProtocol, interfaceName: interfaceName || null }];
    this.configurations = [{ configurationValue: 1, interfaces: [{ interfaceNumber: 0, alternates }] }];
    model.onUnplug(() => {
      this.opened = false;
      this.#claimed.clear();
    });
  }

  async open(): Promise<void> {
    if (!this.#model.plugged) throw new DOMException("The device was disconnected.", "NotFoundError");
    this.opened = true;
  }

  async close(): Promise<void> {
    this.opened = false;
    this.#claimed.clear();
  }

  async selectConfiguration(configurationValue: number): Promise<void> {
    this.#mustBeOpen();
    this.configuration = this.configurations.find((one) => one.configurationValue === configurationValue) ?? null;
  }

  async claimInterface(number: number): Promise<void> {
    this.#mustBeOpen();
    if (this.#claimed.has(number)) throw new DOMException("Unable to claim interface.", "NetworkError");
    this.#claimed.add(number);
  }

  async releaseInterface(number: number): Promise<void> {
    this.#mustBeOpen();
    this.#claimed.delete(number);
  }

  controlTransferIn(setup: WebUsbSetup, length: number): Promise<WebUsbAnswer> {
    return this.#control(setup, 0x80, length, new Uint8Array());
  }

  controlTransferOut(setup: WebUsbSetup, data: Uint8Array = new Uint8Array()): Promise<WebUsbOutcome> {
    return this.#control(setup, 0, data.byteLength, new Uint8Array(data));
  }

  transferIn(endpointNumber: number, length: number): Promise<WebUsbAnswer> {
    this.#mustBeOpen();
    return new Promise((resolve, reject) => {
      this.#model.in(0x80 | endpointNumber, length, (result) => finish(result, resolve, reject));
    });
  }

  transferOut(endpointNumber: number, data: Uint8Array): Promise<WebUsbOutcome> {
    this.#mustBeOpen();
    return new Promise((resolve, reject) => {
      finish(this.#model.out(endpointNumber, new Uint8Array(data)), resolve, reject);
    });
  }

  async clearHalt(direction: "in" | "out", endpointNumber: number): Promise<void> {
    this.#mustBeOpen();
    this.#model.clearHalt(endpointNumber | (direction === "in" ? 0x80 : 0));
  }

  #control(setup: WebUsbSetup, direction: number, length: number, data: Uint8Array): Promise<WebUsbAnswer> {
    this.#mustBeOpen();
    const requestType = direction | (requestTypes[setup.requestType] << 5) | recipients[setup.recipient];
    const { index, request, value } = setup;
    return new Promise((resolve, reject) => {
      this.#model.control({ requestType, request, value, index, length }, data, (result) => {
        finish(result, resolve, reject);
      });
    });
  }

  #mustBeOpen(): void {
    if (!this.#model.plugged) throw new DOMException("The device was disconnected.", "NotFoundError");
    if (!this.opened) throw new DOMException("The device must be opened first.", "InvalidStateError");
  }
}

function finish(result: Result, resolve: (answer: WebUsbAnswer) => void, reject: (error: Error) => void): void {
  if ("bytes" in result) {
    resolve({ status: "ok", data: new DataView(result.bytes.buffer, result.bytes.byteOffset, result.bytes.length) });
  } else if (result.failure === "gone") {
    reject(new DOMException("The device was disconnected.", "NotFoundError"));
  } else {
    resolve({ status: result.failure === "stall" ? "stall" : "babble" });
  }
}
