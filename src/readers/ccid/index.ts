// SPDX-License-Identifier: MIT

export { type SmartCardInterface, smartCardInterfaces } from "./smart-card-interfaces.ts";
export {
  type UsbControlRequest,
  type UsbEndpoint,
  UsbError,
  type UsbFailure,
  type UsbInterface,
  type UsbInterfaceDescription,
} from "./usb-interface.ts";
