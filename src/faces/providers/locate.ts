// SPDX-License-Identifier: MIT

import { SmartCardError, type WaitOptions } from "../../port/index.ts";
import { type CardPicker, SCARD_SCOPE_USER, type SCARDCONTEXT, type SCARDHANDLE } from "../winscard/index.ts";
import { badArgument, checkOneOf, checkPicker, checkText, checkWait, checkWinSCard, listFrom } from "./arguments.ts";
import { checkShareMode, providerProtocol, winscardProtocols } from "./card-link.ts";
import { ComError, comErrorFor } from "./com-error.ts";
import { SC_DLG, type SCARD_PROTOCOLS, type SCARD_SHARE_MODES } from "./enumerations.ts";
import { checkedGuid, type Guid } from "./guids.ts";
import type { WinSCardFunctions } from "./winscard-functions.ts";

/** The card that was found, connected: `ISCard.AttachByHandle(hCard)` takes it over. */
export interface SCARDINFO {
  readonly hCard: SCARDHANDLE;
  /** The context that was opened for it; it is released when the card is. */
  readonly hContext: SCARDCONTEXT;
  readonly ActiveProtocol: SCARD_PROTOCOLS;
  readonly ShareMode: SCARD_SHARE_MODES;
}

/**
 * Finds a card of a given type, with the dialog where that is needed, and connects to it: configure a search, then find.
 *
 * @see ISCardLocate, Microsoft
 */
export interface ISCardLocate {
  /**
   * Says which interfaces the card must have.
   *
   * **Portability**: "reserved for future use" on Windows.
   */
  ConfigureCardGuidSearch(
    cardGuids: readonly Guid[],
    groupNames?: readonly string[] | null,
    title?: string | null,
    flags?: SC_DLG,
  ): void;
  /**
   * Says which card types to look for, in which reader groups, and how the dialog is entitled.
   *
   * @param flags when there is a dialog; FindCard can say otherwise
   * @throws E_POINTER, E_INVALIDARG
   */
  ConfigureCardNameSearch(
    cardNames: readonly string[],
    groupNames?: readonly string[] | null,
    title?: string | null,
    flags?: SC_DLG,
  ): void;
  /**
   * Finds the card and connects to it.
   *
   * @throws E_UNEXPECTED (no search was configured), E_INVALIDARG, and as SCardUIDlgSelectCard: SCARD_W_CANCELLED_BY_USER,
   * SCARD_E_NO_SMARTCARD, SCARD_E_UNKNOWN_CARD, …
   */
  FindCard(
    shareMode: SCARD_SHARE_MODES,
    protocols: SCARD_PROTOCOLS,
    flags?: SC_DLG,
    wait?: Pick<WaitOptions, "signal">,
  ): Promise<SCARDINFO>;
}

interface Search {
  readonly cardNames: readonly string[];
  readonly interfaces: readonly Guid[];
  readonly groupNames: readonly string[] | null;
  readonly title: string;
  readonly flags: SC_DLG;
}

/** The base provider's search. */
export class CSCardLocate implements ISCardLocate {
  readonly #winscard: WinSCardFunctions;
  readonly #picker: CardPicker | undefined;
  #search: Search | undefined;

  /** @param picker the dialog; without one that of `winscard` */
  constructor(winscard: WinSCardFunctions, picker?: CardPicker) {
    checkWinSCard(winscard);
    if (picker !== undefined) checkPicker(picker);
    this.#winscard = winscard;
    this.#picker = picker;
  }

  ConfigureCardGuidSearch(
    cardGuids: readonly Guid[],
    groupNames: readonly string[] | null = null,
    title: string | null = "",
    flags: SC_DLG = SC_DLG.MINIMAL_UI,
  ): void {
    const interfaces = textsOf("cardGuids", cardGuids).map((guid) => checkedGuid(guid, "cardGuids"));
    this.#configure({ cardNames: [], interfaces, groupNames, title: title ?? "", flags });
  }

  ConfigureCardNameSearch(
    cardNames: readonly string[],
    groupNames: readonly string[] | null = null,
    title: string | null = "",
    flags: SC_DLG = SC_DLG.MINIMAL_UI,
  ): void {
    this.#configure({
      cardNames: textsOf("cardNames", cardNames),
      interfaces: [],
      groupNames,
      title: title ?? "",
      flags,
    });
  }

  async FindCard(
    shareMode: SCARD_SHARE_MODES,
    protocols: SCARD_PROTOCOLS,
    flags?: SC_DLG,
    wait: Pick<WaitOptions, "signal"> = {},
  ): Promise<SCARDINFO> {
    const search = this.#search;
    if (search === undefined) throw new ComError("E_UNEXPECTED", "call ConfigureCardNameSearch first");
    checkShareMode(shareMode);
    const preferredProtocols = winscardProtocols(protocols);
    if (flags !== undefined) checkFlags(flags);
    const bounds = checkWait(wait, "find card");
    try {
      return await this.#find(search, { shareMode, preferredProtocols }, flags ?? search.flags, bounds);
    } catch (error) {
      throw comErrorFor(error);
    }
  }

  async #find(
    { cardNames, groupNames, interfaces, title }: Search,
    how: { readonly shareMode: SCARD_SHARE_MODES; readonly preferredProtocols: number },
    flags: SC_DLG,
    { signal }: Pick<WaitOptions, "signal">,
  ): Promise<SCARDINFO> {
    const { context } = await this.#winscard.SCardEstablishContext(SCARD_SCOPE_USER);
    try {
      const searchCriteria = { cardNames, groupNames, interfaces: interfaces.length === 0 ? null : interfaces };
      const dialog = { ...how, context, flags, searchCriteria, ...(title === "" ? {} : { title }) };
      const picker = this.#picker;
      const options = { ...(signal && { signal }), ...(picker && { picker }) };
      const { activeProtocol, cardHandle } = await this.#winscard.SCardUIDlgSelectCard(dialog, options);
      if (cardHandle === null) throw new SmartCardError("not-ready", "the card was found and not connected");
      const { shareMode } = how;
      return {
        hCard: cardHandle,
        hContext: context,
        ActiveProtocol: providerProtocol(activeProtocol),
        ShareMode: shareMode,
      };
    } catch (error) {
      await this.#winscard.SCardReleaseContext(context);
      throw error;
    }
  }

  #configure(search: Search): void {
    const groupNames = search.groupNames === null ? null : textsOf("groupNames", search.groupNames);
    if (typeof search.title !== "string") throw badArgument("title", search.title, "give a text");
    checkFlags(search.flags);
    this.#search = { ...search, groupNames };
  }
}

function textsOf(name: string, texts: readonly string[]): readonly string[] {
  const listed = listFrom(name, texts, "pass an array of texts");
  for (const [index, text] of listed.entries()) checkText(`${name}[${index}]`, text, "a name");
  return listed as readonly string[];
}

function checkFlags(flags: number): void {
  checkOneOf("flags", flags, SC_DLG);
}
