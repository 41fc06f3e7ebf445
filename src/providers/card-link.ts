// SPDX-License-Identifier: MIT

import type { CommandApdu, ResponseApdu } from "../iso7816/index.ts";
import { type ExchangeSetting, exchangeCommand, SmartCardError, type WaitOptions } from "../pcsc/index.ts";
import {
  SCARD_PROTOCOL_RAW,
  SCARD_PROTOCOL_T0,
  SCARD_PROTOCOL_T1,
  SCARD_SCOPE_USER,
  type SCARDCONTEXT,
  type SCARDHANDLE,
} from "../winscard/index.ts";
import { ComError, comErrorFor } from "./com-error.ts";
import { SCARD_DISPOSITIONS, SCARD_PROTOCOLS, SCARD_SHARE_MODES, type SCARD_STATES } from "./enumerations.ts";
import type { WinSCardFunctions } from "./winscard-functions.ts";

/** A reader's and its card's state. */
export interface LinkStatus {
  readonly state: SCARD_STATES;
  readonly protocol: number;
  readonly atr: Uint8Array;
}

/**
 * One connection to a card, as the service providers use it: what ISCard and ISCardManage attach to, and what the
 * interfaces that a manager has created share. Every failure is a {@link ComError}. Once it is closed everything fails
 * with SCARD_E_INVALID_HANDLE.
 */
export class CardLink {
  readonly handle: SCARDHANDLE;
  /** The context that was opened for it; undefined where it was made from a handle. */
  readonly context: SCARDCONTEXT | undefined;
  readonly #winscard: WinSCardFunctions;
  #protocol: number;
  #closed = false;
  /** How often it is locked, as far as is known. */
  #locks = 0;
  #tenure = 0;

  private constructor(
    winscard: WinSCardFunctions,
    handle: SCARDHANDLE,
    context: SCARDCONTEXT | undefined,
    protocol: number,
  ) {
    this.#winscard = winscard;
    this.handle = handle;
    this.context = context;
    this.#protocol = protocol;
  }

  /** Opens a context and connects to the card in a reader. @throws ComError as SCardConnect */
  static toReader(
    winscard: WinSCardFunctions,
    reader: string,
    shareMode: number,
    protocols: number,
    wait: WaitOptions = {},
  ): Promise<CardLink> {
    return translated(async () => {
      const { context } = await winscard.SCardEstablishContext(SCARD_SCOPE_USER);
      try {
        const preferred = winscardProtocols(protocols);
        const { card, activeProtocol } = await winscard.SCardConnect(context, reader, shareMode, preferred, wait);
        return new CardLink(winscard, card, context, activeProtocol);
      } catch (error) {
        await winscard.SCardReleaseContext(context);
        throw error;
      }
    });
  }

  /** Takes a connection over. @throws ComError: SCARD_E_INVALID_HANDLE, and as SCardStatus */
  static toHandle(winscard: WinSCardFunctions, handle: SCARDHANDLE): Promise<CardLink> {
    return translated(async () => {
      const { protocol } = await winscard.SCardStatus(handle);
      return new CardLink(winscard, handle, undefined, protocol);
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The protocol in use, numbered as the providers do; 0 where there is none. */
  get protocol(): number {
    return providerProtocol(this.#protocol);
  }

  status(): Promise<LinkStatus> {
    return this.#call(async () => {
      const { atr, protocol, state } = await this.#winscard.SCardStatus(this.handle);
      this.#protocol = protocol;
      return { state: state as SCARD_STATES, protocol: this.protocol, atr };
    });
  }

  /**
   * A number that stays the same for as long as nobody else can have used the card: while it is locked, and was not
   * connected anew. What was selected and verified under the same number still is.
   */
  get tenure(): number {
    return this.#tenure;
  }

  lock(wait: WaitOptions): Promise<void> {
    return this.#call(async () => {
      await this.#winscard.SCardBeginTransaction(this.handle, wait);
      this.#locks++;
    });
  }

  unlock(disposition: SCARD_DISPOSITIONS): Promise<void> {
    return this.#call(async () => {
      let left = 0;
      try {
        await this.#winscard.SCardEndTransaction(this.handle, disposition);
        left = Math.max(0, this.#locks - 1);
      } finally {
        // A lock that cannot be given back is gone: the card was reset or removed.
        this.#locks = left;
        if (left === 0) this.#tenure++;
      }
    });
  }

  /** Runs several commands as one: nobody else reaches the card between them. */
  async locked<T>(run: () => Promise<T>): Promise<T> {
    await this.lock({});
    try {
      return await run();
    } finally {
      // A card that was reset or removed has lost its lock already: what `run` failed with is what counts.
      if (!this.#closed) await this.unlock(SCARD_DISPOSITIONS.LEAVE).catch(() => {});
    }
  }

  reconnect(shareMode: number, protocols: number, initialization: number): Promise<void> {
    return this.#call(async () => {
      const preferred = winscardProtocols(protocols);
      this.#tenure++;
      const { activeProtocol } = await this.#winscard.SCardReconnect(this.handle, shareMode, preferred, initialization);
      this.#protocol = activeProtocol;
    });
  }

  /** Ends the connection, a lock with it, and the context that was opened for it. */
  close(disposition: SCARD_DISPOSITIONS): Promise<void> {
    return this.#call(async () => {
      this.#closed = true;
      try {
        await this.#winscard.SCardDisconnect(this.handle, disposition);
      } finally {
        if (this.context !== undefined) await this.#winscard.SCardReleaseContext(this.context);
      }
    });
  }

  /**
   * Sends a command and returns the whole answer: with T=0 data and Le are sent apart, and 61xx and 6Cxx are followed up.
   *
   * @param alternateClass class byte of the commands that T=0 makes necessary
   * @throws ComError as SCardTransmit; SCARD_E_UNSUPPORTED_FEATURE for more than 255 bytes of data over T=0,
   * SCARD_F_COMM_ERROR for a card that answers in circles
   */
  transmit(command: CommandApdu, alternateClass?: number): Promise<ResponseApdu> {
    return this.#exchange(command, { follow: this.#protocol === SCARD_PROTOCOL_T0, getResponseClass: alternateClass });
  }

  /** As {@link transmit}, and 61xx and 6Cxx are followed with every protocol. */
  exchange(command: CommandApdu): Promise<ResponseApdu> {
    return this.#exchange(command, { follow: true });
  }

  #exchange(command: CommandApdu, setting: Omit<ExchangeSetting, "protocol">): Promise<ResponseApdu> {
    const protocol = this.#protocol === SCARD_PROTOCOL_T0 ? "t0" : undefined;
    const send = async (bytes: Uint8Array): Promise<Uint8Array> =>
      (await this.#winscard.SCardTransmit(this.handle, null, bytes)).response;
    return this.#call(() => exchangeCommand(command, send, { ...setting, protocol }));
  }

  #call<T>(run: () => Promise<T>): Promise<T> {
    if (this.#closed) throw invalidHandle("the card was detached");
    return translated(run);
  }
}

/** @throws E_INVALIDARG for what is no reader name */
export function checkReaderName(name: string): void {
  if (typeof name !== "string" || name === "") throw new ComError("E_INVALIDARG", "the reader's name is not a text");
}

/** @throws E_INVALIDARG for what is no share mode */
export function checkShareMode(shareMode: number): void {
  if (!(Object.values(SCARD_SHARE_MODES) as number[]).includes(shareMode))
    throw new ComError("E_INVALIDARG", `${shareMode} is no share mode: EXCLUSIVE 1, SHARED 2`);
}

/** @throws E_INVALIDARG for what is no disposition */
export function checkDisposition(disposition: number): void {
  if (!(Object.values(SCARD_DISPOSITIONS) as number[]).includes(disposition))
    throw new ComError("E_INVALIDARG", `${disposition} is no disposition: LEAVE 0, RESET 1, UNPOWER 2, EJECT 3`);
}

/** The failure of whatever is asked of a card that is not attached. */
export function invalidHandle(message: string): ComError {
  return new ComError(new SmartCardError("invalid-handle", message));
}

/** The provider's number of a protocol of winscard.h. */
export function providerProtocol(protocol: number): SCARD_PROTOCOLS {
  return protocol === SCARD_PROTOCOL_RAW ? SCARD_PROTOCOLS.RAW : protocol;
}

/** Protocols in the numbers of winscard.h. @throws E_INVALIDARG */
export function winscardProtocols(protocols: number): number {
  if (protocols === SCARD_PROTOCOLS.RAW) return SCARD_PROTOCOL_RAW;
  const known = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1;
  if (Number.isInteger(protocols) && protocols > 0 && (protocols & ~known) === 0) return protocols;
  throw new ComError("E_INVALIDARG", `${protocols} are no protocols: T0 1, T1 2, both 3, RAW 255`);
}

function translated<T>(run: () => Promise<T>): Promise<T> {
  return run().catch((error: unknown) => {
    throw comErrorFor(error);
  });
}
