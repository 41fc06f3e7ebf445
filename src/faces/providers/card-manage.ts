// SPDX-License-Identifier: MIT

import { SmartCardError, type WaitOptions } from "../../port/index.ts";
import type { SCARDHANDLE } from "../winscard/index.ts";
import { badArgument, checkFunction, checkObject, checkText, checkWinSCard, memberOf } from "./arguments.ts";
import { Attachment } from "./attachment.ts";
import type { ISCardAuth } from "./card-auth.ts";
import { CardLink, checkDisposition } from "./card-link.ts";
import type { ISCardVerify } from "./card-verify.ts";
import { ComError } from "./com-error.ts";
import { SCARD_DISPOSITIONS, SCARD_PROTOCOLS, SCARD_SHARE_MODES, type SCARD_STATES } from "./enumerations.ts";
import type { ISCardFileAccess } from "./file-access.ts";
import { checkedGuid, type Guid } from "./guids.ts";
import type { WinSCardFunctions } from "./winscard-functions.ts";

/**
 * What a card's primary service provider offers: attach to a card, create the interfaces to it, lock it. One object has
 * one attachment at a time. The order is: create, attach, create interfaces, use them, detach.
 *
 * Before it is attached, and after it was detached, methods fail with SCARD_E_INVALID_HANDLE, and those that create
 * interfaces with SCARD_E_ICC_CREATEORDER. Interfaces end with the attachment that they were created for.
 *
 * @see ISCardManage, Microsoft
 */
export interface ISCardManage extends AsyncDisposable {
  /**
   * Takes over an open connection, with its share mode and its protocol. Detach ends it. The card may
   * have been reset meanwhile: Reconnect goes on then.
   *
   * @throws E_INVALIDARG (not the handle of an open connection), E_UNEXPECTED (attached already)
   */
  AttachByHandle(icc: SCARDHANDLE, wait?: WaitOptions): Promise<void>;
  /**
   * Connects to the card in a reader, in shared mode, with T=0 or T=1.
   *
   * @throws E_INVALIDARG, E_UNEXPECTED (attached already), and as SCardConnect
   */
  AttachByIFD(ifdName: string, wait?: WaitOptions): Promise<void>;
  /** @throws SCARD_E_ICC_CREATEORDER, SCARD_E_UNSUPPORTED_FEATURE (the card has no such interface) */
  CreateCardAuth(): ISCardAuth;
  /** @throws SCARD_E_ICC_CREATEORDER, SCARD_E_UNSUPPORTED_FEATURE (the card has no such interface) */
  CreateCHVerification(): ISCardVerify;
  /** @throws SCARD_E_ICC_CREATEORDER, SCARD_E_UNSUPPORTED_FEATURE (the card has no such interface) */
  CreateFileAccess(): ISCardFileAccess;
  /**
   * Any other interface of the card, by its GUID or, where that is null, by its name.
   *
   * @param userData handed to the provider as it is
   * @throws E_INVALIDARG (neither GUID nor name), E_NOINTERFACE (no such interface), SCARD_E_ICC_CREATEORDER
   */
  CreateInterface(guidInterface: Guid | null, name?: string | null, userData?: unknown): object;
  /** Ends the attachment, and the lock with it; the card is left as it is. @throws as SCardDisconnect */
  Detach(): Promise<void>;
  /**
   * Reconnects in the same share mode without resetting the card: needed after another program has reset it.
   *
   * @throws as SCardReconnect
   */
  Reconnect(wait?: WaitOptions): Promise<void>;
  /**
   * Waits for exclusive use of the card, and excludes other programs until SCardUnlock. First come, first
   * served. Calls nest: as many unlocks are needed as there were locks.
   *
   * @param wait a deadline and a signal; without them it waits without a limit. A deadline that passes gives
   * SCARD_E_TIMEOUT, whose message and `cause.details.holder` name the holder.
   * @throws as SCardBeginTransaction: SCARD_W_RESET_CARD, SCARD_W_REMOVED_CARD, SCARD_E_CANCELLED, …
   * @see ISCardManage::SCardLock, Microsoft
   */
  SCardLock(wait?: WaitOptions): Promise<void>;
  /**
   * Ends the last lock. The outermost unlock performs the strongest disposition of this and the inner unlocks (LEAVE, RESET,
   * UNPOWER, EJECT, in this order); then the next waiting program gets the card.
   *
   * @throws E_INVALIDARG for an unknown disposition: the lock does not change; SCARD_E_NOT_TRANSACTED where there is no
   * lock; SCARD_W_RESET_CARD, SCARD_W_REMOVED_CARD: the lock is gone all the same
   * @see ISCardManage::SCardUnlock, Microsoft
   */
  SCardUnlock(disposition?: SCARD_DISPOSITIONS): Promise<void>;
  /** State of reader and card, and the protocol in use. @throws as SCardStatus */
  Status(wait?: WaitOptions): Promise<{ readonly status: SCARD_STATES; readonly protocol: SCARD_PROTOCOLS }>;
}

/** An interface that a provider offers beyond the usual three. */
export interface OtherInterface {
  readonly guid?: Guid;
  /** Upper and lower case are the same. */
  readonly name?: string;
  readonly create: (card: CardLink, userData: unknown) => object;
}

/** The interfaces of an attached card, each created on demand. */
export interface CardInterfaces {
  readonly auth?: (card: CardLink) => ISCardAuth;
  readonly verify?: (card: CardLink) => ISCardVerify;
  readonly fileAccess?: (card: CardLink) => ISCardFileAccess;
  readonly others?: readonly OtherInterface[];
}

const protocols = SCARD_PROTOCOLS.T0 | SCARD_PROTOCOLS.T1;

/** A provider's manager: attaching and locking are the same for every card, the interfaces are the provider's. */
export class CSCardManage implements ISCardManage {
  readonly #winscard: WinSCardFunctions;
  readonly #interfaces: CardInterfaces;
  readonly #attachment = new Attachment("AttachByIFD or AttachByHandle");

  constructor(winscard: WinSCardFunctions, interfaces: CardInterfaces) {
    checkWinSCard(winscard);
    checkObject(
      "interfaces",
      interfaces,
      "an object with auth, verify, fileAccess and others, as far as there are any",
    );
    for (const name of ["auth", "verify", "fileAccess"] as const) {
      const make = memberOf("interfaces", interfaces, name);
      if (make !== undefined) checkFunction(`interfaces.${name}`, make, "a function that makes one");
    }
    if (interfaces.others !== undefined && !Array.isArray(interfaces.others))
      throw badArgument("interfaces.others", interfaces.others, "pass an array");
    this.#winscard = winscard;
    this.#interfaces = interfaces;
  }

  async AttachByHandle(icc: SCARDHANDLE, wait: WaitOptions = {}): Promise<void> {
    await this.#attachment.attach(() => CardLink.toHandle(this.#winscard, icc, wait));
  }

  async AttachByIFD(ifdName: string, wait: WaitOptions = {}): Promise<void> {
    checkText("ifdName", ifdName, "the name of a reader");
    await this.#attachment.attach(() =>
      CardLink.toReader(this.#winscard, ifdName, SCARD_SHARE_MODES.SHARED, protocols, wait),
    );
  }

  CreateCardAuth(): ISCardAuth {
    return this.#create("ISCardAuth", this.#interfaces.auth);
  }

  CreateCHVerification(): ISCardVerify {
    return this.#create("ISCardVerify", this.#interfaces.verify);
  }

  CreateFileAccess(): ISCardFileAccess {
    return this.#create("ISCardFileAccess", this.#interfaces.fileAccess);
  }

  CreateInterface(guidInterface: Guid | null, name: string | null = null, userData: unknown = null): object {
    const guid = guidInterface === null || guidInterface === undefined ? undefined : checkedGuid(guidInterface);
    if (guid === undefined) checkText("name", name, "the name of an interface, or its GUID before it");
    const isWanted = (other: OtherInterface): boolean =>
      guid === undefined
        ? other.name?.toLowerCase() === name?.toLowerCase()
        : other.guid !== undefined && checkedGuid(other.guid) === guid;
    const found = this.#interfaces.others?.find(isWanted);
    const link = this.#created();
    if (found === undefined) throw new ComError("E_NOINTERFACE", `this card has no interface ${guid ?? name}`);
    return found.create(link, userData);
  }

  async Detach(): Promise<void> {
    await this.#attachment.detach(SCARD_DISPOSITIONS.LEAVE);
  }

  async Reconnect(wait: WaitOptions = {}): Promise<void> {
    await this.#attachment.link.reconnect(SCARD_DISPOSITIONS.LEAVE, wait);
  }

  async SCardLock(wait: WaitOptions = {}): Promise<void> {
    await this.#attachment.link.lock(wait);
  }

  async SCardUnlock(disposition: SCARD_DISPOSITIONS = SCARD_DISPOSITIONS.LEAVE): Promise<void> {
    const link = this.#attachment.link;
    checkDisposition(disposition);
    await link.unlock(disposition);
  }

  async Status(wait: WaitOptions = {}): Promise<{ readonly status: SCARD_STATES; readonly protocol: SCARD_PROTOCOLS }> {
    const { state, protocol } = await this.#attachment.link.status(wait);
    return { status: state, protocol };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#attachment.current !== undefined) await this.Detach();
  }

  #create<T>(name: string, create: ((card: CardLink) => T) | undefined): T {
    const link = this.#created();
    if (create === undefined) throw new ComError(new SmartCardError("unsupported-feature", `this card has no ${name}`));
    return create(link);
  }

  /** The attachment, for an interface that is to be created. */
  #created(): CardLink {
    if (this.#attachment.current !== undefined) return this.#attachment.current;
    const message = "there is no card: attach first, then create interfaces";
    throw new ComError(new SmartCardError("icc-createorder", message));
  }
}
