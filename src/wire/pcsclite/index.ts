// SPDX-License-Identifier: MIT

export type { InputBuffer } from "../stream/index.ts";
export type { AnswerReader, Progress } from "./answer-readers.ts";
export type { Change, ClientLineOptions } from "./client-line.ts";
export {
  type ConnectOutcome,
  type ConnectTerms,
  type ControlOutcome,
  type Outcome,
  type PreparedRequest,
  prepareControl,
  prepareTransmit,
  type ReceiveOptions,
  type ReconnectOutcome,
  type ReconnectTerms,
  type TransmitOutcome,
} from "./client-requests.ts";
export { ClientSession, type ClientSessionOptions } from "./client-session.ts";
export { EXTENSION_VERSION, guidBytes, guidText } from "./extension.ts";
export {
  FIXED_READERS,
  MAX_ATTRIBUTE_BYTES,
  MAX_CACHE_NAME_BYTES,
  MAX_READER_NAME_BYTES,
  MAX_READERS,
  MAX_TRAILING_BYTES,
  maxSocketPathBytes,
  socketPathProblem,
} from "./limits.ts";
export type { Message } from "./messages.ts";
export {
  NEWEST_VERSION,
  type ProtocolVersion,
  type ReaderStateEntry,
  type RequestKind,
  readerStateStruct,
  unusedReaderState,
  type VersionRow,
  versionOf,
  versions,
  waitStruct,
} from "./messages.ts";
export type { ChangeWait } from "./reader-calls.ts";
export type { ReaderState } from "./reader-table-reader.ts";
export { RequestDecoder } from "./request-decoder.ts";
export type { HolderRequest, TransmitRequest } from "./requests.ts";
export { type CacheKey, encodeRequest, type Request, type RequestOf, wipeRequest } from "./requests.ts";
export type { Outcome as ResponseOutcome } from "./responses.ts";
export { type AnsweredKind, type Answers, encodeResponse, encodeSignal, type WireHolder } from "./responses.ts";
export { AGREE_ON_VERSION } from "./version-agreement.ts";
