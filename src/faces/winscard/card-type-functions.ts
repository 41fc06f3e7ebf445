// SPDX-License-Identifier: MIT

import { type ProviderKind, providerKinds } from "../../database/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { dword, textOf } from "./arguments.ts";
import type { InDatabase } from "./database-choice.ts";
import type { SCARDCONTEXT } from "./handles.ts";

/**
 * The functions on the card types in the smart card database: their names, ATRs and providers. The context's scope
 * selects the database; the user's includes the system's entries, which it never changes. GUIDs are strings: any spelling
 * is accepted, `{50DD5230-BA8A-11D1-BF5D-0000F805F530}` is given.
 *
 * Besides what is listed, each of them fails with what keeps the database from being read or changed:
 * no-access, server-too-busy, invalid-target (it is damaged, or of a newer release), no-memory (the disk is
 * full), internal-error.
 */
export function cardTypeFunctions(inDatabase: InDatabase) {
  return {
    /**
     * Introduces a card type, or replaces one. The counts and lengths of C are left out.
     *
     * @param primaryProvider GUID of its primary service provider, or null.
     * @param interfaces GUIDs of the interfaces that it supports, or null.
     * @param atr that identifies it; null for a type that is not recognized by ATR.
     * @param atrMask which bits of a card's ATR count, as long as `atr`: a card is of this kind where ATR AND mask is
     * `atr`. Null: all bits.
     * @throws invalid-context, invalid-parameter (a bad name or GUID; the mask has another length), invalid-atr (not 1 to
     * 33 bytes)
     * @see SCardIntroduceCardType function (winscard.h), Microsoft
     *
     * **Portability**: Microsoft does not say what happens to an existing card type; here it is replaced.
     */
    SCardIntroduceCardType: async (
      context: SCARDCONTEXT,
      cardName: string,
      primaryProvider: string | null,
      interfaces: readonly string[] | null,
      atr: Uint8Array | null,
      atrMask: Uint8Array | null = null,
    ): Promise<void> => {
      if (atr === null && atrMask !== null) {
        throw new SmartCardError("invalid-parameter", "a mask without an ATR", { operation: "introduce card type" });
      }
      await inDatabase(required(context), (database) =>
        database.introduceCardType({
          name: textOf(cardName, "card name", "introduce card type"),
          primaryProvider: primaryProvider ?? undefined,
          interfaces: interfaces ?? [],
          pattern: atr === null ? undefined : { atr, mask: atrMask ?? undefined },
        }),
      );
    },

    /**
     * Forgets a kind of card.
     *
     * @throws unknown-card, no-access (it is the system's, and the context the user's), invalid-context
     * @see SCardForgetCardType function (winscard.h), Microsoft
     */
    SCardForgetCardType: async (context: SCARDCONTEXT, cardName: string): Promise<void> => {
      const name = textOf(cardName, "card name", "forget card type");
      await inDatabase(required(context), (database) => database.forgetCardType(name));
    },

    /**
     * Names a provider of a kind of card.
     *
     * @param context may be null: the user's database then.
     * @param providerId SCARD_PROVIDER_PRIMARY, SCARD_PROVIDER_CSP, SCARD_PROVIDER_KSP or SCARD_PROVIDER_CARD_MODULE.
     * @param provider for SCARD_PROVIDER_PRIMARY a GUID, else a name.
     * @throws unknown-card, invalid-value (no such kind of provider), invalid-parameter (a bad name or GUID),
     * invalid-context
     * @see SCardSetCardTypeProviderName function (winscard.h), Microsoft
     */
    SCardSetCardTypeProviderName: async (
      context: SCARDCONTEXT | null,
      cardName: string,
      providerId: number,
      provider: string,
    ): Promise<void> => {
      const operation = "set card type provider name";
      const [name, named] = [textOf(cardName, "card name", operation), textOf(provider, "provider", operation)];
      const kind = providerKindOf(providerId, operation);
      await inDatabase(context, (database) => database.setProvider(name, kind, named));
    },

    /**
     * Name of a provider of a kind of card: a GUID for SCARD_PROVIDER_PRIMARY.
     *
     * @param context may be null: the user's database then.
     * @param providerId as for SCardSetCardTypeProviderName.
     * @throws unknown-card, icc-installation (it has no primary provider), provider-not-found (it has no such other;
     * `rv` is ERROR_FILE_NOT_FOUND), invalid-value (no such kind of provider), invalid-context
     * @see SCardGetCardTypeProviderName function (winscard.h), Microsoft
     */
    SCardGetCardTypeProviderName: async (
      context: SCARDCONTEXT | null,
      cardName: string,
      providerId: number,
    ): Promise<{ readonly provider: string }> => {
      const operation = "get card type provider name";
      const kind = providerKindOf(providerId, operation);
      const name = textOf(cardName, "card name", operation);
      return { provider: await inDatabase(context, (database) => database.provider(name, kind)) };
    },

    /**
     * GUID of the primary service provider of a kind of card.
     *
     * @throws unknown-card, icc-installation (it has no such provider), invalid-context
     * @see SCardGetProviderId function (winscard.h), Microsoft
     */
    SCardGetProviderId: async (context: SCARDCONTEXT, card: string): Promise<{ readonly providerId: string }> => {
      const name = textOf(card, "card name", "get provider id");
      return { providerId: await inDatabase(required(context), (database) => database.provider(name, "primary")) };
    },

    /**
     * GUIDs of the interfaces of a kind of card, in the order in which they were introduced; often none.
     *
     * @param context may be null: the user's database then. Microsoft's text requires one, but its example passes null.
     * @throws unknown-card, invalid-context
     * @see SCardListInterfaces function (winscard.h), Microsoft
     */
    SCardListInterfaces: async (
      context: SCARDCONTEXT | null,
      card: string,
    ): Promise<{ readonly interfaces: string[] }> => {
      const name = textOf(card, "card name", "list interfaces");
      return { interfaces: await inDatabase(context, (database) => database.interfaces(name)) };
    },

    /**
     * Names of the card types that match an ATR and have all of the interfaces; of all types where neither is given. For
     * an ATR the most specific comes first, otherwise they are in the order of their names.
     *
     * @param context may be null: the user's database then.
     * @param atr of a card; null where it does not matter. C finds out its length by parsing it, here it is the array's.
     * @param interfaces GUIDs; null where they do not matter.
     * @throws invalid-parameter (an interface is not a GUID), invalid-context
     * @see SCardListCards function (winscard.h), Microsoft
     *
     * **Portability**: without a match, the answer is an empty list; Microsoft does not say. Windows resets a card on
     * which the caller holds a transaction; here nothing happens to any card.
     */
    SCardListCards: async (
      context: SCARDCONTEXT | null,
      atr: Uint8Array | null = null,
      interfaces: readonly string[] | null = null,
    ): Promise<{ readonly cards: string[] }> => {
      const asked = [atr ?? undefined, interfaces ?? undefined] as const;
      return { cards: await inDatabase(context, (database) => database.cards(...asked)) };
    },
  };
}

export type CardTypeFunctions = Readonly<ReturnType<typeof cardTypeFunctions>>;

/** A context where Microsoft requires one: null becomes 0, which is never a valid handle. */
function required(context: SCARDCONTEXT): SCARDCONTEXT {
  return context === null ? (0 as SCARDCONTEXT) : context;
}

function providerKindOf(providerId: number, operation: string): ProviderKind {
  const number = dword(providerId, "provider", operation);
  const kinds = Object.keys(providerKinds) as ProviderKind[];
  const kind = kinds.find((candidate) => providerKinds[candidate].number === number);
  if (kind !== undefined) return kind;
  const allowed = Object.values(providerKinds).map((row) => `${row.name} (${row.number})`);
  throw new SmartCardError("invalid-value", `provider ${number} is not one of ${allowed.join(", ")}`, { operation });
}
