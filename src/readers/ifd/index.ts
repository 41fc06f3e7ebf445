// SPDX-License-Identifier: MIT

export { type DriverBundle, type DriverChoice, driversFor } from "./driver-choice.ts";
export type { DriverPipe, DriverPipeEvents, StartDriver } from "./driver-process.ts";
export { IfdDevice, type IfdDeviceOptions, type IfdLog, type IfdLogEntry } from "./ifd-device.ts";
export { capabilityTags } from "./ifd-handler.ts";
export type { IfdReader } from "./ifd-reader.ts";
export { type BundleInfo, type BundleReader, parseBundleInfo, type Refused } from "./info-plist.ts";
export { defaultIfdLimits, type IfdLimits, MAX_BUFFER_BYTES } from "./limits.ts";
export {
  type AnswerMessage,
  type CallMessage,
  decodeCall,
  encodeAnswer,
  encodeCall,
  MAX_CALL_BYTES,
  MessageDecoder,
} from "./messages.ts";
export { parseReaderConf, type ReaderConf, type ReaderConfEntry } from "./reader-conf.ts";
export { type IfdUsbDevice, usbDeviceName } from "./usb-device-name.ts";
