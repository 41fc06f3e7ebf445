// SPDX-License-Identifier: MIT

import { optional, optionsOf, SmartCardError, type WaitOptions } from "../../port/index.ts";
import { type CardPicker, ERROR_FILE_NOT_FOUND, SCARD_SCOPE_USER, SCARD_STATE_UNAWARE } from "../winscard/index.ts";
import { argument, cardPicker, checkFunction, checkText, checkWait, checkWinSCard } from "./arguments.ts";
import { CByteBuffer, type IByteBuffer } from "./byte-buffer.ts";
import { CSCard, type ISCard } from "./card.ts";
import type { ISCardManage } from "./card-manage.ts";
import { ComError, comErrorFor } from "./com-error.ts";
import { CSCardCmd, type ISCardCmd } from "./command.ts";
import { CSCardDatabase, type ISCardDatabase } from "./database.ts";
import { checkedGuid, clsids, type Guid } from "./guids.ts";
import { CSCardISO7816, type ISCardISO7816 } from "./iso7816-commands.ts";
import { CSCardLocate, type ISCardLocate } from "./locate.ts";
import { CSCardTypeConv, type ISCardTypeConv } from "./type-conv.ts";
import type { WinSCardFunctions } from "./winscard-functions.ts";

/** A service provider: makes the ISCardManage of its cards. Each call makes a new one, which is attached to nothing. */
export type ServiceProvider = (winscard: WinSCardFunctions) => ISCardManage;

/** Dependencies of a class factory. */
export interface ClassFactoryOptions {
  /** The resource manager's API; its database names the provider of each card type. */
  readonly winscard: WinSCardFunctions;
  /** The dialog of ISCardLocate; without one that of `winscard`. */
  readonly picker?: CardPicker;
}

const factoryOptions = optionsOf<ClassFactoryOptions>({
  winscard: (value) => {
    checkWinSCard(value);
    return value;
  },
  picker: optional(cardPicker) as never,
});

/** The base classes, and what an instance of each is. */
export interface BaseClasses {
  readonly CByteBuffer: IByteBuffer;
  readonly CSCardTypeConv: ISCardTypeConv;
  readonly CSCardCmd: ISCardCmd;
  readonly CSCardISO7816: ISCardISO7816;
  readonly CSCard: ISCard;
  readonly CSCardDatabase: ISCardDatabase;
  readonly CSCardLocate: ISCardLocate;
}

export type BaseClassId = (typeof clsids)[keyof BaseClasses];
export type InstanceOf<G> = {
  [K in keyof BaseClasses]: G extends (typeof clsids)[K] ? BaseClasses[K] : never;
}[keyof BaseClasses];

/**
 * Makes the objects of the service providers: what CoCreateInstance is on Windows, with a register of its own.
 *
 * ```ts
 * const factory = new ClassFactory({ winscard });
 * factory.register(myClassId, (winscard) => new CSCardManage(winscard, { verify: (card) => new MyVerify(card) }));
 * const manage = await factory.manageCardIn("My Reader");
 * ```
 */
export class ClassFactory {
  readonly #winscard: WinSCardFunctions;
  readonly #picker: CardPicker | undefined;
  readonly #providers = new Map<Guid, ServiceProvider>();

  constructor(options: ClassFactoryOptions) {
    const { picker, winscard } = argument(() =>
      factoryOptions(options, { operation: "ClassFactory", path: "options" }),
    );
    this.#winscard = winscard;
    this.#picker = picker;
  }

  /**
   * Registers a service provider under its class id, in place of an earlier one.
   *
   * @returns removes the registration, if it is still in force
   * @throws E_INVALIDARG (no GUID, or that of a base class)
   */
  register(classId: Guid, provider: ServiceProvider): () => void {
    const key = checkedGuid(classId, "classId");
    checkFunction("provider", provider, "a function that makes an ISCardManage");
    if ((Object.values(clsids) as Guid[]).includes(key))
      throw new ComError("E_INVALIDARG", `${key} is a base class; a provider has a class id of its own`);
    this.#providers.set(key, provider);
    return () => {
      if (this.#providers.get(key) === provider) this.#providers.delete(key);
    };
  }

  /**
   * Makes an object of a class: a base class, or a provider's, which gives its ISCardManage. An ISCard is made only
   * while the resource manager runs.
   *
   * @throws E_INVALIDARG (no GUID), REGDB_E_CLASSNOTREG (no such class), SCARD_E_NO_SERVICE
   */
  async createInstance<G extends BaseClassId>(classId: G): Promise<InstanceOf<G>>;
  async createInstance(classId: Guid): Promise<object>;
  async createInstance(classId: Guid): Promise<object> {
    const key = checkedGuid(classId, "classId");
    switch (key) {
      case clsids.CByteBuffer:
        return new CByteBuffer();
      case clsids.CSCardTypeConv:
        return new CSCardTypeConv();
      case clsids.CSCardCmd:
        return new CSCardCmd();
      case clsids.CSCardISO7816:
        return new CSCardISO7816();
      case clsids.CSCard:
        await this.#checkRunning();
        return new CSCard(this.#winscard);
      case clsids.CSCardDatabase:
        return new CSCardDatabase(this.#winscard);
      case clsids.CSCardLocate:
        return new CSCardLocate(this.#winscard, this.#picker);
      default:
        return this.#provider(key)(this.#winscard);
    }
  }

  /**
   * The ISCardManage of a type of card, from its primary service provider.
   *
   * @throws SCARD_E_UNKNOWN_CARD, SCARD_E_ICC_INSTALLATION (no provider is introduced for it), REGDB_E_CLASSNOTREG (it is
   * not registered here)
   */
  async createManage(cardName: string): Promise<ISCardManage> {
    checkText("cardName", cardName, "the name of a card type");
    return this.#provider(await this.#providerOf(cardName))(this.#winscard);
  }

  /**
   * The ISCardManage of the card in a reader, attached to it: the card's ATR names its types, and the first one with a
   * provider that is registered here gives it.
   *
   * @throws SCARD_E_NO_SMARTCARD, SCARD_E_UNKNOWN_CARD (no type fits its ATR), SCARD_E_ICC_INSTALLATION (none of them has
   * a provider), REGDB_E_CLASSNOTREG (none of these is registered here), and as ISCardManage.AttachByIFD
   */
  async manageCardIn(reader: string, wait: WaitOptions = {}): Promise<ISCardManage> {
    checkText("reader", reader, "the name of a reader");
    checkWait(wait, "attach");
    let failure: unknown;
    for (const cardName of await this.#cardsIn(reader)) {
      try {
        const manage = await this.createManage(cardName);
        await manage.AttachByIFD(reader, wait);
        return manage;
      } catch (error) {
        if (!isMissing(error)) throw error;
        failure ??= error;
      }
    }
    throw failure ?? new ComError(new SmartCardError("unknown-card", `no card type fits the card in "${reader}"`));
  }

  #provider(key: Guid): ServiceProvider {
    const provider = this.#providers.get(key);
    if (provider !== undefined) return provider;
    throw new ComError("REGDB_E_CLASSNOTREG", `no class ${key} is registered here`);
  }

  async #providerOf(cardName: string): Promise<Guid> {
    try {
      const { context } = await this.#winscard.SCardEstablishContext(SCARD_SCOPE_USER);
      try {
        return (await this.#winscard.SCardGetProviderId(context, cardName)).providerId;
      } finally {
        await this.#winscard.SCardReleaseContext(context);
      }
    } catch (error) {
      const isNone = error instanceof SmartCardError && error.rv === ERROR_FILE_NOT_FOUND;
      const message = `no service provider is introduced for "${cardName}"`;
      throw isNone ? new ComError(new SmartCardError("icc-installation", message)) : comErrorFor(error);
    }
  }

  /** Names of the card types that the card in a reader may be of. */
  async #cardsIn(reader: string): Promise<readonly string[]> {
    try {
      const { context } = await this.#winscard.SCardEstablishContext(SCARD_SCOPE_USER);
      try {
        const query = { reader, currentState: SCARD_STATE_UNAWARE };
        const { readerStates } = await this.#winscard.SCardGetStatusChange(context, 0, [query]);
        const [state] = readerStates;
        if (state === undefined || state.atr.length === 0)
          throw new SmartCardError("no-smartcard", `there is no card in "${reader}"`, { reader });
        return (await this.#winscard.SCardListCards(context, state.atr)).cards;
      } finally {
        await this.#winscard.SCardReleaseContext(context);
      }
    } catch (error) {
      throw comErrorFor(error);
    }
  }

  async #checkRunning(): Promise<void> {
    try {
      const { context } = await this.#winscard.SCardEstablishContext(SCARD_SCOPE_USER);
      await this.#winscard.SCardReleaseContext(context);
    } catch (error) {
      throw comErrorFor(error);
    }
  }
}

/** Whether a card type is only lacking its provider, so that another type may have one. */
function isMissing(error: unknown): boolean {
  if (!(error instanceof ComError)) return false;
  return error.hresultName === "REGDB_E_CLASSNOTREG" || error.hresultName === "SCARD_E_ICC_INSTALLATION";
}
