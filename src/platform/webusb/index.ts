// SPDX-License-Identifier: MIT

export { readConfigurationDescriptor, webUsbSetup } from "./control-requests.ts";
export { identityOf } from "./describe.ts";
export type {
  WebUsb,
  WebUsbAnswer,
  WebUsbConfiguration,
  WebUsbDevice,
  WebUsbIdentity,
  WebUsbOutcome,
  WebUsbSetup,
  WebUsbStatus,
} from "./web-usb.ts";
export { webUsbTransport } from "./web-usb-transport.ts";
