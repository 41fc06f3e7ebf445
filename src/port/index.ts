// SPDX-License-Identifier: MIT

export type { CommandInit, ResponseApdu } from "../base/iso7816/index.ts";
export { MAX_ATR_BYTES } from "../base/iso7816/index.ts";
export {
  abortedError,
  checkCommand,
  checkConnectOptions,
  checkContextOptions,
  checkControl,
  checkDisposition,
  checkDword,
  checkGetAttribute,
  checkGroups,
  checkIdentity,
  checkQueries,
  checkReaderName,
  checkReconnectOptions,
  checkSetAttribute,
  checkTransmit,
  checkTransmitOptions,
  checkWait,
  type NumberedCall,
  waitMembers,
} from "./arguments.ts";
export type { Named as NamedAttribute } from "./attributes.ts";
export {
  type Attribute,
  type AttributeClass,
  attributeClasses,
  attributes,
  attributeValue,
} from "./attributes.ts";
export { CardCache, type CardCacheLimits, cacheRevision, defaultCardCacheLimits } from "./card-cache.ts";
export {
  type Check,
  listOf,
  listOfWords,
  type Members,
  optional,
  optionsOf,
  type Place,
  partOf,
  read,
  refuse,
  shown,
  withDefaults,
} from "./check.ts";
export type { ClientIdentity } from "./client-identity.ts";
export type { Row as CodeRow, Table as CodeTable } from "./codes.ts";
export {
  cardStates,
  type Dialect,
  decodeReaderState,
  dispositions,
  type ErrorCode,
  encodeReaderState,
  errorCodes,
  errorFromNumber,
  errorName,
  errorNumber,
  fromNumber,
  initializations,
  protocolMask,
  protocols,
  protocolsInMask,
  readerStateBits,
  scopes,
  shareModes,
  toNumber,
} from "./codes.ts";
export { ConnectionBase, type ConnectionTerms, protocolToTransmit } from "./connection-base.ts";
export type {
  AtrMask,
  AuditedVerification,
  ContextCache,
  ContextDatabase,
  FoundReader,
  NewCardType,
  ProviderKind,
  SearchedReader,
} from "./context-database.ts";
export {
  type ContextLimits,
  checkStatusWait,
  defaultContextLimits,
  tooManyConnections,
  tooManyWaits,
} from "./context-limits.ts";
export type { ControlCode } from "./control-codes.ts";
export {
  type ClassFunction,
  classFunction,
  controlCode,
  FILE_DEVICE_SMARTCARD,
  type Ioctl,
  ioctls,
  serviceControlCode,
  toPcscliteControlCode,
  toWindowsControlCode,
} from "./control-codes.ts";
export {
  AssertionError,
  asFailure,
  assert,
  assertNever,
  describeHolder,
  type ErrorDetails,
  type Holder,
  ownError,
  reasonIn,
  SmartCardError,
} from "./error.ts";
export { Pace } from "./event-loop-pace.ts";
export { exchangeCommand } from "./exchange.ts";
export type { PinStructure, PinStructureKey } from "./features.ts";
export {
  decodeFeatureList,
  encodeFeatureList,
  type Feature,
  type FeatureEntry,
  featureOfTag,
  features,
  pinModifyStructure,
  pinPropertiesStructure,
  pinVerifyStructure,
} from "./features.ts";
export { GrowingPause } from "./growing-pause.ts";
export { GUID_BYTES, normalizeGuid } from "./guid.ts";
export type { HostCrypto } from "./host-crypto.ts";
export type {
  CardInspection,
  ConnectionInspection,
  Inspectable,
  Inspection,
  LockInspection,
  ReaderInspection,
  WaiterInspection,
} from "./inspection.ts";
export { checkName, foldName, MAX_NAME_LENGTH, sameName } from "./names.ts";
export { nearest } from "./nearest.ts";
export { type PauseOptions, pause, pauseOrFail, within } from "./pause.ts";
export {
  type AccessDecision,
  type AccessRule,
  type AccessSubject,
  asksForCredentials,
  decideAccess,
  type PeerRule,
} from "./peer-access.ts";
export type { PowerAction, Reader, ReaderDescription, ReaderEvents, ReaderType } from "./reader.ts";
export { type AttributeFacts, channelIdOf, endAttributeText, readerAttribute } from "./reader-attributes.ts";
export type { ReaderEvent } from "./reader-events.ts";
export { includesEveryReader, systemGroups } from "./reader-groups.ts";
export {
  checkNewReaderName,
  isPseudoReader,
  LONGEST_READER_NAME,
  readerKey,
  readerNameProblem,
} from "./reader-names.ts";
export {
  answersQuery,
  checkReadersKnown,
  noChange,
  pcscliteReports,
  type ReaderNow,
  type ReadersNow,
  type ReportRules,
  reportReaders,
  unknownReader,
} from "./reader-reports.ts";
export type { ReaderSnapshot, ReaderTable } from "./reader-table.ts";
export type {
  Connection,
  ConnectionStatus,
  ConnectOptions,
  Context,
  ContextOptions,
  ReaderDevice,
  ReaderStateQuery,
  ReaderStateReport,
  ReconnectOptions,
  ResourceManager,
  SendOptions,
  TransactionOptions,
  TransmitOptions,
  WaitOptions,
} from "./resource-manager.ts";
export {
  type CancelTimer,
  type Clock,
  noTrace,
  type Random,
  type ResetCause,
  type Runtime,
  type ScheduleOptions,
  type Trace,
  type TraceEvent,
} from "./runtime.ts";
export { type RuntimeOptions, runtimeOf } from "./runtime-options.ts";
export {
  abortSignal,
  anyText,
  byteString,
  callback,
  clockObject,
  fractionalMilliseconds,
  having,
  INFINITE,
  limitsOf,
  MAX_TIMER_MS,
  managerObject,
  milliseconds,
  partsOf,
  runtimeObject,
  text,
  timeoutOfNumber,
  truth,
  wholeNumber,
  word,
} from "./value-checks.ts";
export {
  type CardState,
  type Disposition,
  expectsCard,
  type Initialization,
  MAX_COMMAND_BYTES,
  MAX_RESPONSE_BYTES,
  PNP_NOTIFICATION,
  type Protocol,
  type ReaderFlag,
  type ReaderFlags,
  readerFlags,
  type Scope,
  type ShareMode,
  STATUS_CHANGE,
} from "./vocabulary.ts";
export { PromisedWait, timedOut, Wait, type WaitDeps, type WaitSet } from "./wait.ts";
export { type ReaderWatch, type WatchReadersOptions, watchLimits, watchReaders } from "./watch-readers.ts";
