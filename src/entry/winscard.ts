// SPDX-License-Identifier: MIT

/**
 * `scard/winscard`: the WinSCard API over the resource manager of this machine: the one that `SCARD_MANAGER` describes,
 * or else the system's own, pcscd, or `scard daemon` (`openManager` of `scard/machine`).
 *
 *     const { context } = await SCardEstablishContext(SCARD_SCOPE_USER);
 *     const { readers } = await SCardListReaders(context);
 *
 * For another manager pass it to SCardEstablishContext, or construct a {@link WinSCard} of your own.
 *
 * The smart card database is the user's file, with the system's below it (docs/guide/winscard.md). It is opened by the
 * first call that looks into it. Where the runtime has no SQLite, the functions that are about the database fail with
 * `unsupported-feature`, which says what to install, and all others work: readers have their own names then.
 */

import { basename } from "node:path";
import type { Database } from "../database/index.ts";
import { WinSCard as WinSCardFunctions, type WinSCardOptions } from "../faces/winscard/index.ts";
import { nodeRuntime } from "../platform/node/runtime/index.ts";
import { openDatabase } from "../platform/node/sqlite/index.ts";
import { type Scope, SmartCardError } from "../port/index.ts";
import { defaultManager } from "./machine.ts";

export type { WinSCard as WinSCardFunctions } from "../faces/winscard/index.ts";
export * from "../faces/winscard/index.ts";
export { SmartCardError } from "../port/index.ts";

/** The databases of this machine by owner, opened on first use. */
const databases = new Map<"user" | "system", Database | Promise<Database>>();

function database(scope: Scope): Database | Promise<Database> {
  const whose = scope === "system" ? "system" : "user";
  const known = databases.get(whose);
  if (known !== undefined) return known;
  const opening = openDatabase({ scope: whose }).then(
    (opened) => {
      databases.set(whose, opened);
      return opened;
    },
    (error: unknown) => {
      // A damaged or forbidden file may be repaired; a missing SQLite stays missing.
      const lasting = error instanceof SmartCardError && error.code === "unsupported-feature";
      if (!lasting) databases.delete(whose);
      throw error;
    },
  );
  databases.set(whose, opening);
  return opening;
}

/**
 * The WinSCard functions over one table of handles, for a manager, a database or a picker of your own. What is not given
 * of clock and randomness is this machine's: the numbers of contexts and cards are others in each thread and process.
 */
export class WinSCard extends WinSCardFunctions {
  constructor(options: WinSCardOptions) {
    const { clock, random } = nodeRuntime();
    super({ ...options, clock: options.clock ?? clock, random: options.random ?? random });
  }
}

const machine: WinSCard = new WinSCard({
  defaultManager,
  database,
  program: `${basename(process.argv[1] ?? process.execPath)} (pid ${process.pid})`,
});

/** Opens a context. See {@link WinSCard.SCardEstablishContext}. */
export const SCardEstablishContext: WinSCard["SCardEstablishContext"] = machine.SCardEstablishContext;
/** Closes a context and all its cards. See {@link WinSCard.SCardReleaseContext}. */
export const SCardReleaseContext: WinSCard["SCardReleaseContext"] = machine.SCardReleaseContext;
/** Resolves while calls in the context can succeed. See {@link WinSCard.SCardIsValidContext}. */
export const SCardIsValidContext: WinSCard["SCardIsValidContext"] = machine.SCardIsValidContext;
/** Names of the readers that are there. See {@link WinSCard.SCardListReaders}. */
export const SCardListReaders: WinSCard["SCardListReaders"] = machine.SCardListReaders;
/** Names of the reader groups. See {@link WinSCard.SCardListReaderGroups}. */
export const SCardListReaderGroups: WinSCard["SCardListReaderGroups"] = machine.SCardListReaderGroups;
/** Waits until a reader changes. See {@link WinSCard.SCardGetStatusChange}. */
export const SCardGetStatusChange: WinSCard["SCardGetStatusChange"] = machine.SCardGetStatusChange;
/** Ends all waits of a context. See {@link WinSCard.SCardCancel}. */
export const SCardCancel: WinSCard["SCardCancel"] = machine.SCardCancel;
/** Connects to a card or a reader. See {@link WinSCard.SCardConnect}. */
export const SCardConnect: WinSCard["SCardConnect"] = machine.SCardConnect;
/** Establishes a connection anew. See {@link WinSCard.SCardReconnect}. */
export const SCardReconnect: WinSCard["SCardReconnect"] = machine.SCardReconnect;
/** How a connection was made. See {@link WinSCard.connectionTerms}. */
export const connectionTerms: WinSCard["connectionTerms"] = (card) => machine.connectionTerms(card);
/** Ends a connection. See {@link WinSCard.SCardDisconnect}. */
export const SCardDisconnect: WinSCard["SCardDisconnect"] = machine.SCardDisconnect;
/** Begins a transaction. See {@link WinSCard.SCardBeginTransaction}. */
export const SCardBeginTransaction: WinSCard["SCardBeginTransaction"] = machine.SCardBeginTransaction;
/** Ends a transaction. See {@link WinSCard.SCardEndTransaction}. */
export const SCardEndTransaction: WinSCard["SCardEndTransaction"] = machine.SCardEndTransaction;
/** State of reader and card. See {@link WinSCard.SCardStatus}. */
export const SCardStatus: WinSCard["SCardStatus"] = machine.SCardStatus;
/** State of the card. See {@link WinSCard.SCardState}. */
export const SCardState: WinSCard["SCardState"] = machine.SCardState;
/** Sends a command to the card. See {@link WinSCard.SCardTransmit}. */
export const SCardTransmit: WinSCard["SCardTransmit"] = machine.SCardTransmit;
/** Sends a command to the reader. See {@link WinSCard.SCardControl}. */
export const SCardControl: WinSCard["SCardControl"] = machine.SCardControl;
/** Reads an attribute of the reader. See {@link WinSCard.SCardGetAttrib}. */
export const SCardGetAttrib: WinSCard["SCardGetAttrib"] = machine.SCardGetAttrib;
/** Sets an attribute of the reader. See {@link WinSCard.SCardSetAttrib}. */
export const SCardSetAttrib: WinSCard["SCardSetAttrib"] = machine.SCardSetAttrib;
/** Number of exchanges of the reader. See {@link WinSCard.SCardGetTransmitCount}. */
export const SCardGetTransmitCount: WinSCard["SCardGetTransmitCount"] = machine.SCardGetTransmitCount;
/** Ends the wait for a transaction. See {@link WinSCard.SCardCancelTransaction}. */
export const SCardCancelTransaction: WinSCard["SCardCancelTransaction"] = machine.SCardCancelTransaction;
/** Introduces a kind of card. See {@link WinSCard.SCardIntroduceCardType}. */
export const SCardIntroduceCardType: WinSCard["SCardIntroduceCardType"] = machine.SCardIntroduceCardType;
/** Forgets a kind of card. See {@link WinSCard.SCardForgetCardType}. */
export const SCardForgetCardType: WinSCard["SCardForgetCardType"] = machine.SCardForgetCardType;
/** Names a provider of a kind of card. See {@link WinSCard.SCardSetCardTypeProviderName}. */
export const SCardSetCardTypeProviderName: WinSCard["SCardSetCardTypeProviderName"] =
  machine.SCardSetCardTypeProviderName;
/** Name of a provider of a kind of card. See {@link WinSCard.SCardGetCardTypeProviderName}. */
export const SCardGetCardTypeProviderName: WinSCard["SCardGetCardTypeProviderName"] =
  machine.SCardGetCardTypeProviderName;
/** GUID of the primary provider of a kind of card. See {@link WinSCard.SCardGetProviderId}. */
export const SCardGetProviderId: WinSCard["SCardGetProviderId"] = machine.SCardGetProviderId;
/** GUIDs of the interfaces of a kind of card. See {@link WinSCard.SCardListInterfaces}. */
export const SCardListInterfaces: WinSCard["SCardListInterfaces"] = machine.SCardListInterfaces;
/** Names of the kinds of card that fit. See {@link WinSCard.SCardListCards}. */
export const SCardListCards: WinSCard["SCardListCards"] = machine.SCardListCards;
/** Gives a reader a further name. See {@link WinSCard.SCardIntroduceReader}. */
export const SCardIntroduceReader: WinSCard["SCardIntroduceReader"] = machine.SCardIntroduceReader;
/** Takes a name of a reader away. See {@link WinSCard.SCardForgetReader}. */
export const SCardForgetReader: WinSCard["SCardForgetReader"] = machine.SCardForgetReader;
/** Introduces a group of readers. See {@link WinSCard.SCardIntroduceReaderGroup}. */
export const SCardIntroduceReaderGroup: WinSCard["SCardIntroduceReaderGroup"] = machine.SCardIntroduceReaderGroup;
/** Ends a group of readers. See {@link WinSCard.SCardForgetReaderGroup}. */
export const SCardForgetReaderGroup: WinSCard["SCardForgetReaderGroup"] = machine.SCardForgetReaderGroup;
/** Puts a reader into a group. See {@link WinSCard.SCardAddReaderToGroup}. */
export const SCardAddReaderToGroup: WinSCard["SCardAddReaderToGroup"] = machine.SCardAddReaderToGroup;
/** Takes a reader out of a group. See {@link WinSCard.SCardRemoveReaderFromGroup}. */
export const SCardRemoveReaderFromGroup: WinSCard["SCardRemoveReaderFromGroup"] = machine.SCardRemoveReaderFromGroup;
/** Looks for cards by name. See {@link WinSCard.SCardLocateCards}. */
export const SCardLocateCards: WinSCard["SCardLocateCards"] = machine.SCardLocateCards;
/** Looks for cards by ATR. See {@link WinSCard.SCardLocateCardsByATR}. */
export const SCardLocateCardsByATR: WinSCard["SCardLocateCardsByATR"] = machine.SCardLocateCardsByATR;
/** Reads what was cached for a card. See {@link WinSCard.SCardReadCache}. */
export const SCardReadCache: WinSCard["SCardReadCache"] = machine.SCardReadCache;
/** Caches bytes for a card. See {@link WinSCard.SCardWriteCache}. */
export const SCardWriteCache: WinSCard["SCardWriteCache"] = machine.SCardWriteCache;
/** How a reader is attached. See {@link WinSCard.SCardGetDeviceTypeId}. */
export const SCardGetDeviceTypeId: WinSCard["SCardGetDeviceTypeId"] = machine.SCardGetDeviceTypeId;
/** Identifies a reader. See {@link WinSCard.SCardGetReaderDeviceInstanceId}. */
export const SCardGetReaderDeviceInstanceId: WinSCard["SCardGetReaderDeviceInstanceId"] =
  machine.SCardGetReaderDeviceInstanceId;
/** Names of the readers of a device. See {@link WinSCard.SCardListReadersWithDeviceInstanceId}. */
export const SCardListReadersWithDeviceInstanceId: WinSCard["SCardListReadersWithDeviceInstanceId"] =
  machine.SCardListReadersWithDeviceInstanceId;
/** A picture of a reader. See {@link WinSCard.SCardGetReaderIcon}. */
export const SCardGetReaderIcon: WinSCard["SCardGetReaderIcon"] = machine.SCardGetReaderIcon;
/** Gives the event of the manager's start. See {@link WinSCard.SCardAccessStartedEvent}. */
export const SCardAccessStartedEvent: WinSCard["SCardAccessStartedEvent"] = machine.SCardAccessStartedEvent;
/** Gives that event back. See {@link WinSCard.SCardReleaseStartedEvent}. */
export const SCardReleaseStartedEvent: WinSCard["SCardReleaseStartedEvent"] = machine.SCardReleaseStartedEvent;
/** Writes into the audit log. See {@link WinSCard.SCardAudit}. */
export const SCardAudit: WinSCard["SCardAudit"] = machine.SCardAudit;
/** Does nothing. See {@link WinSCard.SCardFreeMemory}. */
export const SCardFreeMemory: WinSCard["SCardFreeMemory"] = machine.SCardFreeMemory;
/** Finds the one card that fits, or lets the person choose. See {@link WinSCard.SCardUIDlgSelectCard}. */
export const SCardUIDlgSelectCard: WinSCard["SCardUIDlgSelectCard"] = machine.SCardUIDlgSelectCard;
/** The older form of SCardUIDlgSelectCard. See {@link WinSCard.GetOpenCardName}. */
export const GetOpenCardName: WinSCard["GetOpenCardName"] = machine.GetOpenCardName;
