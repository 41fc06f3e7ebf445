// SPDX-License-Identifier: MIT

export { chooseTransport } from "./choose-transport.ts";
export { knownReaderName } from "./known-readers.ts";
export { deviceId, nameOfDevice, type UsbReaderDevice, type UsbTransport, type UsbTree } from "./transport.ts";
