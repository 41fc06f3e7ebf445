// SPDX-License-Identifier: MIT

export { type DriverBundle, type DriverChoice, driversFor } from "./driver-choice.ts";
export { type BundleInfo, type BundleReader, parseBundleInfo, type Refused } from "./info-plist.ts";
export { parseReaderConf, type ReaderConf, type ReaderConfEntry } from "./reader-conf.ts";
export { type IfdUsbDevice, slotName, usbDeviceName, usbReaderName } from "./reader-names.ts";
