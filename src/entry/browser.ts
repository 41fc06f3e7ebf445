// SPDX-License-Identifier: MIT

import type { EmbeddedManager } from "../managers/embedded/index.ts";
import { browserRuntime } from "../platform/browser/index.ts";
import { type WebUsb, webUsbTransport } from "../platform/webusb/index.ts";
import { callback, having, managerObject, optional, optionsOf, type Runtime, runtimeObject } from "../port/index.ts";
import { openCcidDevice } from "../readers/ccid/index.ts";
import { type UsbLogEntry, type UsbReaderReport, UsbReaders, type UsbSelection } from "../readers/usb/index.ts";

export { createSmartCard } from "../faces/web/index.ts";
export { browserRuntime } from "../platform/browser/index.ts";
export type {
  WebUsb,
  WebUsbAnswer,
  WebUsbConfiguration,
  WebUsbDevice,
  WebUsbIdentity,
  WebUsbOutcome,
  WebUsbSetup,
  WebUsbStatus,
} from "../platform/webusb/index.ts";
export type { SeatState, UsbLogEntry, UsbReaderReport } from "../readers/usb/index.ts";

/** What the USB readers of a page need. */
export interface WebUsbReadersOptions {
  /** `navigator.usb`, of the page or of a worker. */
  readonly usb: WebUsb;
  /** Takes the readers. */
  readonly manager: EmbeddedManager;
  /** The clock, and where the trace goes. @default {@link browserRuntime} */
  readonly runtime?: Runtime;
  /** Is told of readers that come and go. Must not throw. */
  readonly log?: (entry: UsbLogEntry) => void;
}

/** The USB readers of a page. */
export interface WebUsbReaders {
  /** What has become of each reader that the user has let the page use. */
  report(): readonly UsbReaderReport[];
  /** Looks for devices, and tries again those that failed: to be called when the user has chosen one. Settles when it has looked. */
  look(): Promise<void>;
  /** Takes the readers out of service and sets the devices free. Never rejects. */
  close(): Promise<void>;
}

const webUsbOptions = optionsOf<WebUsbReadersOptions>({
  usb: having<WebUsb>(["getDevices", "addEventListener", "removeEventListener"], "navigator.usb, or an object like it"),
  manager: managerObject as never,
  runtime: optional(runtimeObject),
  log: optional(callback<NonNullable<WebUsbReadersOptions["log"]>>("a function that is told of readers")),
});

const every: readonly UsbSelection[] = [{}];

/**
 * Puts the CCID readers that the user has let this page use into service with a manager in the page, and those that are plugged in later.
 * Settles when those that are there are in service or have failed: `report()` says which. `close()` ends it.
 *
 * A page asks the user for a reader with `navigator.usb.requestDevice({ filters: [{ classCode: 0x0b }] })`; call `look()` after that.
 *
 * @throws invalid-parameter for options that are not those above
 *
 * Portability: WebUSB protects the smart card class. Only an isolated web app with the permission `usb-unrestricted` may claim such
 * an interface; in an ordinary page each reader is reported as `failed`.
 */
export async function webUsbReaders(options: WebUsbReadersOptions): Promise<WebUsbReaders> {
  const checked = webUsbOptions(options, { operation: "webUsbReaders", path: "options" });
  const readers = new UsbReaders({
    runtime: checked.runtime ?? browserRuntime(),
    transport: webUsbTransport(checked.usb),
    host: checked.manager,
    openDevice: openCcidDevice,
    selections: every,
    ...(checked.log && { log: checked.log }),
  });
  await readers.start();
  return readers;
}
