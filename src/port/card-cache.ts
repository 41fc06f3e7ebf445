// SPDX-License-Identifier: MIT

import { copyBytes, isBytes, kindOf } from "../base/binary/index.ts";
import { shown } from "./check.ts";
import type { ClientIdentity } from "./client-identity.ts";
import { SmartCardError } from "./error.ts";
import { normalizeGuid } from "./guid.ts";
import { checkName } from "./names.ts";
import { limitsOf } from "./value-checks.ts";

/** Limits of a card cache. */
export interface CardCacheLimits {
  /** Most bytes of one item. */
  readonly itemBytes: number;
  /** Most bytes of all items together. */
  readonly totalBytes: number;
  /** Most items. */
  readonly items: number;
  /** Most bytes of one program for one card. */
  readonly bytesPerCard: number;
  /** Most items of one program for one card. */
  readonly itemsPerCard: number;
}

/** The limits in force where none are given. */
export const defaultCardCacheLimits: CardCacheLimits = {
  itemBytes: 65_536,
  totalBytes: 16 * 1024 * 1024,
  items: 4096,
  bytesPerCard: 4 * 1024 * 1024,
  itemsPerCard: 1024,
};

const cacheLimits = limitsOf(defaultCardCacheLimits);

interface Item {
  readonly card: string;
  readonly data: Uint8Array;
  readonly freshness: number;
  readonly owner: Owner;
}

interface Count {
  items: number;
  bytes: number;
}

/** A program that has items in the cache: those that it was the last to write. */
interface Owner extends Count {
  readonly user: User;
  readonly name: string;
  /** By card and name, those used last at the end. */
  readonly entries: Map<string, Item>;
  /** How much of it belongs to each card. */
  readonly cards: Map<string, Count>;
}

/** The programs of one user. */
interface User extends Count {
  readonly id: number | undefined;
  readonly owners: Map<string, Owner>;
}

/**
 * The card cache of a resource manager: bytes that programs have read from cards, by card and name, each with the
 * revision of the card that it was read from. All clients of the manager see the same items. An item lasts until it is
 * replaced, found stale, or makes room for others.
 *
 * A card is known by a GUID of its own, which the card or its provider has. The revision (freshness counter) is a number
 * that programs keep on the card and raise when they change the card. Names are compared exactly.
 *
 * When the cache is full, it evicts the least recently used item of the largest program of the user with the largest share.
 * So one program cannot evict the items of others. A
 * program is known by its user and its name, so a program that is started again continues with its share.
 *
 * **Portability**: Microsoft documents neither the limits, nor the result of a read with a revision older than the item's.
 */
export class CardCache {
  readonly #limits: CardCacheLimits;
  readonly #items = new Map<string, Item>();
  readonly #users = new Map<number | undefined, User>();
  readonly #total: Count = { items: 0, bytes: 0 };

  constructor(limits: Partial<CardCacheLimits> = {}) {
    this.#limits = { ...defaultCardCacheLimits, ...cacheLimits(limits, { operation: "CardCache", path: "limits" }) };
  }

  /**
   * Gives the bytes that were written for a card under a name.
   *
   * @param card a GUID, with or without braces
   * @param freshness the revision that the card has now: 32 bits, in either sign
   * @throws cache-item-not-found, also where the item is of a newer revision, which stays; cache-item-stale where it is of
   * an older revision, after which it is gone; invalid-parameter (card or name), invalid-value (freshness)
   * @see SCardReadCache function (winscard.h), Microsoft
   */
  read(card: string, freshness: number, name: string): Uint8Array {
    const { key } = keyOf(card, name);
    const wanted = cacheRevision(freshness);
    const item = this.#items.get(key);
    if (item === undefined) throw new SmartCardError("cache-item-not-found", `nothing is cached as "${name}"`);
    if (item.freshness > wanted) {
      const message = `"${name}" is cached at revision ${item.freshness} of the card, not at revision ${wanted}`;
      throw new SmartCardError("cache-item-not-found", message);
    }
    if (item.freshness < wanted) {
      this.#remove(key, item);
      const message = `"${name}" was cached at revision ${item.freshness} of the card, before revision ${wanted}`;
      throw new SmartCardError("cache-item-stale", message);
    }
    item.owner.entries.delete(key);
    item.owner.entries.set(key, item);
    return copyBytes(item.data);
  }

  /**
   * Keeps bytes for a card under a name, in place of what was there, also where another program wrote it.
   *
   * @param client the program that writes, whose share of the cache the item belongs to
   * @param card a GUID, with or without braces
   * @param freshness the revision that the card has now: 32 bits, in either sign
   * @throws cache-item-too-big, and what was there stays; invalid-parameter (card, name or data), invalid-value
   * (freshness)
   * @see SCardWriteCache function (winscard.h), Microsoft
   */
  write(client: ClientIdentity, card: string, freshness: number, name: string, data: Uint8Array): void {
    const { guid, key } = keyOf(card, name);
    const written = cacheRevision(freshness);
    if (!isBytes(data)) {
      const message = `the data of the item is ${kindOf(data)}; pass a Uint8Array (decodeHex makes one of hexadecimal digits)`;
      throw new SmartCardError("invalid-parameter", message);
    }
    const { bytesPerCard, itemBytes, totalBytes } = this.#limits;
    const most = Math.min(itemBytes, bytesPerCard, totalBytes);
    if (data.length > most) {
      throw new SmartCardError("cache-item-too-big", `"${name}" has ${data.length} bytes, more than ${most}`);
    }
    const old = this.#items.get(key);
    if (old !== undefined) this.#remove(key, old);
    this.#add(key, { card: guid, data: copyBytes(data), freshness: written, owner: this.#ownerFor(client) });
  }

  /** How many items there are, and how many bytes they have together. */
  get size(): { readonly items: number; readonly bytes: number } {
    return { ...this.#total };
  }

  /** Makes room for an item, which is counted already, among those of the same program and card. */
  #keepCardLimits(owner: Owner, card: string, count: Count): void {
    const { bytesPerCard, itemsPerCard } = this.#limits;
    for (const [key, item] of owner.entries) {
      if (count.items <= itemsPerCard && count.bytes <= bytesPerCard) return;
      if (item.card === card) this.#remove(key, item);
    }
  }

  /** Makes room for an item, which is counted already, among all others. */
  #keepLimits(): void {
    const hasEntries = ({ entries }: Owner) => entries.size > 0;
    while (this.#total.items > this.#limits.items || this.#total.bytes > this.#limits.totalBytes) {
      const users = [...this.#users.values()].filter(({ owners }) => [...owners.values()].some(hasEntries));
      const owners = [...(this.#largest(users)?.owners.values() ?? [])].filter(hasEntries);
      const [oldest] = this.#largest(owners)?.entries ?? [];
      if (oldest === undefined) return;
      this.#remove(...oldest);
    }
  }

  /** The one with the largest share of the cache, the larger of its shares of items and of bytes. */
  #largest<T extends Count>(candidates: readonly T[]): T | undefined {
    const share = ({ bytes, items }: Count) => Math.max(items / this.#limits.items, bytes / this.#limits.totalBytes);
    let largest: T | undefined;
    for (const candidate of candidates) {
      if (largest === undefined || share(candidate) > share(largest)) largest = candidate;
    }
    return largest;
  }

  #ownerFor({ name, uid }: ClientIdentity): Owner {
    const user = this.#users.get(uid) ?? { id: uid, items: 0, bytes: 0, owners: new Map() };
    return user.owners.get(name) ?? { user, name, items: 0, bytes: 0, entries: new Map(), cards: new Map() };
  }

  #add(key: string, item: Item): void {
    const { card, owner } = item;
    const { cards, user } = owner;
    const ofCard = cards.get(card) ?? { items: 0, bytes: 0 };
    for (const count of [this.#total, owner, user, ofCard]) {
      count.items++;
      count.bytes += item.data.length;
    }
    this.#users.set(user.id, user);
    user.owners.set(owner.name, owner);
    cards.set(card, ofCard);
    this.#keepCardLimits(owner, card, ofCard);
    this.#keepLimits();
    this.#items.set(key, item);
    owner.entries.set(key, item);
  }

  #remove(key: string, item: Item): void {
    const { card, owner } = item;
    const ofCard = owner.cards.get(card);
    this.#items.delete(key);
    owner.entries.delete(key);
    for (const count of [this.#total, owner, owner.user, ...(ofCard ? [ofCard] : [])]) {
      count.items--;
      count.bytes -= item.data.length;
    }
    if (ofCard?.items === 0) owner.cards.delete(card);
    if (owner.items === 0) owner.user.owners.delete(owner.name);
    if (owner.user.items === 0) this.#users.delete(owner.user.id);
  }
}

/** Where an item is kept. A GUID has always the same length, so no name can make the key of another card. */
function keyOf(card: string, name: string): { readonly guid: string; readonly key: string } {
  checkName(name, "item");
  const guid = normalizeGuid(card);
  return { guid, key: guid + name };
}

/** The freshness counter as 32 bits; it may be given in either sign. @throws invalid-value */
export function cacheRevision(freshness: unknown): number {
  const isWhole = typeof freshness === "number" && Number.isInteger(freshness);
  if (isWhole && freshness >= -0x8000_0000 && freshness <= 0xffff_ffff) return freshness >>> 0;
  throw new SmartCardError("invalid-value", `freshness counter ${shown(freshness)} is not a number of 32 bits`);
}
