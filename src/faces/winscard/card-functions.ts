// SPDX-License-Identifier: MIT

import { type Connection, cardStates, SmartCardError, type WaitOptions } from "../../port/index.ts";
import {
  dispositionOf,
  initializationOf,
  preferredProtocolsOf,
  protocolNumber,
  shareModeOf,
  textOf,
  waitOf,
} from "./arguments.ts";
import type { Foundation } from "./foundation.ts";
import type { HandleTable, SCARDCONTEXT, SCARDHANDLE } from "./handles.ts";
import { PendingBegins } from "./pending-begins.ts";
import { ReaderNaming } from "./reader-naming.ts";

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
export function cardFunctions(foundation: Foundation) {
  const { handles } = foundation;
  const naming = new ReaderNaming(foundation);
  const begins = new PendingBegins();

  const functions = {
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
    SCardConnect: async (
      context: SCARDCONTEXT,
      reader: string,
      shareMode: number,
      preferredProtocols: number,
      wait: WaitOptions = {},
    ): Promise<{ readonly card: SCARDHANDLE; readonly activeProtocol: number }> => {
      const opened = handles.context(context);
      const mode = shareModeOf(shareMode, "connect");
      const options = {
        ...waitOf(wait.timeoutMs, wait.signal, "connect"),
        shareMode: mode,
        preferredProtocols: preferredProtocolsOf(preferredProtocols, mode, "connect"),
      };
      const name = textOf(reader, "reader", "connect");
      const resolving = naming.resolveAll(opened, [name]);
      const [device = name] = resolving instanceof Promise ? await resolving : resolving;
      const connection = await opened.connect(device, options);
      const card = await keep(handles, context, connection);
      return { card, activeProtocol: protocolNumber(connection.protocol) };
    },

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
    SCardReconnect: async (
      card: SCARDHANDLE,
      shareMode: number,
      preferredProtocols: number,
      initialization: number,
      wait: WaitOptions = {},
    ): Promise<{ readonly activeProtocol: number }> => {
      const connection = handles.card(card);
      const mode = shareModeOf(shareMode, "reconnect");
      const protocol = await connection.reconnect({
        ...waitOf(wait.timeoutMs, wait.signal, "reconnect"),
        shareMode: mode,
        preferredProtocols: preferredProtocolsOf(preferredProtocols, mode, "reconnect"),
        initialization: initializationOf(initialization, "reconnect"),
      });
      return { activeProtocol: protocolNumber(protocol) };
    },

    /**
     * Ends a connection, and an open transaction with it. A program that ends without it has its card reset.
     *
     * @param disposition SCARD_LEAVE_CARD, SCARD_RESET_CARD, SCARD_UNPOWER_CARD or SCARD_EJECT_CARD.
     * @throws invalid-handle, invalid-value (the connection is as it was then), cant-dispose (the connection has ended)
     * @see SCardDisconnect function (winscard.h), Microsoft
     *
     * **Portability**: an eject that the reader cannot do is an error on Windows and ignored by pcsc-lite.
     */
    SCardDisconnect: async (card: SCARDHANDLE, disposition: number): Promise<void> => {
      handles.card(card);
      const then = dispositionOf(disposition, "disconnect");
      await handles.removeCard(card).disconnect(then);
    },

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
    SCardBeginTransaction: async (card: SCARDHANDLE, wait: WaitOptions = {}): Promise<void> => {
      const connection = handles.card(card);
      const limit = waitOf(wait.timeoutMs, wait.signal, "begin transaction");
      await begins.run(connection, limit, (cancellable) => connection.beginTransaction(cancellable));
    },

    /**
     * Ends the SCardBeginTransaction calls of a connection that still wait, with `cancelled`. A transaction that has
     * begun goes on. With nothing to end it does nothing.
     *
     * @throws invalid-handle, service-stopped
     *
     * **Portability**: winscard.h declares it and Microsoft has no page for it; pcsc-lite has removed it.
     */
    SCardCancelTransaction: async (card: SCARDHANDLE): Promise<void> => {
      const connection = handles.card(card);
      begins.cancel(connection);
      await foundation.checkServed(handles.contextOf(card), "cancel transaction");
    },

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
    SCardEndTransaction: async (card: SCARDHANDLE, disposition: number): Promise<void> => {
      const connection = handles.card(card);
      await connection.endTransaction(dispositionOf(disposition, "end transaction"));
    },

    /**
     * Returns the state of reader and card without changing them. Waits while another connection is in a transaction.
     *
     * @throws reset-card, removed-card, reader-unavailable, timeout, cancelled, invalid-handle
     * @see SCardStatus function (winscard.h), Microsoft
     *
     * **Portability**: the state is a number from 0 to 6 as on Windows; pcsc-lite and macOS have a bit mask.
     */
    SCardStatus: async (card: SCARDHANDLE, wait: WaitOptions = {}): Promise<CardStatus> => {
      const connection = handles.card(card);
      const opened = handles.contextOf(card);
      const status = await connection.status(waitOf(wait.timeoutMs, wait.signal, "status"));
      return {
        readerNames: await naming.namesOf(opened, status.reader),
        state: cardStates[status.state].windows,
        protocol: protocolNumber(status.protocol),
        atr: status.atr,
      };
    },

    /**
     * SCardStatus without the name of the reader, as older programs call it.
     *
     * @throws as SCardStatus
     */
    SCardState: async (
      card: SCARDHANDLE,
      wait: WaitOptions = {},
    ): Promise<Pick<CardStatus, "state" | "protocol" | "atr">> => {
      const { state, protocol, atr } = await functions.SCardStatus(card, wait);
      return { state, protocol, atr };
    },
  };
  return functions;
}

export type CardFunctions = Readonly<ReturnType<typeof cardFunctions>>;

/** Enters a new connection into the table, or ends it if that fails: else it would never be ended. */
async function keep(handles: HandleTable, context: SCARDCONTEXT, connection: Connection): Promise<SCARDHANDLE> {
  try {
    return handles.addCard(context, connection);
  } catch (error) {
    // If the context was released meanwhile, the connection has ended with it and fails.
    await connection.disconnect("leave").catch((failure: unknown) => {
      if (!(failure instanceof SmartCardError)) throw failure;
    });
    throw error;
  }
}
