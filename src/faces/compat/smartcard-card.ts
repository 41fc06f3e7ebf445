// SPDX-License-Identifier: MIT

import { checkObject, copyBytes, isBytes, zeroBytes } from "../../base/binary/index.ts";
import {
  type Connection,
  type ConnectionStatus,
  type ConnectOptions,
  type Dialect,
  protocolsInMask,
  SmartCardError,
} from "../../port/index.ts";
import type { SmartcardHost } from "./host.ts";
import { exchangeLimits } from "./limits.ts";
import { PCSCError, smartcardError } from "./smartcard-error.ts";
import { exchangeToTheEnd } from "./smartcard-exchange.ts";
import {
  cardStateNumber,
  defaults,
  dispositionOf,
  INVALID_HANDLE,
  initializationOf,
  protocolNumber,
  shareModeOf,
} from "./terms.ts";

/** A command in the form of `smartcard`. */
export type CommandBytes = Uint8Array | readonly number[];

/** How a command is sent. */
export interface TransmitOptions {
  /** Room for the response in bytes, up to 262,144; a longer one fails. @default room for any response */
  readonly maxRecvLength?: number;
  /** Whether 61xx and 6Cxx are followed up. @default false */
  readonly autoGetResponse?: boolean;
}

/** The result of `getStatus`. */
export interface CardStatus<B extends Uint8Array> {
  /** As SCardStatus has it: bits of a mask, on Windows an enumeration. */
  readonly state: number;
  readonly protocol: number;
  readonly atr: B;
}

/** Numbers as the port has them. @throws invalid-value */
export function connectOptions(shareMode: number, protocols: number, dialect: Dialect): ConnectOptions {
  return { shareMode: shareModeOf(shareMode, dialect), preferredProtocols: protocolsInMask(protocols, dialect) };
}

/**
 * A connected card of `smartcard`.
 *
 * Synchronous members return the last known values: `atr` and `getStatus` are those of the last connect or reconnect, until
 * a call has failed because of a reset or removal. `disconnect` begins at once and continues in the background.
 */
export class SmartcardCard<B extends Uint8Array> {
  readonly #host: SmartcardHost<B>;
  readonly #connection: Connection;
  /** Called with background work, so that the next connect, and the context's end, wait for it. */
  readonly #behind: (work: Promise<unknown>) => void;
  #status: ConnectionStatus;
  #fault: SmartCardError | undefined;
  #connected = true;

  constructor(
    host: SmartcardHost<B>,
    connection: Connection,
    status: ConnectionStatus,
    behind: (work: Promise<unknown>) => void,
  ) {
    this.#host = host;
    this.#connection = connection;
    this.#status = status;
    this.#behind = behind;
  }

  /** SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1, SCARD_PROTOCOL_RAW; SCARD_PROTOCOL_UNDEFINED for none. */
  get protocol(): number {
    return protocolNumber(this.#connection.protocol, this.#host.dialect);
  }

  /** Whether it was not disconnected yet; a card that was pulled out stays connected until then. */
  get connected(): boolean {
    return this.#connected;
  }

  /** The ATR; null without a card, and after `disconnect`. */
  get atr(): B | null {
    const { atr } = this.#status;
    return this.#connected && this.#fault === undefined && atr.length > 0 ? this.#host.toBytes(atr) : null;
  }

  /**
   * Sends a command and resolves to the whole response, SW1 SW2 included.
   *
   * @throws CardRemovedError, PCSCError; an Error that says "Card is not connected" after `disconnect`
   */
  async transmit(command: CommandBytes, options: TransmitOptions = {}): Promise<B> {
    checkObject(options, "transmit: options", "pass an object with autoGetResponse and maxRecvLength, or leave it out");
    const sent = bytesOf(command);
    const room = Math.min(options.maxRecvLength || Number.POSITIVE_INFINITY, exchangeLimits.maxReceiveBytes);
    const send = async (bytes: Uint8Array): Promise<Uint8Array> => {
      const answer = await this.#connection.transmit(bytes, { protocol: this.#connection.protocol });
      if (answer.length <= room) return answer;
      throw new SmartCardError("insufficient-buffer", `${answer.length} bytes came, and there is room for ${room}`);
    };
    try {
      return this.#host.toBytes(
        await this.#call(() => (options.autoGetResponse ? exchangeToTheEnd(send, sent) : send(sent))),
      );
    } finally {
      // It may hold a PIN.
      zeroBytes(sent);
    }
  }

  /** Sends a command to the reader and resolves to its answer. @throws as transmit */
  async control(code: number, data: CommandBytes = []): Promise<B> {
    if (typeof code !== "number") throw new TypeError("Expected control code");
    const sent = bytesOf(data);
    try {
      return this.#host.toBytes(await this.#call(() => this.#connection.control(code >>> 0, sent)));
    } finally {
      zeroBytes(sent);
    }
  }

  /** The last known state of the card. @throws CardRemovedError, PCSCError (it was reset); an Error after `disconnect` */
  getStatus(): CardStatus<B> {
    this.#checkConnected();
    if (this.#fault !== undefined) throw smartcardError(this.#fault);
    return {
      state: cardStateNumber(this.#status.state, this.#host.dialect),
      protocol: this.protocol,
      atr: this.#host.toBytes(this.#status.atr),
    };
  }

  /**
   * Ends the connection; further calls do nothing. The disposition runs in the background.
   *
   * @param disposition SCARD_LEAVE_CARD by default
   * @throws PCSCError for an unknown disposition
   */
  disconnect(disposition?: number): void {
    if (!this.#connected) return;
    this.#connected = false;
    try {
      const term = disposition === undefined ? "leave" : dispositionOf(disposition, this.#host.dialect);
      // It is not awaited: without the card there is nothing left to end.
      this.#behind(this.#connection.disconnect(term).catch(() => {}));
    } catch (error) {
      this.#behind(this.#connection.disconnect("leave").catch(() => {}));
      throw smartcardError(error);
    }
  }

  /**
   * Reconnects, and resolves to the protocol.
   *
   * @param shareMode SCARD_SHARE_SHARED by default
   * @param protocols SCARD_PROTOCOL_T0 and SCARD_PROTOCOL_T1 by default
   * @param initialization SCARD_LEAVE_CARD by default
   * @throws as transmit
   */
  async reconnect(
    shareMode: number = defaults.shareMode,
    protocols: number = defaults.protocols,
    initialization: number = defaults.initialization,
  ): Promise<number> {
    const { dialect } = this.#host;
    return this.#call(async () => {
      const options = connectOptions(shareMode, protocols, dialect);
      await this.#connection.reconnect({ ...options, initialization: initializationOf(initialization, dialect) });
      this.#fault = undefined;
      this.#status = await this.#connection.status();
      return this.protocol;
    });
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    this.#checkConnected();
    try {
      return await work();
    } catch (error) {
      if (error instanceof SmartCardError && isFault(error)) this.#fault = error;
      throw smartcardError(error);
    }
  }

  #checkConnected(): void {
    if (!this.#connected) throw new PCSCError("Card is not connected", INVALID_HANDLE);
  }
}

/** Whether a failure reports a reset or removal of the card. */
function isFault({ code }: SmartCardError): boolean {
  return ["removed-card", "reset-card", "reader-unavailable", "invalid-handle", "service-stopped"].includes(code);
}

function bytesOf(command: CommandBytes): Uint8Array {
  if (isBytes(command)) return copyBytes(command);
  if (Array.isArray(command)) return Uint8Array.from(command);
  throw new TypeError("Expected Buffer or Array");
}
