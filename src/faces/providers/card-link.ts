// SPDX-License-Identifier: MIT

import type { CommandApdu, ExchangeOptions, ResponseApdu } from "../../base/iso7816/index.ts";
import { exchangeCommand, SmartCardError, type WaitOptions } from "../../port/index.ts";
import {
  SCARD_PROTOCOL_RAW,
  SCARD_PROTOCOL_T0,
  SCARD_PROTOCOL_T1,
  SCARD_SCOPE_USER,
  SCARD_SHARE_DIRECT,
  type SCARDCONTEXT,
  type SCARDHANDLE,
} from "../winscard/index.ts";
import {
  badArgument,
  checkArray,
  checkFunction,
  checkNumber,
  checkObject,
  checkOneOf,
  checkText,
  checkWait,
  checkWinSCard,
  memberOf,
} from "./arguments.ts";
import { ComError, comErrorFor } from "./com-error.ts";
import { SCARD_DISPOSITIONS, SCARD_PROTOCOLS, SCARD_SHARE_MODES, type SCARD_STATES } from "./enumerations.ts";
import type { WinSCardFunctions } from "./winscard-functions.ts";

/** A reader's and its card's state. */
export interface LinkStatus {
  readonly state: SCARD_STATES;
  readonly protocol: number;
  readonly atr: Uint8Array;
}

/** Options of a link. */
interface Attachment {
  readonly handle: SCARDHANDLE;
  readonly context: SCARDCONTEXT | undefined;
  /** In the numbers of winscard.h, these three. */
  readonly shareMode: number;
  readonly protocol: number;
  readonly preferred: number;
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
  /** SCARD_SHARE_* */
  #shareMode: number;
  #protocol: number;
  /** SCARD_PROTOCOL_*: those that its maker can work with. */
  readonly #preferred: number;
  #closed = false;
  /** How often it is locked, as far as is known. */
  #locks = 0;
  #tenure = 0;

  private constructor(winscard: WinSCardFunctions, attachment: Attachment) {
    this.#winscard = winscard;
    this.handle = attachment.handle;
    this.context = attachment.context;
    this.#shareMode = attachment.shareMode;
    this.#protocol = attachment.protocol;
    this.#preferred = attachment.preferred;
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
      checkWinSCard(winscard);
      checkReaderName(reader);
      checkShareMode(shareMode);
      const preferred = winscardProtocols(protocols);
      const bounds = checkWait(wait, "attach");
      const { context } = await winscard.SCardEstablishContext(SCARD_SCOPE_USER);
      try {
        const connected = await winscard.SCardConnect(context, reader, shareMode, preferred, bounds);
        const { activeProtocol: protocol, card: handle } = connected;
        return new CardLink(winscard, { handle, context, shareMode, protocol, preferred });
      } catch (error) {
        await winscard.SCardReleaseContext(context);
        throw error;
      }
    });
  }

  /**
   * Takes a connection over, with its share mode and its protocol. The card may have been reset or removed: a reconnect
   * makes it usable.
   *
   * @throws ComError: E_INVALIDARG for an invalid handle; SCARD_E_TIMEOUT, SCARD_E_CANCELLED
   */
  static toHandle(winscard: WinSCardFunctions, handle: SCARDHANDLE, wait: WaitOptions = {}): Promise<CardLink> {
    return translated(async () => {
      checkWinSCard(winscard);
      const bounds = checkWait(wait, "attach");
      const { protocol, shareMode } = await termsOf(winscard, handle, bounds);
      const preferred = protocol === SCARD_PROTOCOL_RAW ? protocol : SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1;
      return new CardLink(winscard, { handle, context: undefined, shareMode, protocol, preferred });
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether the handle was disconnected elsewhere, so that nothing is attached any more. */
  get isLost(): boolean {
    try {
      this.#winscard.connectionTerms?.(this.handle);
      return false;
    } catch {
      return true;
    }
  }

  /** The protocol in use, numbered as the providers do; 0 without one. */
  get protocol(): number {
    return providerProtocol(this.#protocol);
  }

  status(wait: WaitOptions = {}): Promise<LinkStatus> {
    return this.#call(async () => {
      const { atr, protocol, state } = await this.#winscard.SCardStatus(this.handle, checkWait(wait, "status"));
      this.#protocol = protocol;
      return { state: state as SCARD_STATES, protocol: this.protocol, atr };
    });
  }

  /**
   * A number that stays the same for as long as no other program can have used the card: while it is locked, and was not
   * reconnected. A selection or verification under the same number is still valid.
   */
  get tenure(): number {
    return this.#tenure;
  }

  lock(wait: WaitOptions = {}): Promise<void> {
    return this.#call(async () => {
      const bounds = checkWait(wait, "lock");
      await this.#winscard.SCardBeginTransaction(this.handle, bounds);
      this.#locks++;
    });
  }

  unlock(disposition: SCARD_DISPOSITIONS): Promise<void> {
    return this.#call(async () => {
      checkDisposition(disposition);
      let left = 0;
      try {
        await this.#winscard.SCardEndTransaction(this.handle, disposition);
        left = Math.max(0, this.#locks - 1);
      } finally {
        // A lock that cannot be released is gone: the card was reset or removed.
        this.#locks = left;
        if (left === 0) this.#tenure++;
      }
    });
  }

  /** Runs several commands as one: no other program reaches the card between them. */
  async locked<T>(run: () => Promise<T>): Promise<T> {
    checkFunction("run", run, "a function that sends the commands");
    await this.lock({});
    try {
      return await run();
    } finally {
      // A card that was reset or removed has lost its lock already: what `run` failed with is what counts.
      if (!this.#closed) await this.unlock(SCARD_DISPOSITIONS.LEAVE).catch(() => {});
    }
  }

  /**
   * Connects anew. The protocol stays the one in use; only where the card was brought to another one meanwhile is it any of
   * those that the attachment was made with. EJECT ejects the card, if the reader can.
   *
   * @param shareMode the share mode that the connection has, where none is given
   */
  reconnect(initialization: SCARD_DISPOSITIONS, wait: WaitOptions = {}, shareMode?: SCARD_SHARE_MODES): Promise<void> {
    return this.#call(async () => {
      checkDisposition(initialization);
      if (shareMode !== undefined) checkShareMode(shareMode);
      const bounds = checkWait(wait, "reconnect");
      const isEject = initialization === SCARD_DISPOSITIONS.EJECT;
      await this.#reconnect(shareMode ?? this.#shareMode, isEject ? SCARD_DISPOSITIONS.LEAVE : initialization, bounds);
      if (isEject) await this.#eject(bounds);
    });
  }

  async #reconnect(shareMode: number, initialization: number, wait: WaitOptions): Promise<void> {
    const asUsual = shareMode === SCARD_SHARE_DIRECT && this.#protocol === 0 ? 0 : this.#preferred;
    const tries = this.#protocol === 0 || this.#protocol === asUsual ? [asUsual] : [this.#protocol, asUsual];
    for (const [index, protocols] of tries.entries()) {
      // The locks may end, depending on the manager: the selection counts as unknown from here on.
      this.#locks = 0;
      this.#tenure++;
      try {
        const { activeProtocol } = await this.#winscard.SCardReconnect(
          this.handle,
          shareMode,
          protocols,
          initialization,
          wait,
        );
        this.#protocol = activeProtocol;
        this.#shareMode = shareMode;
        return;
      } catch (error) {
        const isOther = error instanceof SmartCardError && error.code === "proto-mismatch";
        if (!isOther || index === tries.length - 1) throw error;
      }
    }
  }

  async #eject(wait: WaitOptions): Promise<void> {
    await this.#winscard.SCardBeginTransaction(this.handle, wait);
    try {
      await this.#winscard.SCardEndTransaction(this.handle, SCARD_DISPOSITIONS.EJECT);
    } catch (error) {
      // "Ejects the card if the reader has eject capabilities": other readers leave it where it is.
      if (!(error instanceof SmartCardError) || error.code !== "cant-dispose") throw error;
    }
  }

  /** Ends the connection, a lock with it, and the context that was opened for it. */
  close(disposition: SCARD_DISPOSITIONS): Promise<void> {
    return this.#call(async () => {
      checkDisposition(disposition);
      this.#closed = true;
      try {
        await this.#winscard.SCardDisconnect(this.handle, disposition);
      } finally {
        if (this.context !== undefined) await this.#winscard.SCardReleaseContext(this.context);
      }
    });
  }

  /**
   * Sends a command and returns the whole answer: with T=0 data and Le are sent apart, more than 255 bytes of data in ENVELOPE
   * commands, and 61xx and 6Cxx are followed up.
   *
   * @param alternateClass class byte of the commands that T=0 makes necessary
   * @param wait bounds the wait for the turn while another program has the card
   * @throws ComError as SCardTransmit; E_INVALIDARG for a class outside 0 to 255; SCARD_E_UNSUPPORTED_FEATURE for more than 255 bytes of data over T=0 to a card
   * that does not know ENVELOPE, SCARD_F_COMM_ERROR for a card that answers in a loop
   */
  transmit(command: CommandApdu, alternateClass?: number, wait: WaitOptions = {}): Promise<ResponseApdu> {
    const follow = this.#protocol === SCARD_PROTOCOL_T0;
    return this.#exchange(command, { follow, transportClass: alternateClass }, wait);
  }

  /** As {@link transmit}, and 61xx and 6Cxx are followed with every protocol. */
  exchange(command: CommandApdu, wait: WaitOptions = {}): Promise<ResponseApdu> {
    return this.#exchange(command, { follow: true }, wait);
  }

  #exchange(command: CommandApdu, how: Omit<ExchangeOptions, "protocol">, wait: WaitOptions): Promise<ResponseApdu> {
    const protocol = this.#protocol === SCARD_PROTOCOL_T0 ? "t0" : undefined;
    return this.#call(async () => {
      checkObject("command", command, "a CommandApdu");
      checkArray("command.data", memberOf("command", command, "data"));
      if (how.transportClass !== undefined) checkNumber("alternateClass", how.transportClass, 0, 0xff);
      const bounds = checkWait(wait, "transmit");
      const send = async (bytes: Uint8Array): Promise<Uint8Array> =>
        (await this.#winscard.SCardTransmit(this.handle, null, bytes, bounds)).response;
      return await exchangeCommand(command, send, { ...how, protocol });
    });
  }

  #call<T>(run: () => Promise<T>): Promise<T> {
    return translated(async () => {
      if (this.#closed) throw invalidHandle("the card was detached");
      return await run();
    });
  }
}

/** The share mode and the protocol of a connection, in the numbers of winscard.h. @throws E_INVALIDARG */
async function termsOf(
  winscard: WinSCardFunctions,
  handle: SCARDHANDLE,
  wait: WaitOptions,
): Promise<{ readonly shareMode: number; readonly protocol: number }> {
  if (typeof handle !== "number") throw badArgument("handle", handle, "give the handle of an open connection");
  try {
    if (winscard.connectionTerms !== undefined) return winscard.connectionTerms(handle);
    const { protocol } = await winscard.SCardStatus(handle, wait);
    return { shareMode: SCARD_SHARE_MODES.SHARED, protocol };
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    if (error.code === "invalid-handle") throw badArgument("handle", handle, "give the handle of an open connection");
    if (error.code !== "reset-card" && error.code !== "removed-card") throw error;
    return { shareMode: SCARD_SHARE_MODES.SHARED, protocol: 0 };
  }
}

/** @throws E_INVALIDARG for an invalid reader name */
function checkReaderName(name: string): void {
  checkText("readerName", name, "the name of a reader");
}

/** @throws E_INVALIDARG for an unknown share mode */
export function checkShareMode(shareMode: number): void {
  checkOneOf("shareMode", shareMode, SCARD_SHARE_MODES);
}

/** @throws E_INVALIDARG for an unknown disposition */
export function checkDisposition(disposition: number): void {
  checkOneOf("disposition", disposition, SCARD_DISPOSITIONS);
}

/** The failure of calls without an attached card. */
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
  throw badArgument("protocols", protocols, "give T0 1, T1 2, both 3, or RAW 255");
}

function translated<T>(run: () => Promise<T>): Promise<T> {
  return run().catch((error: unknown) => {
    throw comErrorFor(error);
  });
}
