// SPDX-License-Identifier: MIT

export {
  type ClassDescriptor,
  type ClassDescriptorFields,
  decodeClassDescriptor,
  type ExchangeLevel,
  encodeClassDescriptor,
} from "./class-descriptor.ts";
export { CcidDevice, type CcidOptions, openCcidDevice } from "./device.ts";
export { type CcidLimits, defaultCcidLimits } from "./limits.ts";
export { encodeAnswer as encodeCcidAnswer, encodeCommand as encodeCcidCommand } from "./messages.ts";
export { isForMakersDriver, knownQuirks, type Quirk, type QuirkChanges } from "./quirks.ts";
export { CcidReader } from "./reader.ts";
export {
  interfacesIn,
  isSmartCardInterface,
  SMART_CARD_CLASS,
  type SmartCardInterface,
  smartCardInterfaces,
} from "./smart-card-interfaces.ts";
export {
  type UsbControlRequest,
  type UsbEndpoint,
  UsbError,
  type UsbFailure,
  type UsbInterface,
  type UsbInterfaceDescription,
} from "./usb-interface.ts";
