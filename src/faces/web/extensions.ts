// SPDX-License-Identifier: MIT

// What this package adds to the Web Smart Card API. None of it is in the draft, and no browser has it.

import type { CommandInit, Holder, ReaderWatch, ResponseApdu, SendOptions } from "../../port/index.ts";
import type { OpenCard, OpenCardOptions } from "../modules/index.ts";
import type {
  BufferSource,
  SmartCardAccessMode,
  SmartCardConnection,
  SmartCardConnectionStatus,
  SmartCardConnectOptions,
  SmartCardContext,
  SmartCardProtocol,
  SmartCardResourceManager,
  SmartCardTransactionCallback,
  SmartCardTransactionOptions,
  SmartCardTransmitOptions,
} from "./idl.ts";

/** Limits the wait of an operation: for another program's transaction, for a reader. An exchange that has begun is not interrupted. */
export interface SmartCardWaitOptions {
  /** Milliseconds; a "TimeoutError" DOMException when they have passed. @default no limit */
  timeout?: number;
  /** Ends the wait; the promise is rejected with its reason. */
  signal?: AbortSignal;
}

/** The options of `connect`, with limits of the wait. */
export interface ExtendedSmartCardConnectOptions extends SmartCardConnectOptions, SmartCardWaitOptions {}

/** The options of `transmit`, with limits of the wait. */
export interface ExtendedSmartCardTransmitOptions extends SmartCardTransmitOptions, SmartCardWaitOptions {}

/** The options of `startTransaction`, with a limit in time. */
export interface ExtendedSmartCardTransactionOptions extends SmartCardTransactionOptions, SmartCardWaitOptions {}

/** How `send` sends a command. */
export interface SmartCardSendOptions extends SmartCardWaitOptions {
  /** How more than 255 bytes of data are sent: see `SendOptions` of `scard/pcsc`. */
  longData?: NonNullable<SendOptions["longData"]>;
}

/** How to reconnect. What is left out is as it was. */
export interface SmartCardReconnectOptions extends SmartCardConnectOptions, SmartCardWaitOptions {
  accessMode?: SmartCardAccessMode;
  /** What happens to the card. @default "leave" */
  initialization?: "leave" | "reset" | "unpower";
}

/** What has come of `reconnect`. */
export interface SmartCardReconnectResult {
  /** The protocol in use; left out where none is. */
  activeProtocol?: SmartCardProtocol;
}

/** What has come of `connect`. */
export interface ExtendedSmartCardConnectResult {
  connection: ExtendedSmartCardConnection;
  /** The protocol in use; left out where none is. */
  activeProtocol?: SmartCardProtocol;
}

/** `navigator.smartCard`, and what this package adds. */
export interface ExtendedSmartCardResourceManager extends SmartCardResourceManager, AsyncDisposable, Disposable {
  establishContext(): Promise<ExtendedSmartCardContext>;
  /**
   * Ends all contexts and connections. A card in a transaction is reset; other cards are left as they are. The manager stays open.
   * A context that is established afterwards works.
   */
  [Symbol.asyncDispose](): Promise<void>;
  /** Begins the same, and does not wait for its end. */
  [Symbol.dispose](): void;
}

/** A context, and what this package adds. */
export interface ExtendedSmartCardContext extends SmartCardContext, AsyncDisposable, Disposable {
  connect(
    readerName: string,
    accessMode: SmartCardAccessMode,
    options?: ExtendedSmartCardConnectOptions,
  ): Promise<ExtendedSmartCardConnectResult>;
  /**
   * The readers and cards, then each change: `watchReaders` of this package. It is no operation of the context, which stays free for
   * others.
   *
   * @param options `signal` ends it
   */
  watch(options?: { signal?: AbortSignal }): ReaderWatch;
  /**
   * Ends this context, its waits, its watches and its connections. A card in a transaction is reset; other cards are left as they are.
   */
  [Symbol.asyncDispose](): Promise<void>;
  /** Begins the same, and does not wait for its end. */
  [Symbol.dispose](): void;
}

/** A connection, and what this package adds. */
export interface ExtendedSmartCardConnection extends SmartCardConnection, AsyncDisposable, Disposable {
  transmit(sendBuffer: BufferSource, options?: ExtendedSmartCardTransmitOptions): Promise<ArrayBuffer>;
  startTransaction(
    transaction: SmartCardTransactionCallback,
    options?: ExtendedSmartCardTransactionOptions,
  ): Promise<undefined>;
  status(options?: SmartCardWaitOptions): Promise<SmartCardConnectionStatus>;
  control(controlCode: number, data: BufferSource, options?: SmartCardWaitOptions): Promise<ArrayBuffer>;
  getAttribute(tag: number, options?: SmartCardWaitOptions): Promise<ArrayBuffer>;
  setAttribute(tag: number, value: BufferSource, options?: SmartCardWaitOptions): Promise<undefined>;
  /**
   * Sends a command APDU and returns the whole response: the rest after 61xx, and the answer to the right Le after 6Cxx.
   *
   * @param command the bytes of an APDU, or its parts
   */
  send(command: BufferSource | CommandInit, options?: SmartCardSendOptions): Promise<ResponseApdu>;
  /** Connects again, after the card was reset or removed, or to change the access mode. */
  reconnect(options?: SmartCardReconnectOptions): Promise<SmartCardReconnectResult>;
  /** Opens the card with the module for it: certificates, signatures, PINs. Its errors are those of `scard/modules`. */
  openCard(options?: OpenCardOptions): Promise<OpenCard>;
  /**
   * Ends the connection. In a transaction the card is reset; otherwise it is left as it is.
   */
  [Symbol.asyncDispose](): Promise<void>;
  /** Begins the same, and does not wait for its end. */
  [Symbol.dispose](): void;
}

/** What a `SmartCardError` of this package says beside its code. */
export interface SmartCardErrorExtension {
  /** Who has the reader, for "sharing-violation", where it is known. */
  readonly holder: Holder | undefined;
}
