// SPDX-License-Identifier: MIT

import { optional, optionsOf, truth } from "../../port/index.ts";
import { argument } from "./arguments.ts";
import type { CardLink } from "./card-link.ts";
import { type CardInterfaces, CSCardManage } from "./card-manage.ts";
import type { ServiceProvider } from "./class-factory.ts";
import type { Guid } from "./guids.ts";
import { Iso7816Auth } from "./iso7816-auth.ts";
import { Iso7816Card } from "./iso7816-card.ts";
import { Iso7816FileAccess } from "./iso7816-file-access.ts";
import { Iso7816Verify } from "./iso7816-verify.ts";

/** Class id of the provider of cards with the files, codes and keys of ISO/IEC 7816-4. */
export const CLSID_Iso7816Provider: Guid = "{9B2F6C1E-4A7D-4E53-8F60-2D1C7A95E3B4}";

/** Known properties of the cards beyond the standard. */
export interface Iso7816ProviderOptions {
  /**
   * Whether the card is asked about each file that it selects: its kind, its size, the number of its records. Where it is
   * not, files are read until they end, nothing is listed, and properties are not told. False for cards that do worse than
   * refuse; vicc 3.3 of Debian 12 crashes.
   *
   * @default true
   */
  readonly asksAboutFiles?: boolean;
}

/** The three interfaces that every card of ISO/IEC 7816-4 has. */
export type Iso7816Interfaces = Required<Pick<CardInterfaces, "auth" | "verify" | "fileAccess">>;

/**
 * What one ISCardManage makes of a card with the files, codes and keys of ISO/IEC 7816-4. A vendor's provider can use parts
 * of it:
 *
 * ```ts
 * const standard = iso7816Interfaces();
 * return new CSCardManage(winscard, { ...standard, verify: (link) => new MyVerify(standard.verify(link)) });
 * ```
 *
 * The interfaces of one attachment have one current directory: a code that is local is one of the directory that
 * ISCardFileAccess is in.
 */
export function iso7816Interfaces(options: Iso7816ProviderOptions = {}): Iso7816Interfaces {
  const { asksAboutFiles } = checkOptions(options);
  const cards = new WeakMap<CardLink, Iso7816Card>();
  const cardOf = (link: CardLink): Iso7816Card => {
    const card = cards.get(link) ?? new Iso7816Card(link, asksAboutFiles);
    cards.set(link, card);
    return card;
  };
  return {
    auth: (link) => new Iso7816Auth(cardOf(link)),
    verify: (link) => new Iso7816Verify(cardOf(link)),
    fileAccess: (link) => new Iso7816FileAccess(cardOf(link)),
  };
}

/** Makes a provider of cards with the files, codes and keys of ISO/IEC 7816-4. */
export function makeIso7816Provider(options: Iso7816ProviderOptions = {}): ServiceProvider {
  checkOptions(options);
  return (winscard) => new CSCardManage(winscard, iso7816Interfaces(options));
}

const checkedOptions = optionsOf<Iso7816ProviderOptions>({ asksAboutFiles: optional(truth) as never });

function checkOptions(options: Iso7816ProviderOptions): Required<Iso7816ProviderOptions> {
  const { asksAboutFiles = true } = argument(() =>
    checkedOptions(options, { operation: "ISO 7816 provider", path: "options" }),
  );
  return { asksAboutFiles };
}

/** The provider for any card of the standard: {@link makeIso7816Provider} without options. */
export const iso7816Provider: ServiceProvider = makeIso7816Provider();
