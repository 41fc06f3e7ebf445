// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../port/index.ts";
import { SCARD_ALL_READERS, SCARD_PROVIDER_PRIMARY } from "../winscard/index.ts";
import { checkNumber, checkText, checkWinSCard, listFrom } from "./arguments.ts";
import { type ByteSource, contentOf } from "./byte-buffer.ts";
import { comErrorFor } from "./com-error.ts";
import { checkedGuid, type Guid } from "./guids.ts";
import type { WinSCardFunctions } from "./winscard-functions.ts";

/**
 * Queries of the smart card database. It is read-only: card types are introduced with the functions of WinSCard.
 *
 * `localeId` is a language; names are the same in every one. An invalid name, GUID or language gives E_INVALIDARG.
 *
 * @see ISCardDatabase, Microsoft
 */
export interface ISCardDatabase {
  /** The primary service provider of a card type. @throws SCARD_E_UNKNOWN_CARD, ERROR_FILE_NOT_FOUND (it has no such provider) */
  GetProviderCardId(cardName: string): Promise<Guid>;
  /** The interfaces of a card type. @throws SCARD_E_UNKNOWN_CARD */
  ListCardInterfaces(cardName: string): Promise<Guid[]>;
  /** The card types that an ATR fits, or that have all of the interfaces, or both; all where neither is given. */
  ListCards(atr?: ByteSource | null, interfaceGuids?: readonly Guid[] | null, localeId?: number): Promise<string[]>;
  /** The reader groups. */
  ListReaderGroups(localeId?: number): Promise<string[]>;
  /** The readers of all groups; may be empty. */
  ListReaders(localeId?: number): Promise<string[]>;
}

/** The base provider's view of the database. */
export class CSCardDatabase implements ISCardDatabase {
  readonly #winscard: WinSCardFunctions;

  constructor(winscard: WinSCardFunctions) {
    checkWinSCard(winscard);
    this.#winscard = winscard;
  }

  async GetProviderCardId(cardName: string): Promise<Guid> {
    checkName(cardName);
    const ask = this.#winscard.SCardGetCardTypeProviderName(null, cardName, SCARD_PROVIDER_PRIMARY);
    return (await ask.catch(fail)).provider;
  }

  async ListCardInterfaces(cardName: string): Promise<Guid[]> {
    checkName(cardName);
    return (await this.#winscard.SCardListInterfaces(null, cardName).catch(fail)).interfaces;
  }

  async ListCards(
    atr: ByteSource | null = null,
    interfaceGuids: readonly Guid[] | null = null,
    localeId = 0,
  ): Promise<string[]> {
    checkLocale(localeId);
    const bytes = atr === null ? null : contentOf(atr, "atr");
    const listed =
      interfaceGuids === null ? null : listFrom("interfaceGuids", interfaceGuids, "pass an array of GUIDs, or null");
    const guids = listed?.map((guid) => checkedGuid(guid as Guid, "interfaceGuids")) ?? null;
    return (await this.#winscard.SCardListCards(null, bytes, guids).catch(fail)).cards;
  }

  async ListReaderGroups(localeId = 0): Promise<string[]> {
    checkLocale(localeId);
    return (await this.#winscard.SCardListReaderGroups(null).catch(fail)).groups;
  }

  async ListReaders(localeId = 0): Promise<string[]> {
    checkLocale(localeId);
    const ask = this.#winscard.SCardListReaders(null, SCARD_ALL_READERS).catch((error: unknown) => {
      if (error instanceof SmartCardError && error.code === "no-readers-available") return { readers: [] };
      return fail(error);
    });
    return (await ask).readers;
  }
}

function checkName(name: string): void {
  checkText("cardName", name, "the name of a card type");
}

function checkLocale(localeId: number): void {
  checkNumber("localeId", localeId, 0, 0x7fff_ffff);
}

function fail(error: unknown): never {
  throw comErrorFor(error);
}
