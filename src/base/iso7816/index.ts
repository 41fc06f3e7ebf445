// SPDX-License-Identifier: MIT

export {
  type CommandApdu,
  type CommandCase,
  type CommandInit,
  commandCase,
  decodeCommand,
  decodeResponse,
  encodeCommand,
  encodeResponse,
  MAX_EXTENDED_DATA_BYTES,
  MAX_EXTENDED_LE,
  MAX_SHORT_DATA_BYTES,
  MAX_SHORT_LE,
  type ResponseApdu,
} from "./apdu.ts";
export { applicationIdentifiers, applicationProviders } from "./application-identifiers.ts";
export { type Atr, type AtrCheck, decodeAtr, MAX_ATR_BYTES } from "./atr.ts";
export { type AtrInit, buildAtr } from "./atr-builder.ts";
export type {
  AtrMode,
  AtrParameters,
  ClockStop,
  ExtraGuardTime,
  GlobalParameters,
  InterfaceByteGroup,
  SupplyClass,
  T0Parameters,
  T1Parameters,
} from "./atr-parameters.ts";
export { type AtrTimings, atrTimings, type LineSetting, type LineTime } from "./atr-timings.ts";
export {
  type BerTlv,
  type BerTlvInit,
  type BerTlvLimits,
  decodeBerTlv,
  encodeBerTlv,
  findBerTlv,
} from "./ber-tlv.ts";
export { type ClassByte, decodeClassByte, plainClassByte, type SecureMessaging } from "./class-byte.ts";
export { type CompactTlv, decodeCompactTlv, encodeCompactTlv } from "./compact-tlv.ts";
export {
  type ContactlessCard,
  describeContactless,
  storageCardHistoricalBytes,
  type TypeBInformation,
} from "./contactless-atr.ts";
export { contactlessCardNames, contactlessStandards } from "./contactless-card-names.ts";
export {
  type DataObject,
  type DataObjectHeader,
  decodeDataObjects,
  decodeHeaderList,
  decodeLeadingDataObjects,
  encodeDataObject,
} from "./data-objects.ts";
export { type Disclosure, disclosureOf, type Selection } from "./disclosure.ts";
export { type CarriedCommand, type ExchangeProtocol, type LongData, longDataOf } from "./envelope-and-chaining.ts";
export {
  beginExchange,
  type Exchange,
  type ExchangeOptions,
  type ExchangeStep,
  MAX_FOLLOW_UP_DATA_BYTES,
  MAX_FOLLOW_UP_ROUNDS,
  stepExchange,
} from "./exchange.ts";
export { ExchangeError, type ExchangeErrorCode } from "./exchange-error.ts";
export { ExchangeRedactor, type RedactedCommand, type RedactedResponse } from "./exchange-redactor.ts";
export {
  type DecodedFileControl,
  decodeFileControl,
  encodeFileControl,
  encodeShortId,
  type FileControl,
  type FileControlTemplate,
  type FileSecurity,
  fileControlTags,
  selectReturns,
} from "./file-control.ts";
export {
  decodeFileDescriptor,
  encodeFileDescriptor,
  type FileDescriptor,
  type FileStructure,
} from "./file-descriptor.ts";
export { decodeFileIds, encodeFileIds, MASTER_FILE_ID } from "./file-path.ts";
export { type FollowUp, followUp } from "./follow-up.ts";
export {
  type CardCapabilities,
  type CardServiceData,
  decodeHistoricalBytes,
  type HistoricalBytes,
  type StatusIndicator,
} from "./historical-bytes.ts";
export {
  instructionName,
  instructions,
  referenceDataInstructions,
  TAG_DISCRETIONARY_DATA,
  TAG_OFFSET,
} from "./instruction.ts";
export { decodeLifeCycle, encodeLifeCycle, type LifeCycle } from "./life-cycle.ts";
export { checkPpsResponse, decodePps, encodePps, type Pps, type PpsOutcome } from "./pps.ts";
export {
  type CommandDescription,
  describeCommand,
  describeCommandBytes,
  describeControlBytes,
  describeMalformedCommand,
  describeResponseBytes,
  pinPadCommand,
  withheldText,
} from "./redact.ts";
export { type RunExchangeOptions, runExchange, type SendCommand } from "./run-exchange.ts";
export { decodeSimpleTlv, encodeSimpleTlv, type SimpleTlv } from "./simple-tlv.ts";
export {
  describeStatusWord,
  type StatusDescription,
  type StatusKind,
  statusWordFamilies,
  statusWords,
} from "./status-word.ts";
export { commandForT0, T0_HEADER_BYTES } from "./t0-command.ts";
export {
  DEFAULT_FACTORS_CODE,
  decodeTransmissionFactors,
  defaultEtuFactors,
  type EtuFactors,
  etuFactorsOf,
  type TransmissionFactors,
} from "./transmission-factors.ts";
