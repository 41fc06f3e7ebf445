// SPDX-License-Identifier: MIT

import { foldName, normalizeGuid, type ProviderKind, SmartCardError } from "../port/index.ts";
import { checkAtrBytes, checkTexts, isObject, refused } from "./arguments.ts";
import { countedBits, matchesAtr } from "./atr-pattern.ts";
import type { CachedStores, Contents } from "./cached-store.ts";
import { type CardType, type CardTypeInit, checkCardType, copyCardType, providerKinds } from "./card-type.ts";
import { MAX_CARD_TYPES } from "./limits.ts";
import type { StoreChange } from "./store.ts";

/** Search criteria for card types; all are optional. */
export interface CardTypeQuery {
  /** The ATR of a card: finds the types that match it. */
  readonly atr?: Uint8Array | undefined;
  /** GUIDs of interfaces: finds the types that have all of them. */
  readonly interfaces?: readonly string[] | undefined;
}

/** How many card types an import added, and how many of the same name it replaced. */
export interface ImportCount {
  readonly added: number;
  readonly replaced: number;
}

/**
 * The card types that a database knows. Names are compared without regard to case.
 *
 * The caller may keep and change the results.
 */
export class CardTypes {
  readonly #stores: CachedStores;

  /** @internal A database makes it. */
  constructor(stores: CachedStores) {
    this.#stores = stores;
  }

  /**
   * Introduces a card type. One of the same name is replaced, its providers included.
   *
   * **Portability**: Microsoft does not say what happens to an existing type.
   *
   * @throws invalid-parameter, invalid-atr for a type that is not well-formed; and as {@link Store.update}
   * @see SCardIntroduceCardType
   */
  introduce(init: CardTypeInit): void {
    this.introduceAll([init]);
  }

  /**
   * Introduces many card types at once: all of them or, where one is bad, none. Of two with the same name the later
   * one stays.
   *
   * @throws as {@link introduce}
   */
  introduceAll(inits: Iterable<CardTypeInit>): ImportCount {
    const changes = new Map<string, StoreChange>();
    if (typeof inits?.[Symbol.iterator] !== "function" || typeof inits === "string")
      throw refused("inits", inits, "pass an array of card types");
    for (const init of inits) {
      const cardType = checkCardType(init);
      const key = foldName(cardType.name);
      changes.set(key, { kind: "put-card-type", key, cardType });
    }
    let replaced = 0;
    this.#stores.own.update(() => {
      const { cardTypes } = this.#stores.own.contents();
      replaced = [...changes.keys()].filter((key) => cardTypes.has(key)).length;
      if (cardTypes.size + changes.size - replaced > MAX_CARD_TYPES) {
        throw new SmartCardError("no-memory", `a database holds at most ${MAX_CARD_TYPES} card types`);
      }
      return [...changes.values()];
    });
    return { added: changes.size - replaced, replaced };
  }

  /**
   * Forgets a card type. In the user's scope this removes what the user has introduced or changed; a system's type
   * that it hid becomes visible again.
   *
   * @throws unknown-card where no such type is known; no-access where it is the system's and the scope is the
   * user's; and as {@link Store.update}
   * @see SCardForgetCardType
   */
  forget(name: string): void {
    this.#stores.own.update(() => {
      const key = foldName(name);
      if (!this.#stores.own.contents().cardTypes.has(key)) {
        this.#find(name);
        throw new SmartCardError("no-access", `the card "${name}" is the system's: only it can forget it`);
      }
      return [{ kind: "remove-card-type", key }];
    });
  }

  /** Tells whether a card type is known. */
  has(name: string): boolean {
    const key = foldName(name);
    return this.#stores.layers().some(({ cardTypes }) => cardTypes.has(key));
  }

  /**
   * The card type of a name.
   *
   * @throws unknown-card
   * @see SCardListInterfaces, whose answer is `interfaces`
   */
  get(name: string): CardType {
    return copyCardType(this.#find(name));
  }

  /** All card types, in the order of their names. */
  list(): CardType[] {
    return this.find({});
  }

  /**
   * The card types that meet a query. With an ATR the most specific comes first (the one whose mask looks at the most
   * bits); otherwise, and among equals, they are in the order of their names. Microsoft documents no order. With an ATR
   * the description of each type is that of cards with this ATR.
   *
   * @throws invalid-parameter for an interface that is not a GUID
   * @see SCardListCards
   */
  find(query: CardTypeQuery): CardType[] {
    if (!isObject(query)) throw refused("query", query, "pass an object with atr or interfaces, or neither");
    const { atr, interfaces } = query;
    if (atr !== undefined) checkAtrBytes("atr", atr);
    if (interfaces !== undefined) checkTexts("interfaces", interfaces, "GUIDs");
    const wanted = (interfaces ?? []).map(normalizeGuid);
    const found = new Map<string, { readonly cardType: CardType; readonly bits: number }>();
    const layers = this.#stores.layers();
    for (const [depth, layer] of layers.entries()) {
      for (const [key, bits] of atr === undefined ? allKeys(layer) : matchingKeys(layer, atr)) {
        const cardType = layer.cardTypes.get(key);
        if (cardType === undefined || layers.slice(0, depth).some((above) => above.cardTypes.has(key))) continue;
        if (wanted.every((guid) => cardType.interfaces.includes(guid))) found.set(key, { cardType, bits });
      }
    }
    return [...found]
      .sort(([oneKey, one], [otherKey, other]) => other.bits - one.bits || (oneKey < otherKey ? -1 : 1))
      .map(([, { cardType }]) =>
        atr === undefined ? copyCardType(cardType) : describedFor(copyCardType(cardType), atr),
      );
  }

  /**
   * Tells whether a card may be of one of the named types.
   *
   * @throws unknown-card for a name that is not known
   * @see SCardLocateCards
   */
  matches(names: readonly string[], atr: Uint8Array): boolean {
    checkTexts("names", names, "names of card types");
    checkAtrBytes("atr", atr);
    const types = names.map((name) => this.#find(name));
    return types.some(({ atrs }) => atrs.some((pattern) => matchesAtr(pattern, atr)));
  }

  /**
   * Names a provider of a card type. In the user's scope a type of the system's is copied first: what the system has
   * stays as it is.
   *
   * @param provider for `primary` a GUID, else the name of a module
   * @throws unknown-card; invalid-parameter for a bad name or GUID; and as {@link Store.update}
   * @see SCardSetCardTypeProviderName
   */
  setProvider(name: string, kind: ProviderKind, provider: string): void {
    checkKind(kind);
    this.#stores.own.update(() => {
      const old = this.#find(name);
      const cardType = checkCardType(
        kind === "primary"
          ? { ...old, primaryProvider: provider }
          : { ...old, providers: { ...old.providers, [kind]: provider } },
      );
      return [{ kind: "put-card-type", key: foldName(name), cardType }];
    });
  }

  /**
   * The provider of a card type: for `primary` a GUID in braces, else the name of a module.
   *
   * @throws unknown-card; where the type has no such provider icc-installation for `primary`, else provider-not-found
   * @see SCardGetCardTypeProviderName, SCardGetProviderId
   */
  provider(name: string, kind: ProviderKind): string {
    checkKind(kind);
    const { primaryProvider, providers } = this.#find(name);
    const provider = kind === "primary" ? primaryProvider : providers[kind];
    if (provider !== undefined) return provider;
    throw new SmartCardError(
      kind === "primary" ? "icc-installation" : "provider-not-found",
      `the card "${name}" has no provider of the kind ${kind}`,
    );
  }

  #find(name: string): CardType {
    const key = foldName(name);
    for (const { cardTypes } of this.#stores.layers()) {
      const cardType = cardTypes.get(key);
      if (cardType !== undefined) return cardType;
    }
    throw new SmartCardError("unknown-card", `no card "${name}" has been introduced`);
  }
}

/** What is known of all cards of a type, and of those with an ATR, as the description. */
function describedFor(cardType: CardType, atr: Uint8Array): CardType {
  const own = cardType.atrs.filter((pattern) => matchesAtr(pattern, atr)).map(({ description = "" }) => description);
  const lines = new Set(
    [cardType.description, ...own].flatMap((text) => text.split("\n")).filter((line) => line !== ""),
  );
  return { ...cardType, description: [...lines].join("\n") };
}

function checkKind(kind: ProviderKind): void {
  if (typeof kind === "string" && Object.hasOwn(providerKinds, kind)) return;
  throw refused("kind", kind, `give one of ${Object.keys(providerKinds).join(", ")}`);
}

function* allKeys({ cardTypes }: Contents): Generator<[key: string, bits: number]> {
  for (const key of cardTypes.keys()) yield [key, 0];
}

/** The types that an ATR matches, and the most bits that one of their masks looks at. */
function matchingKeys({ atrs }: Contents, atr: Uint8Array): ReadonlyMap<string, number> {
  const keys = new Map<string, number>();
  for (const { pattern, value } of atrs.find(atr)) {
    keys.set(value, Math.max(keys.get(value) ?? 0, countedBits(pattern)));
  }
  return keys;
}
