// SPDX-License-Identifier: MIT

export type {
  WebUsb,
  WebUsbAnswer,
  WebUsbConfiguration,
  WebUsbDevice,
  WebUsbOutcome,
  WebUsbSetup,
  WebUsbStatus,
} from "./web-usb.ts";
export { webUsbTransport } from "./web-usb-transport.ts";
