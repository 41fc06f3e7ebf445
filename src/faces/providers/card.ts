// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import { decodeCommand } from "../../base/iso7816/index.ts";
import type { WaitOptions } from "../../port/index.ts";
import type { SCARDCONTEXT, SCARDHANDLE } from "../winscard/index.ts";
import { badArgument, badPointer, checkWinSCard, hasMethods } from "./arguments.ts";
import { Attachment } from "./attachment.ts";
import { CByteBuffer, contentOf, type IByteBuffer } from "./byte-buffer.ts";
import { CardLink, checkDisposition, type LinkStatus } from "./card-link.ts";
import { ComError } from "./com-error.ts";
import type { ISCardCmd } from "./command.ts";
import { SCARD_DISPOSITIONS, SCARD_PROTOCOLS, SCARD_SHARE_MODES, type SCARD_STATES } from "./enumerations.ts";
import type { WinSCardFunctions } from "./winscard-functions.ts";

/**
 * One connection to a card. Attach, send commands, detach; what fails below comes as its SCARD_ code. Before it is
 * attached, and after it was detached, methods fail with SCARD_E_INVALID_HANDLE.
 *
 * @see ISCard, Microsoft
 */
export interface ISCard extends AsyncDisposable {
  /** ATR of the card. @throws as SCardStatus */
  readonly Atr: Promise<IByteBuffer>;
  /** Handle of the connection, or null. */
  readonly CardHandle: SCARDHANDLE | null;
  /** The context that AttachByReader has opened, or null. */
  readonly Context: SCARDCONTEXT | null;
  /** The protocol in use. */
  readonly Protocol: SCARD_PROTOCOLS;
  /** State of reader and card. @throws as SCardStatus */
  readonly Status: Promise<SCARD_STATES>;
  /**
   * Takes over an open connection, with its share mode and its protocol. Detach ends it. The card may
   * have been reset meanwhile: ReAttach goes on then.
   *
   * @throws E_INVALIDARG (not the handle of an open connection), E_UNEXPECTED (attached already)
   */
  AttachByHandle(card: SCARDHANDLE, wait?: WaitOptions): Promise<void>;
  /**
   * Connects to the card in a reader.
   *
   * @throws E_INVALIDARG, E_UNEXPECTED (attached already), and as SCardConnect
   */
  AttachByReader(
    readerName: string,
    shareMode?: SCARD_SHARE_MODES,
    preferredProtocols?: SCARD_PROTOCOLS,
    wait?: WaitOptions,
  ): Promise<void>;
  /** Ends the connection, and the exclusive access with it. @throws E_INVALIDARG (nothing has changed then) */
  Detach(disposition?: SCARD_DISPOSITIONS): Promise<void>;
  /** Waits for exclusive access. First come, first served; calls nest. @throws as SCardBeginTransaction */
  LockSCard(wait?: WaitOptions): Promise<void>;
  /**
   * Connects anew, and does to the card what `initState` says. The protocol stays the one in use.
   *
   * @param initState EJECT moves the card out if the reader can, and leaves it in otherwise
   * @throws E_INVALIDARG, and as SCardReconnect
   */
  ReAttach(shareMode?: SCARD_SHARE_MODES, initState?: SCARD_DISPOSITIONS, wait?: WaitOptions): Promise<void>;
  /**
   * Sends a command and puts the answer into it. An error status word is an answer like any other.
   *
   * With T=0 data and Le are sent apart and GET RESPONSE follows by itself, in the command's class or, where it has one,
   * its alternate class; so do the ENVELOPE commands that carry more than 255 bytes of data.
   *
   * @param wait bounds the wait for the turn while another program has the card locked
   * @throws E_POINTER (no command), E_INVALIDARG (none was built, or it has a node address: no resource manager can send
   * to one), and as SCardTransmit
   */
  Transaction(cmd: ISCardCmd, wait?: WaitOptions): Promise<ISCardCmd>;
  /** Gives exclusive access back. @throws E_INVALIDARG (it goes on then), SCARD_E_NOT_TRANSACTED, and as SCardEndTransaction */
  UnlockSCard(disposition?: SCARD_DISPOSITIONS): Promise<void>;
}

/** The base provider's card. */
export class CSCard implements ISCard {
  readonly #winscard: WinSCardFunctions;
  readonly #attachment = new Attachment("AttachByReader or AttachByHandle");

  constructor(winscard: WinSCardFunctions) {
    checkWinSCard(winscard);
    this.#winscard = winscard;
  }

  get Atr(): Promise<IByteBuffer> {
    return this.#status().then(({ atr }) => CByteBuffer.of(atr));
  }

  get CardHandle(): SCARDHANDLE | null {
    return this.#attachment.current?.handle ?? null;
  }

  get Context(): SCARDCONTEXT | null {
    return this.#attachment.current?.context ?? null;
  }

  get Protocol(): SCARD_PROTOCOLS {
    return this.#attachment.link.protocol;
  }

  get Status(): Promise<SCARD_STATES> {
    return this.#status().then(({ state }) => state);
  }

  async AttachByHandle(card: SCARDHANDLE, wait: WaitOptions = {}): Promise<void> {
    await this.#attachment.attach(() => CardLink.toHandle(this.#winscard, card, wait));
  }

  async AttachByReader(
    readerName: string,
    shareMode: SCARD_SHARE_MODES = SCARD_SHARE_MODES.EXCLUSIVE,
    preferredProtocols: SCARD_PROTOCOLS = SCARD_PROTOCOLS.T0,
    wait: WaitOptions = {},
  ): Promise<void> {
    await this.#attachment.attach(() =>
      CardLink.toReader(this.#winscard, readerName, shareMode, preferredProtocols, wait),
    );
  }

  async Detach(disposition: SCARD_DISPOSITIONS = SCARD_DISPOSITIONS.LEAVE): Promise<void> {
    await this.#attachment.detach(disposition);
  }

  async LockSCard(wait: WaitOptions = {}): Promise<void> {
    await this.#attachment.link.lock(wait);
  }

  async ReAttach(
    shareMode: SCARD_SHARE_MODES = SCARD_SHARE_MODES.EXCLUSIVE,
    initState: SCARD_DISPOSITIONS = SCARD_DISPOSITIONS.LEAVE,
    wait: WaitOptions = {},
  ): Promise<void> {
    await this.#attachment.link.reconnect(initState, wait, shareMode);
  }

  async Transaction(cmd: ISCardCmd, wait: WaitOptions = {}): Promise<ISCardCmd> {
    const link = this.#attachment.link;
    if (!hasMethods(cmd, "BuildCmd")) throw badPointer("cmd", cmd, "pass an ISCardCmd with a command in it");
    if (cmd.Nad !== 0)
      throw badArgument("cmd.Nad", cmd.Nad, "no resource manager can send to a node address, so leave it 0");
    const apdu = contentOf(cmd.Apdu, "APDU");
    const command = decodeCommand(apdu);
    zeroBytes(apdu);
    if (!command.ok) throw new ComError("E_INVALIDARG", "cmd has no command; build one first");
    try {
      const response = await link.transmit(command.value, alternateClassOf(cmd), wait);
      cmd.ApduReply = response.data;
      cmd.ReplyStatus = response.sw;
      return cmd;
    } finally {
      // It may hold a PIN.
      zeroBytes(command.value.data);
    }
  }

  async UnlockSCard(disposition: SCARD_DISPOSITIONS = SCARD_DISPOSITIONS.LEAVE): Promise<void> {
    const link = this.#attachment.link;
    checkDisposition(disposition);
    await link.unlock(disposition);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#attachment.current !== undefined) await this.Detach();
  }

  /** Rejects where there is no card, as all that is a promise does. */
  async #status(): Promise<LinkStatus> {
    return await this.#attachment.link.status();
  }
}

function alternateClassOf(cmd: ISCardCmd): number | undefined {
  try {
    return cmd.AlternateClassId;
  } catch (error) {
    if (error instanceof ComError && error.hresultName === "E_ACCESSDENIED") return undefined;
    throw error;
  }
}
