// SPDX-License-Identifier: MIT

// What the Web Smart Card API declares, and nothing else: the draft of the WICG of 2026-05-26. Names, order and optional members
// are the draft's; a test compares them with its IDL.

/** Bytes, as Web IDL's BufferSource: an ArrayBuffer or a view of one. */
export type BufferSource = ArrayBuffer | ArrayBufferView;

/** How a connection shares the card. Draft, SmartCardAccessMode. */
export type SmartCardAccessMode = "shared" | "exclusive" | "direct";

/** A transmission protocol. Draft, SmartCardProtocol. */
export type SmartCardProtocol = "raw" | "t0" | "t1";

/** What happens to the card at the end of a connection or a transaction. Draft, SmartCardDisposition. */
export type SmartCardDisposition = "leave" | "reset" | "unpower" | "eject";

/** Where the card is, and which protocol it speaks. Draft, SmartCardConnectionState. */
export type SmartCardConnectionState =
  | "absent"
  | "present"
  | "swallowed"
  | "powered"
  | "negotiable"
  | "t0"
  | "t1"
  | "raw";

/** The PC/SC code of a SmartCardError, without prefix, in small letters. Draft, SmartCardResponseCode. */
export type SmartCardResponseCode =
  | "no-service"
  | "no-smartcard"
  | "not-ready"
  | "not-transacted"
  | "proto-mismatch"
  | "reader-unavailable"
  | "removed-card"
  | "reset-card"
  | "server-too-busy"
  | "sharing-violation"
  | "system-cancelled"
  | "unknown-reader"
  | "unpowered-card"
  | "unresponsive-card"
  | "unsupported-card"
  | "unsupported-feature";

/** `navigator.smartCard`. Draft, SmartCardResourceManager interface. */
export interface SmartCardResourceManager {
  establishContext(): Promise<SmartCardContext>;
}

/** A context of the PC/SC resource manager: one operation at a time. Draft, SmartCardContext interface. */
export interface SmartCardContext {
  listReaders(): Promise<string[]>;
  getStatusChange(
    readerStates: SmartCardReaderStateIn[],
    options?: SmartCardGetStatusChangeOptions,
  ): Promise<SmartCardReaderStateOut[]>;
  connect(
    readerName: string,
    accessMode: SmartCardAccessMode,
    options?: SmartCardConnectOptions,
  ): Promise<SmartCardConnectResult>;
}

/** The state of a reader that the caller assumes. Draft, SmartCardReaderStateIn dictionary. */
export interface SmartCardReaderStateIn {
  readerName: string;
  currentState: SmartCardReaderStateFlagsIn;
  currentCount?: number;
}

/** The flags of a state that the caller assumes; no flag means that it knows nothing. Draft, SmartCardReaderStateFlagsIn dictionary. */
export interface SmartCardReaderStateFlagsIn {
  unaware?: boolean;
  ignore?: boolean;
  unavailable?: boolean;
  empty?: boolean;
  present?: boolean;
  exclusive?: boolean;
  inuse?: boolean;
  mute?: boolean;
  unpowered?: boolean;
}

/** The state of a reader. Draft, SmartCardReaderStateOut dictionary. */
export interface SmartCardReaderStateOut {
  readerName: string;
  eventState: SmartCardReaderStateFlagsOut;
  eventCount: number;
  answerToReset?: ArrayBuffer;
}

/** The flags of a reader's state. Draft, SmartCardReaderStateFlagsOut dictionary. */
export interface SmartCardReaderStateFlagsOut {
  ignore?: boolean;
  changed?: boolean;
  unavailable?: boolean;
  unknown?: boolean;
  empty?: boolean;
  present?: boolean;
  exclusive?: boolean;
  inuse?: boolean;
  mute?: boolean;
  unpowered?: boolean;
}

/** How long to wait for a change. Draft, SmartCardGetStatusChangeOptions dictionary. */
export interface SmartCardGetStatusChangeOptions {
  timeout?: number;
  signal?: AbortSignal;
}

/** A connection, and the protocol in use. Draft, SmartCardConnectResult dictionary. */
export interface SmartCardConnectResult {
  connection: SmartCardConnection;
  activeProtocol?: SmartCardProtocol;
}

/** The protocols that may be used. Draft, SmartCardConnectOptions dictionary. */
export interface SmartCardConnectOptions {
  preferredProtocols?: SmartCardProtocol[];
}

/** A connection to a reader, and to the card in it. Draft, SmartCardConnection interface. */
export interface SmartCardConnection {
  disconnect(disposition?: SmartCardDisposition): Promise<undefined>;
  transmit(sendBuffer: BufferSource, options?: SmartCardTransmitOptions): Promise<ArrayBuffer>;
  startTransaction(
    transaction: SmartCardTransactionCallback,
    options?: SmartCardTransactionOptions,
  ): Promise<undefined>;
  status(): Promise<SmartCardConnectionStatus>;
  control(controlCode: number, data: BufferSource): Promise<ArrayBuffer>;
  getAttribute(tag: number): Promise<ArrayBuffer>;
  setAttribute(tag: number, value: BufferSource): Promise<undefined>;
}

/** What is done in a transaction; it settles with the disposition of the card. Draft, SmartCardConnection interface. */
export type SmartCardTransactionCallback = () => Promise<SmartCardDisposition | null | undefined>;

/** How to send a command. Draft, SmartCardTransmitOptions dictionary. */
export interface SmartCardTransmitOptions {
  protocol?: SmartCardProtocol;
}

/** How to wait for a transaction. Draft, SmartCardTransactionOptions dictionary. */
export interface SmartCardTransactionOptions {
  signal?: AbortSignal;
}

/** The state of a connection. Draft, SmartCardConnectionStatus dictionary. */
export interface SmartCardConnectionStatus {
  readerName: string;
  state: SmartCardConnectionState;
  answerToReset?: ArrayBuffer;
}

/** What a SmartCardError is made with. Draft, SmartCardErrorOptions dictionary. */
export interface SmartCardErrorOptions {
  responseCode: SmartCardResponseCode;
}
