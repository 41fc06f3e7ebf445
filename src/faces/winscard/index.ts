// SPDX-License-Identifier: MIT

export * from "./attribute-constants.ts";
export type { CacheFunctions } from "./cache-functions.ts";
export type { CardFunctions, CardStatus } from "./card-functions.ts";
export type { CardTypeFunctions } from "./card-type-functions.ts";
export * from "./constants.ts";
export type {
  ContextFunctions,
  EstablishContextOptions,
  ReaderStateAnswer,
  SCARD_READERSTATE,
} from "./context-functions.ts";
export type { InDatabase } from "./database-choice.ts";
export type { DeviceFunctions } from "./device-functions.ts";
export * from "./error-constants.ts";
export type { ExchangeFunctions, TransmitOptions } from "./exchange-functions.ts";
export type { DatabaseSource, DefaultManager, Foundation, FoundationDeps } from "./foundation.ts";
export type { HandleNumbers, HandleTable } from "./handles.ts";
export { MAX_OPEN_HANDLES, type SCARDCONTEXT, type SCARDHANDLE } from "./handles.ts";
export type { SCARD_IO_REQUEST } from "./io-request.ts";
export type { LocateFunctions, SCARD_ATRMASK } from "./locate-functions.ts";
export type { OpenCardFunctions } from "./open-card-functions.ts";
export type { ReaderNameFunctions } from "./reader-name-functions.ts";
export type {
  CardMismatch,
  CardPicker,
  CardPickerReader,
  CardPickerRequest,
  DialogLook,
  OPENCARD_SEARCH_CRITERIA,
  OPENCARDNAME,
  OPENCARDNAME_EX,
  OpenCardCheck,
  OpenCardConnect,
  OpenCardDisconnect,
  SelectCardOptions,
  SelectedCard,
} from "./select-card.ts";
export type { AuditOptions, ServiceFunctions } from "./service-functions.ts";
export type { StartedEvent } from "./started-event.ts";
export { type FunctionGroups, WinSCard, type WinSCardOptions } from "./winscard.ts";
