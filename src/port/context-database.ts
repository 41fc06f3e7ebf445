// SPDX-License-Identifier: MIT

/** The kinds of provider that a card type has a name for. `primary` is a GUID, the others are names of modules. */
export type ProviderKind = "primary" | "csp" | "ksp" | "card-module";

/** An ATR, and which of its bits count. */
export interface AtrMask {
  readonly atr: Uint8Array;
  /** As long as `atr`. Without one all bits count. */
  readonly mask?: Uint8Array | undefined;
}

/** A card type as it is introduced. */
export interface NewCardType {
  readonly name: string;
  /** A GUID. */
  readonly primaryProvider: string | undefined;
  /** GUIDs. */
  readonly interfaces: readonly string[];
  /** Undefined for a type that is not recognized by its ATR. */
  readonly pattern: AtrMask | undefined;
}

/** A reader that is looked at, with the state that the caller believes it to have: SCARD_STATE_*. */
export interface SearchedReader {
  readonly reader: string;
  readonly currentState: number;
}

/** What a search found in a reader. SCARD_STATE_ATRMATCH says that the card is of one of the types. */
export interface FoundReader {
  readonly eventState: number;
  readonly atr: Uint8Array;
}

/** A verification of a PIN, for the audit log. */
export interface AuditedVerification {
  readonly succeeded: boolean;
  readonly reader: string | undefined;
  /** The name of the card's type. */
  readonly card: string | undefined;
}

/**
 * A resource manager's cache for its clients: bytes that programs have read from a card, by the card's GUID and a name.
 * All clients of the manager share the items, and `cache` of every context of it leads to the same ones.
 */
export interface ContextCache {
  /**
   * Gives the bytes that were written for a card under a name.
   *
   * @param card a GUID, with or without braces
   * @param freshness the revision that the card has now, 0 to 4,294,967,295
   * @throws cache-item-not-found (also where the item is of a newer revision, which stays), cache-item-stale (it is of an
   * older revision, and gone now), invalid-parameter (card or name), invalid-value (freshness), invalid-context
   */
  read(card: string, freshness: number, name: string): Promise<Uint8Array>;

  /**
   * Stores bytes for a card under a name, and replaces an existing item, also of another program.
   *
   * @throws cache-item-too-big (what was there stays), invalid-parameter (card, name or data), invalid-value (freshness),
   * invalid-context
   */
  write(card: string, freshness: number, name: string, data: Uint8Array): Promise<void>;
}

/**
 * The smart card database, as the functions of WinSCard ask it: card types, names and groups of readers, readers as
 * devices, the card cache, the audit log. A manager that has one of its own offers it as `database` of its contexts. All
 * failures are `SmartCardError`; GUIDs come back in braces and upper case.
 *
 * **Portability**: of the operating systems only Windows has one.
 */
export interface ContextDatabase {
  introduceCardType(type: NewCardType): Promise<void>;
  /** @throws unknown-card */
  forgetCardType(name: string): Promise<void>;
  /** @throws unknown-card */
  setProvider(card: string, kind: ProviderKind, provider: string): Promise<void>;
  /** @throws unknown-card, icc-installation (no primary provider), provider-not-found (no other) */
  provider(card: string, kind: ProviderKind): Promise<string>;
  /** @throws unknown-card */
  interfaces(card: string): Promise<string[]>;
  /** Names of the card types that an ATR matches and that have all of the interfaces. */
  cards(atr: Uint8Array | undefined, interfaces: readonly string[] | undefined): Promise<string[]>;

  introduceReader(name: string, device: string): Promise<void>;
  /** @throws unknown-reader */
  forgetReader(name: string): Promise<void>;
  introduceReaderGroup(group: string): Promise<void>;
  forgetReaderGroup(group: string): Promise<void>;
  /** @throws unknown-reader */
  addReaderToGroup(reader: string, group: string): Promise<void>;
  /** @throws unknown-reader */
  removeReaderFromGroup(reader: string, group: string): Promise<void>;

  /** Looks at readers once, for cards of the named types. @throws unknown-card, unknown-reader */
  locateCards(cards: readonly string[], readers: readonly SearchedReader[]): Promise<FoundReader[]>;
  /** The same for ATRs. @throws unknown-reader */
  locateCardsByAtr(masks: readonly AtrMask[], readers: readonly SearchedReader[]): Promise<FoundReader[]>;

  /** SCARD_READER_TYPE_*. @throws unknown-reader, not-supported */
  deviceType(reader: string): Promise<number>;
  /** @throws unknown-reader */
  deviceInstance(reader: string): Promise<string>;
  /** @throws no-readers-available */
  readersOfInstance(instance: string): Promise<string[]>;
  /** @throws unknown-reader */
  readerIcon(reader: string): Promise<Uint8Array>;

  readonly cache: ContextCache;
  audit(verification: AuditedVerification): Promise<void>;
}
