// SPDX-License-Identifier: MIT

import { checkName, normalizeGuid, type ProviderKind, SmartCardError } from "../port/index.ts";
import { checkArrayOf, checkKnown, checkTextOf, checkTexts, isObject, refused } from "./arguments.ts";
import { type AtrPattern, checkAtrPattern, copyAtrPattern } from "./atr-pattern.ts";
import { MAX_ATRS_PER_CARD_TYPE, MAX_DESCRIPTION_LENGTH, MAX_INTERFACES_PER_CARD_TYPE } from "./limits.ts";

/** The kinds of provider that are named by more than a GUID. */
export type NamedProviderKind = Exclude<ProviderKind, "primary">;

/** SCARD_PROVIDER_*: the names and numbers of winscard.h. */
export const providerKinds: Readonly<Record<ProviderKind, { readonly name: string; readonly number: number }>> = {
  primary: { name: "SCARD_PROVIDER_PRIMARY", number: 1 },
  csp: { name: "SCARD_PROVIDER_CSP", number: 2 },
  ksp: { name: "SCARD_PROVIDER_KSP", number: 3 },
  "card-module": { name: "SCARD_PROVIDER_CARD_MODULE", number: 0x8000_0001 },
};

/** A card type in the database: its ATRs, interfaces and providers. */
export interface CardType {
  /** As it was introduced; names that differ in case only are the same. */
  readonly name: string;
  /** The ATRs of such cards. Empty: it matches no card. */
  readonly atrs: readonly AtrPattern[];
  /** The interfaces that its provider offers: GUIDs in braces and upper case, in the order given. */
  readonly interfaces: readonly string[];
  /** The GUID of its primary service provider. */
  readonly primaryProvider: string | undefined;
  /** The names of its cryptographic service provider, its key storage provider and its card module. */
  readonly providers: Readonly<Partial<Record<NamedProviderKind, string>>>;
  /** Further description, in lines; often empty. */
  readonly description: string;
}

/** A card type as a caller describes it: only the name must be there. */
export interface CardTypeInit {
  readonly name: string;
  readonly atrs?: readonly AtrPattern[] | undefined;
  /** GUIDs, with or without braces. */
  readonly interfaces?: readonly string[] | undefined;
  /** A GUID, with or without braces. */
  readonly primaryProvider?: string | undefined;
  readonly providers?: Readonly<Partial<Record<NamedProviderKind, string>>> | undefined;
  readonly description?: string | undefined;
}

const namedProviderKinds = ["csp", "ksp", "card-module"] as const satisfies readonly NamedProviderKind[];

/**
 * Checks a card type that a caller gives, and copies it.
 *
 * @throws invalid-parameter for a bad name, GUID or mask, or too much of something; invalid-atr for an ATR of no bytes
 * or more than 33
 */
export function checkCardType(init: CardTypeInit): CardType {
  if (!isObject(init))
    throw refused("init", init, "pass an object with name, and atrs, interfaces and so on if need be");
  checkKnown("init", init, ["name", "atrs", "interfaces", "primaryProvider", "providers", "description"]);
  checkName(init.name, "card");
  if (init.atrs !== undefined) checkArrayOf("atrs", init.atrs, "ATRs with their masks");
  if (init.interfaces !== undefined) checkTexts("interfaces", init.interfaces, "GUIDs");
  if (init.description !== undefined) checkTextOf("description", init.description);
  if (init.providers !== undefined && !isObject(init.providers))
    throw refused("providers", init.providers, "pass an object with csp, ksp and card-module, as far as there are any");
  if (init.providers !== undefined) checkKnown("providers", init.providers, namedProviderKinds);
  const atrs = (init.atrs ?? []).map((pattern, index) => checkAtrPattern(pattern, `atrs[${index}]`));
  const interfaces = [...new Set((init.interfaces ?? []).map(normalizeGuid))];
  const description = init.description ?? "";
  checkCount(atrs.length, MAX_ATRS_PER_CARD_TYPE, "ATRs");
  checkCount(interfaces.length, MAX_INTERFACES_PER_CARD_TYPE, "interfaces");
  checkCount(description.length, MAX_DESCRIPTION_LENGTH, "characters of description");
  const providers: Partial<Record<NamedProviderKind, string>> = {};
  for (const kind of namedProviderKinds) {
    const provider = init.providers?.[kind];
    if (provider === undefined) continue;
    checkName(provider, "provider");
    providers[kind] = provider;
  }
  const primaryProvider = init.primaryProvider === undefined ? undefined : normalizeGuid(init.primaryProvider);
  return { name: init.name, atrs, interfaces, primaryProvider, providers, description };
}

function checkCount(count: number, most: number, what: string): void {
  if (count > most) throw new SmartCardError("invalid-parameter", `a card type has at most ${most} ${what}`);
}

/** A copy that the receiver may change. */
export function copyCardType(type: CardType): CardType {
  return {
    ...type,
    atrs: type.atrs.map(copyAtrPattern),
    interfaces: [...type.interfaces],
    providers: { ...type.providers },
  };
}
