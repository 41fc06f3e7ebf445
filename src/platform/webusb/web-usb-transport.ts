// SPDX-License-Identifier: MIT

import { UsbError, type UsbInterfaceDescription } from "../../readers/ccid/index.ts";
import { nameOfDevice, type UsbReaderDevice, type UsbTransport, type UsbTree } from "../../readers/usb/index.ts";
import { describeWebUsb, previewWebUsb } from "./describe.ts";
import type { WebUsb, WebUsbDevice } from "./web-usb.ts";
import { openWebUsb } from "./web-usb-interface.ts";

/**
 * The readers that the user has let a page use, as a way to USB devices. Those of the smart card class are taken; a device is
 * opened when its reader is put into service, not before.
 *
 * @param usb `navigator.usb`
 *
 * Portability: a browser lets no ordinary page claim an interface of the smart card class, which WebUSB protects (WebUSB, "protected interface classes");
 * a page of an isolated web app with the permission `usb-unrestricted` may.
 */
export function webUsbTransport(usb: WebUsb): UsbTransport {
  return new WebUsbTransport(usb);
}

class WebUsbTransport implements UsbTransport {
  readonly name = "webusb";
  readonly #usb: WebUsb;
  readonly #devices = new WeakMap<UsbInterfaceDescription, WebUsbDevice>();
  /** A device that is plugged in anew is another object, and has another key. */
  readonly #seen = new WeakMap<WebUsbDevice, UsbReaderDevice>();
  #count = 0;

  constructor(usb: WebUsb) {
    this.#usb = usb;
  }

  async look(): Promise<UsbTree> {
    try {
      const devices = await this.#usb.getDevices();
      return { isThere: true, devices: devices.map((device) => this.#see(device)).filter(hasReader) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { isThere: false, reason: `the browser gives this page no USB devices: ${why}` };
    }
  }

  async open(description: UsbInterfaceDescription) {
    const device = this.#devices.get(description);
    if (device === undefined) throw new UsbError("gone", `${nameOfDevice(description)} is unplugged`);
    const interfaces = await describeWebUsb(device);
    const found = interfaces.find(({ interfaceNumber }) => interfaceNumber === description.interfaceNumber);
    if (found === undefined) {
      throw new UsbError("io", `${nameOfDevice(description)} has no interface ${description.interfaceNumber} any more`);
    }
    return openWebUsb(device, found);
  }

  /** A page does not learn who else has a device. */
  async holderOf(): Promise<undefined> {
    return undefined;
  }

  watch(changed: () => void): () => void {
    const events = ["connect", "disconnect"] as const;
    for (const event of events) this.#usb.addEventListener(event, changed);
    changed();
    return () => {
      for (const event of events) this.#usb.removeEventListener(event, changed);
    };
  }

  #see(device: WebUsbDevice): UsbReaderDevice {
    const seen = this.#seen.get(device);
    if (seen !== undefined) return seen;
    const interfaces = previewWebUsb(device);
    for (const description of interfaces) this.#devices.set(description, device);
    const found = { key: `webusb ${++this.#count}`, interfaces };
    this.#seen.set(device, found);
    return found;
  }
}

function hasReader({ interfaces }: UsbReaderDevice): boolean {
  return interfaces.length > 0;
}
