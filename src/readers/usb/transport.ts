// SPDX-License-Identifier: MIT

import type { UsbInterface, UsbInterfaceDescription } from "../ccid/index.ts";
import { usbId } from "../names/index.ts";

/** A USB device with smart card interfaces. */
export interface UsbReaderDevice {
  /** Tells it from every other device of this moment, and from itself before it was plugged in anew. */
  readonly key: string;
  /** At least one. */
  readonly interfaces: readonly UsbInterfaceDescription[];
  /** Why it is left alone, in words: udev has PCSCLITE_IGNORE for it. */
  readonly ignored?: string;
  /** True while the system still sets it up: it is looked at again soon. */
  readonly isSettling?: boolean;
}

/** The readers on the buses of this machine. */
export type UsbTree =
  /** There is no USB here, or it cannot be seen; it may come. `reason` is a sentence without its full stop. */
  | { readonly isThere: false; readonly reason: string }
  | { readonly isThere: true; readonly devices: readonly UsbReaderDevice[] };

/** What has an interface, so that it cannot be claimed. */
export interface UsbHolder {
  readonly kind: "kernel-driver" | "program";
  /** The driver, or the program. */
  readonly name: string;
  readonly pid?: number;
}

/** A way to USB devices on this machine. */
export interface UsbTransport {
  readonly name: "usb" | "usbfs" | "webusb";
  /**
   * The devices that are plugged in. Never rejects.
   *
   * @param others vendor and product (`0dc3:0802`) of devices without a smart card interface that another driver drives
   */
  look(others?: ReadonlySet<string>): Promise<UsbTree>;
  /**
   * Claims an interface.
   *
   * @throws UsbError that says who has it (`busy`), which permission is missing (`access-denied`), or that it is `gone`
   */
  open(description: UsbInterfaceDescription): Promise<UsbInterface>;
  /** Who has an interface, as far as this user may know; undefined where it is free, or not known. */
  holderOf(description: UsbInterfaceDescription): Promise<UsbHolder | undefined>;
  /**
   * Calls `changed` when devices may have come, gone or become usable, until the returned function is called; and once at the
   * beginning, when nothing can be missed any more.
   */
  watch(changed: () => void): () => void;
}

/** A reader in messages: `072f:2200 "ACR122U" at USB port 1-2`. */
export function nameOfDevice({ portPath, product, productId, vendorId }: UsbInterfaceDescription): string {
  const what = product === "" ? "" : ` "${product}"`;
  return `${usbId({ productId, vendorId })}${what} at USB port ${portPath}`;
}
