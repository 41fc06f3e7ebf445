// SPDX-License-Identifier: MIT

export type { DrivenDevice, OpenByDriver, OpenDevice } from "./drive-device.ts";
export { knownReaderName } from "./known-readers.ts";
export { describeUsbInterface } from "./pcscd-names.ts";
export type { ReaderHost, SeatState } from "./seat.ts";
export type { UsbSelection } from "./selection.ts";
export {
  nameOfDevice,
  type UsbHolder,
  type UsbReaderDevice,
  type UsbTransport,
  type UsbTree,
} from "./transport.ts";
export { type UsbLogEntry, type UsbReaderReport, UsbReaders, type UsbReadersOptions } from "./usb-readers.ts";
