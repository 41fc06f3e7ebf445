// SPDX-License-Identifier: MIT

import { type CardLink, checkDisposition, invalidHandle } from "./card-link.ts";
import { ComError } from "./com-error.ts";
import { SCARD_DISPOSITIONS } from "./enumerations.ts";

/** The card that an object is attached to: one at a time. */
export class Attachment {
  readonly #calls: string;
  #link: CardLink | undefined;
  #attaching = false;

  /** @param calls the calls that attach, as the remedy of an error names them */
  constructor(calls: string) {
    this.#calls = calls;
  }

  /** The card, or undefined before it is attached and after it was detached. */
  get current(): CardLink | undefined {
    return this.#link;
  }

  /** The card. @throws SCARD_E_INVALID_HANDLE where there is none */
  get link(): CardLink {
    if (this.#link === undefined) throw invalidHandle(`there is no card: call ${this.#calls} first`);
    return this.#link;
  }

  /** @throws E_UNEXPECTED where a card is attached, or is being attached */
  async attach(open: () => Promise<CardLink>): Promise<void> {
    if ((this.#link !== undefined && !this.#link.isLost) || this.#attaching)
      throw new ComError("E_UNEXPECTED", "a card is attached already: call Detach first");
    this.#attaching = true;
    try {
      // The handle was disconnected by its owner: what is left of that attachment ends here.
      await this.#link?.close(SCARD_DISPOSITIONS.LEAVE).catch(() => {});
      this.#link = undefined;
      this.#link = await open();
    } finally {
      this.#attaching = false;
    }
  }

  /** @throws SCARD_E_INVALID_HANDLE where there is no card, E_INVALIDARG (it stays attached then), and as SCardDisconnect */
  async detach(disposition: SCARD_DISPOSITIONS): Promise<void> {
    const { link } = this;
    checkDisposition(disposition);
    this.#link = undefined;
    await link.close(disposition);
  }
}
