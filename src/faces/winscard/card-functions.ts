// SPDX-License-Identifier: MIT

import {
  type Connection,
  cardStates,
  fromNumber,
  MAX_RESPONSE_BYTES,
  protocols,
  SmartCardError,
  shareModes,
  toNumber,
  type WaitOptions,
} from "../../port/index.ts";
import {
  dispositionOf,
  dword,
  initializationOf,
  preferredProtocolsOf,
  protocolNumber,
  shareModeOf,
  textOf,
  waitOf,
} from "./arguments.ts";
import type { SCARD_IO_REQUEST } from "./constants.ts";
import { ContextFunctions } from "./context-functions.ts";
import type { Foundation } from "./foundation.ts";
import type { HandleTable, SCARDCONTEXT, SCARDHANDLE } from "./handles.ts";
import { PendingBegins } from "./pending-begins.ts";
import { ReaderNaming } from "./reader-naming.ts";

/** Options of SCardTransmit that C does not have. */
export interface TransmitOptions extends WaitOptions {
  /** Room for the answer in bytes, SW1 SW2 included: 2 to 65,538; 65,538 by default. */
  readonly maxResponseBytes?: number;
}

/** State of a reader and the card in it, as SCardStatus returns it. */
export interface CardStatus {
  /** Names of the connected reader: one, or all that it was introduced under (SCardIntroduceReader). */
  readonly readerNames: string[];
  /** SCARD_UNKNOWN (0) to SCARD_SPECIFIC (6). */
  readonly state: number;
  /** SCARD_PROTOCOL_*; SCARD_PROTOCOL_UNDEFINED before one is agreed on. */
  readonly protocol: number;
  /** Empty without a card. */
  readonly atr: Uint8Array;
}

/**
 * The functions that work on a card: connecting, transactions, exchanges, attributes. Where a call has to wait until
 * another program's transaction ends, its last parameter limits the wait: `timeoutMs` (INFINITE: no limit, the default)
 * and `signal`.
 */
export class CardFunctions extends ContextFunctions {
  readonly #handles: HandleTable;
  readonly #naming: ReaderNaming;
  readonly #foundation: Foundation;
  readonly #begins = new PendingBegins();

  constructor(foundation: Foundation) {
    super(foundation);
    this.#foundation = foundation;
    this.#handles = foundation.handles;
    this.#naming = new ReaderNaming(foundation);
  }

  /**
   * Connects to the card in a reader, or to the reader itself. Waits while another connection is in a transaction.
   *
   * @param shareMode SCARD_SHARE_EXCLUSIVE, SCARD_SHARE_SHARED or SCARD_SHARE_DIRECT.
   * @param preferredProtocols mask of SCARD_PROTOCOL_*; may be 0 with SCARD_SHARE_DIRECT only.
   * @throws invalid-value (no such share mode), proto-mismatch (no protocol, or none that card and reader have),
   * unknown-reader, reader-unavailable, sharing-violation (`details.holder` names the other client), no-smartcard
   * or removed-card (the reader is empty), unresponsive-card (the card does not answer), not-ready, timeout,
   * cancelled, no-memory (a limit is reached), invalid-context
   * @see SCardConnect function (winscard.h), Microsoft
   *
   * **Portability**: on Windows a direct connection excludes all others; under pcsc-lite and macOS it coexists with
   * shared ones. An empty reader is `removed-card` on Windows, `no-smartcard` elsewhere.
   */
  readonly SCardConnect = async (
    context: SCARDCONTEXT,
    reader: string,
    shareMode: number,
    preferredProtocols: number,
    wait: WaitOptions = {},
  ): Promise<{ readonly card: SCARDHANDLE; readonly activeProtocol: number }> => {
    const opened = this.#handles.context(context);
    const mode = shareModeOf(shareMode, "connect");
    const options = {
      ...waitOf(wait.timeoutMs, wait.signal, "connect"),
      shareMode: mode,
      preferredProtocols: preferredProtocolsOf(preferredProtocols, mode, "connect"),
    };
    const name = textOf(reader, "reader", "connect");
    const resolving = this.#naming.resolveAll(opened, [name]);
    const [device = name] = resolving instanceof Promise ? await resolving : resolving;
    const connection = await opened.connect(device, options);
    const card = await this.#keep(context, connection);
    return { card, activeProtocol: protocolNumber(connection.protocol) };
  };

  /**
   * Re-establishes a connection: to change from direct to shared, or to continue after the card was reset or removed.
   *
   * @param shareMode as for SCardConnect.
   * @param preferredProtocols as for SCardConnect; should include the protocol in use.
   * @param initialization SCARD_LEAVE_CARD, SCARD_RESET_CARD or SCARD_UNPOWER_CARD.
   * @throws invalid-value (SCARD_EJECT_CARD too), and as SCardConnect
   * @see SCardReconnect function (winscard.h), Microsoft
   *
   * **Portability**: Windows ends the transactions of the connection, pcsc-lite keeps them.
   */
  readonly SCardReconnect = async (
    card: SCARDHANDLE,
    shareMode: number,
    preferredProtocols: number,
    initialization: number,
    wait: WaitOptions = {},
  ): Promise<{ readonly activeProtocol: number }> => {
    const connection = this.#handles.card(card);
    const mode = shareModeOf(shareMode, "reconnect");
    const protocol = await connection.reconnect({
      ...waitOf(wait.timeoutMs, wait.signal, "reconnect"),
      shareMode: mode,
      preferredProtocols: preferredProtocolsOf(preferredProtocols, mode, "reconnect"),
      initialization: initializationOf(initialization, "reconnect"),
    });
    return { activeProtocol: protocolNumber(protocol) };
  };

  /**
   * Ends a connection, and an open transaction with it. A program that ends without it has its card reset.
   *
   * @param disposition SCARD_LEAVE_CARD, SCARD_RESET_CARD, SCARD_UNPOWER_CARD or SCARD_EJECT_CARD.
   * @throws invalid-handle, invalid-value (the connection is as it was then), cant-dispose (the connection has ended)
   * @see SCardDisconnect function (winscard.h), Microsoft
   *
   * **Portability**: an eject that the reader cannot do is an error on Windows and ignored by pcsc-lite.
   */
  readonly SCardDisconnect = async (card: SCARDHANDLE, disposition: number): Promise<void> => {
    this.#handles.card(card);
    const then = dispositionOf(disposition, "disconnect");
    await this.#handles.removeCard(card).disconnect(then);
  };

  /**
   * Waits until every other transaction on the card has ended, and excludes other connections until
   * SCardEndTransaction. First come, first served; transactions of one connection nest.
   *
   * @throws reset-card (another reset the card: reconnect; no transaction was begun), removed-card,
   * reader-unavailable, timeout, cancelled, invalid-handle
   * @see SCardBeginTransaction function (winscard.h), Microsoft
   *
   * **Portability**: Windows resets the card and ends a transaction in which nothing happens for five seconds.
   */
  readonly SCardBeginTransaction = async (card: SCARDHANDLE, wait: WaitOptions = {}): Promise<void> => {
    const connection = this.#handles.card(card);
    const limit = waitOf(wait.timeoutMs, wait.signal, "begin transaction");
    await this.#begins.run(connection, limit, (cancellable) => connection.beginTransaction(cancellable));
  };

  /**
   * Ends the SCardBeginTransaction calls of a connection that still wait, with `cancelled`. A transaction that has
   * begun goes on. With nothing to end it does nothing.
   *
   * @throws invalid-handle, service-stopped
   *
   * **Portability**: winscard.h declares it and Microsoft has no page for it; pcsc-lite has removed it.
   */
  readonly SCardCancelTransaction = async (card: SCARDHANDLE): Promise<void> => {
    const connection = this.#handles.card(card);
    this.#begins.cancel(connection);
    await this.#foundation.checkServed(this.#handles.contextOf(card), "cancel transaction");
  };

  /**
   * Ends a transaction and lets the next one begin.
   *
   * @param disposition what happens to the card, as for SCardDisconnect.
   * @throws invalid-value (the transaction is as it was then), not-transacted, reset-card (the transaction has ended
   * all the same), removed-card, cant-dispose, invalid-handle
   * @see SCardEndTransaction function (winscard.h), Microsoft
   *
   * **Portability**: a reset done here makes the caller reconnect too under pcsc-lite.
   */
  readonly SCardEndTransaction = async (card: SCARDHANDLE, disposition: number): Promise<void> => {
    const connection = this.#handles.card(card);
    await connection.endTransaction(dispositionOf(disposition, "end transaction"));
  };

  /**
   * Returns the state of reader and card without changing them. Waits while another connection is in a transaction.
   *
   * @throws reset-card, removed-card, reader-unavailable, timeout, cancelled, invalid-handle
   * @see SCardStatus function (winscard.h), Microsoft
   *
   * **Portability**: the state is a number from 0 to 6 as on Windows; pcsc-lite and macOS have a bit mask.
   */
  readonly SCardStatus = async (card: SCARDHANDLE, wait: WaitOptions = {}): Promise<CardStatus> => {
    const connection = this.#handles.card(card);
    const opened = this.#handles.contextOf(card);
    const status = await connection.status(waitOf(wait.timeoutMs, wait.signal, "status"));
    return {
      readerNames: await this.#naming.namesOf(opened, status.reader),
      state: cardStates[status.state].windows,
      protocol: protocolNumber(status.protocol),
      atr: status.atr,
    };
  };

  /**
   * SCardStatus without the name of the reader, as older programs call it.
   *
   * @throws as SCardStatus
   */
  readonly SCardState = async (
    card: SCARDHANDLE,
    wait: WaitOptions = {},
  ): Promise<Pick<CardStatus, "state" | "protocol" | "atr">> => {
    const { state, protocol, atr } = await this.SCardStatus(card, wait);
    return { state, protocol, atr };
  };

  /**
   * Sends a command to the card and returns its answer, SW1 SW2 included. Waits while another connection is in a
   * transaction; `signal` and `timeoutMs` do not interrupt an exchange that has begun.
   *
   * @param sendPci SCARD_PCI_T0, SCARD_PCI_T1 or SCARD_PCI_RAW, of the protocol in use; null stands for that.
   * @param command T=0: CLA INS P1 P2 [P3 [data]], without P3 where there are no data; T=1: a whole APDU.
   * @throws proto-mismatch (another protocol is in use), insufficient-buffer (the answer is longer than
   * `maxResponseBytes`; the exchange has taken place), invalid-parameter (length of the command), reset-card,
   * removed-card, unresponsive-card, comm-error, waited-too-long, timeout, cancelled, invalid-handle
   * @see SCardTransmit function (winscard.h), Microsoft
   *
   * **Portability**: pcsc-lite takes no null for `sendPci`.
   */
  readonly SCardTransmit = async (
    card: SCARDHANDLE,
    sendPci: SCARD_IO_REQUEST | null,
    command: Uint8Array,
    options: TransmitOptions = {},
  ): Promise<{ readonly response: Uint8Array; readonly recvPci: SCARD_IO_REQUEST }> => {
    const connection = this.#handles.card(card);
    const maxResponseBytes = options.maxResponseBytes ?? MAX_RESPONSE_BYTES;
    if (!(maxResponseBytes >= 2)) throw insufficientBuffer("an answer has at least SW1 SW2, 2 bytes", connection);
    const protocol = sendPci === null ? undefined : fromNumber(protocols, dword(sendPci.protocol, "PCI", "transmit"));
    if (sendPci !== null && protocol === undefined) {
      const details = { reader: connection.reader, operation: "transmit" };
      throw new SmartCardError("proto-mismatch", `${sendPci.protocol} in the send PCI is not a protocol`, details);
    }
    const wait = waitOf(options.timeoutMs, options.signal, "transmit");
    const response = await connection.transmit(command, { ...wait, protocol });
    if (response.length > maxResponseBytes) {
      const room = `the answer has ${response.length} bytes, more than the ${maxResponseBytes} that there is room for`;
      throw insufficientBuffer(room, connection);
    }
    const recvPci = { protocol: protocolNumber(protocol ?? connection.protocol), pciLength: 8 };
    return { response, recvPci };
  };

  /**
   * Sends a command to the reader. Works with every share mode; waits while another connection is in a transaction.
   *
   * @param controlCode IOCTL_SMARTCARD_*, CM_IOCTL_GET_FEATURE_REQUEST, SCARD_CTL_CODE(n), or what the reader says.
   * @param input null stands for no bytes.
   * @throws unsupported-feature (the reader does not know the code), invalid-parameter (input that an IOCTL_SMARTCARD_ does
   * not take), timeout, cancelled, invalid-handle, invalid-value; an IOCTL_SMARTCARD_ that needs a card no-smartcard,
   * proto-mismatch, unresponsive-card
   * @see SCardControl function (winscard.h), Microsoft; docs/guide/winscard/direct-access.md (each IOCTL_SMARTCARD_)
   *
   * **Portability**: codes are 0x00310000 + 4 n as on Windows; those of pcsc-lite, 0x42000000 + n, are taken too, and always
   * go to the reader. pcscd and macOS know no IOCTL_SMARTCARD_.
   */
  readonly SCardControl = async (
    card: SCARDHANDLE,
    controlCode: number,
    input: Uint8Array | null,
    wait: WaitOptions = {},
  ): Promise<{ readonly output: Uint8Array }> => {
    const connection = this.#handles.card(card);
    const code = dword(controlCode, "control code", "control");
    const bounds = waitOf(wait.timeoutMs, wait.signal, "control");
    return { output: await connection.control(code, input ?? new Uint8Array(), bounds) };
  };

  /**
   * Reads an attribute of the reader.
   *
   * @param attrId SCARD_ATTR_*.
   * @throws not-supported (the reader has no such attribute), timeout, cancelled, invalid-handle, invalid-value
   * @see SCardGetAttrib function (winscard.h), Microsoft
   *
   * **Portability**: `rv` is ERROR_NOT_SUPPORTED (50) as on Windows; pcsc-lite has SCARD_E_UNSUPPORTED_FEATURE. Strings
   * end in a NUL under pcsc-lite.
   */
  readonly SCardGetAttrib = async (
    card: SCARDHANDLE,
    attrId: number,
    wait: WaitOptions = {},
  ): Promise<{ readonly attribute: Uint8Array }> => {
    const connection = this.#handles.card(card);
    const id = dword(attrId, "attribute", "get attribute");
    return { attribute: await connection.getAttribute(id, waitOf(wait.timeoutMs, wait.signal, "get attribute")) };
  };

  /**
   * Sets an attribute of the reader; few can be.
   *
   * @param attrId SCARD_ATTR_*.
   * @throws not-supported (it cannot be set), timeout, cancelled, invalid-handle, invalid-value
   * @see SCardSetAttrib function (winscard.h), Microsoft
   */
  readonly SCardSetAttrib = async (
    card: SCARDHANDLE,
    attrId: number,
    attribute: Uint8Array,
    wait: WaitOptions = {},
  ): Promise<void> => {
    const connection = this.#handles.card(card);
    const id = dword(attrId, "attribute", "set attribute");
    await connection.setAttribute(id, attribute, waitOf(wait.timeoutMs, wait.signal, "set attribute"));
  };

  /**
   * Number of exchanges that the reader has completed since it was attached.
   *
   * @throws invalid-handle
   * @see SCardGetTransmitCount function (winscard.h), Microsoft
   *
   * **Portability**: pcsc-lite and macOS have no such function.
   */
  readonly SCardGetTransmitCount = async (card: SCARDHANDLE): Promise<{ readonly transmitCount: number }> => {
    return { transmitCount: await this.#handles.card(card).transmitCount() };
  };

  /**
   * How a connection was made: its share mode, SCARD_SHARE_*, and the protocol that was agreed on, SCARD_PROTOCOL_*. It uses
   * neither the card nor the reader, so it does not wait, and also works after the card was reset.
   *
   * @throws invalid-handle
   *
   * **Portability**: this is ours. C has no function that returns the share mode of a handle.
   */
  connectionTerms(card: SCARDHANDLE): { readonly shareMode: number; readonly protocol: number } {
    const { protocol, shareMode } = this.#handles.card(card);
    return { shareMode: toNumber(shareModes, shareMode, "windows") ?? 0, protocol: protocolNumber(protocol) };
  }

  /** Enters a new connection into the table, or ends it if that fails: else it would never be ended. */
  async #keep(context: SCARDCONTEXT, connection: Connection): Promise<SCARDHANDLE> {
    try {
      return this.#handles.addCard(context, connection);
    } catch (error) {
      // If the context was released meanwhile, the connection has ended with it and fails.
      await connection.disconnect("leave").catch((failure: unknown) => {
        if (!(failure instanceof SmartCardError)) throw failure;
      });
      throw error;
    }
  }
}

function insufficientBuffer(message: string, connection: Connection): SmartCardError {
  return new SmartCardError("insufficient-buffer", message, { reader: connection.reader, operation: "transmit" });
}
