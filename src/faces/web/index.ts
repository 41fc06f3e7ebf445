// SPDX-License-Identifier: MIT

export type { DomException } from "./dom-exception.ts";
export { isOfManager } from "./exceptions.ts";
export type {
  ExtendedSmartCardConnection,
  ExtendedSmartCardConnectOptions,
  ExtendedSmartCardConnectResult,
  ExtendedSmartCardContext,
  ExtendedSmartCardResourceManager,
  ExtendedSmartCardTransactionOptions,
  ExtendedSmartCardTransmitOptions,
  SmartCardErrorExtension,
  SmartCardReconnectOptions,
  SmartCardReconnectResult,
  SmartCardSendOptions,
  SmartCardWaitOptions,
} from "./extensions.ts";
export type {
  BufferSource,
  SmartCardAccessMode,
  SmartCardConnection as DraftSmartCardConnection,
  SmartCardConnectionState,
  SmartCardConnectionStatus,
  SmartCardConnectOptions,
  SmartCardConnectResult,
  SmartCardContext as DraftSmartCardContext,
  SmartCardDisposition,
  SmartCardErrorOptions,
  SmartCardGetStatusChangeOptions,
  SmartCardProtocol,
  SmartCardReaderStateFlagsIn,
  SmartCardReaderStateFlagsOut,
  SmartCardReaderStateIn,
  SmartCardReaderStateOut,
  SmartCardResourceManager as DraftSmartCardResourceManager,
  SmartCardResponseCode,
  SmartCardTransactionCallback,
  SmartCardTransactionOptions,
  SmartCardTransmitOptions,
} from "./idl.ts";
export { type InstalledSmartCard, type PolyfillOptions, polyfillSmartCard } from "./polyfill.ts";
export { type OpenCardOn, SmartCardConnection } from "./smart-card-connection.ts";
export { SmartCardContext, type SmartCardTerms } from "./smart-card-context.ts";
export { type CdpSession, SmartCardEmulation, type SmartCardEmulationOptions } from "./smart-card-emulation.ts";
export { SmartCardError } from "./smart-card-error.ts";
export { createSmartCard, SmartCardResourceManager } from "./smart-card-resource-manager.ts";
export { bufferSource, type InterfaceObject, isBufferSource } from "./web-idl.ts";
