// SPDX-License-Identifier: MIT

export { CardLine } from "./card-line.ts";
export type { CompatHost, SmartcardHost } from "./host.ts";
export { type PcscliteConstants, pcscliteConstants } from "./pcsclite-constants.ts";
export { pcscliteError } from "./pcsclite-error.ts";
export { ReaderWatch } from "./reader-watch.ts";
export { type CardStatus, type CommandBytes, SmartcardCard, type TransmitOptions } from "./smartcard-card.ts";
export { type ReaderState, SmartcardContext, SmartcardReader, type WatchedReader } from "./smartcard-context.ts";
export {
  type DeviceEvents,
  type ReaderEventInfo,
  SmartcardDevices,
} from "./smartcard-devices.ts";
export {
  CardRemovedError,
  createPCSCError,
  NoReadersError,
  PCSCError,
  ServiceNotRunningError,
  SharingViolationError,
  smartcardError,
  TimeoutError,
} from "./smartcard-error.ts";
export { commandWithLe, exchangeToTheEnd, getResponseCommand, parseFeatures } from "./smartcard-exchange.ts";
export { type MonitorEvent, SmartcardMonitor } from "./smartcard-monitor.ts";
export { reportOf, stateNumber } from "./terms.ts";
