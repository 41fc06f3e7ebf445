// SPDX-License-Identifier: MIT

import { copyBytes } from "../binary/index.ts";
import { SmartCardError } from "../pcsc/index.ts";
import { normalizeGuid } from "./guid.ts";
import { maxCacheBytes, maxCacheItemBytes, maxCacheItems } from "./limits.ts";
import { checkName } from "./names.ts";

/** How much a cache holds. */
export interface CardCacheLimits {
  /** Most bytes of one item: 65,536 where nothing is said. */
  readonly itemBytes?: number | undefined;
  /** Most bytes of all items together: 16 MiB where nothing is said. */
  readonly totalBytes?: number | undefined;
  /** Most items: 4096 where nothing is said. */
  readonly items?: number | undefined;
}

interface Item {
  readonly data: Uint8Array;
  readonly freshness: number;
}

/**
 * What programs remember of cards, so as not to read it again: bytes by card and name, each with the revision of the
 * card that it was read from. It lasts as long as the program, and drops what was used longest ago when it is full.
 *
 * A card is known by a GUID of its own, which it or its provider has; the revision is a counter that programs keep on
 * the card and raise when they change it (0 to 4,294,967,295). Names are compared exactly.
 *
 * **Portability**: Microsoft documents neither the limits nor what a read with an older revision than the item's gets;
 * here any other revision makes an item stale.
 */
export class CardCache {
  readonly #itemBytes: number;
  readonly #totalBytes: number;
  readonly #maxItems: number;
  /** By card and name, those used last at the end. */
  readonly #items = new Map<string, Item>();
  #bytes = 0;

  constructor(limits: CardCacheLimits = {}) {
    this.#totalBytes = limits.totalBytes ?? maxCacheBytes;
    this.#itemBytes = Math.min(limits.itemBytes ?? maxCacheItemBytes, this.#totalBytes);
    this.#maxItems = limits.items ?? maxCacheItems;
  }

  /**
   * What was written for a card under a name.
   *
   * @param card a GUID, with or without braces
   * @throws cache-item-not-found; cache-item-stale where it is of another revision, after which it is gone;
   * invalid-parameter for a card that is no GUID or a bad name
   * @see SCardReadCache
   */
  read(card: string, freshness: number, name: string): Uint8Array {
    const key = keyOf(card, name);
    const item = this.#items.get(key);
    if (item === undefined) throw new SmartCardError("cache-item-not-found", `nothing is cached as «${name}»`);
    this.#remove(key, item);
    if (item.freshness !== freshness >>> 0) {
      throw new SmartCardError("cache-item-stale", `«${name}» was cached at another revision of the card`);
    }
    this.#add(key, item);
    return copyBytes(item.data);
  }

  /**
   * Remembers bytes for a card under a name, in place of what was there.
   *
   * @param card a GUID, with or without braces
   * @throws cache-item-too-big, and what was there stays; invalid-parameter for a card that is no GUID or a bad
   * name
   * @see SCardWriteCache
   */
  write(card: string, freshness: number, name: string, data: Uint8Array): void {
    const key = keyOf(card, name);
    if (data.length > this.#itemBytes) {
      throw new SmartCardError("cache-item-too-big", `${data.length} bytes are more than ${this.#itemBytes}`);
    }
    const old = this.#items.get(key);
    if (old !== undefined) this.#remove(key, old);
    this.#add(key, { data: copyBytes(data), freshness: freshness >>> 0 });
    for (const [oldest, item] of this.#items) {
      if (this.#bytes <= this.#totalBytes && this.#items.size <= this.#maxItems) break;
      this.#remove(oldest, item);
    }
  }

  /** How many items there are, and how many bytes they have together. */
  get size(): { readonly items: number; readonly bytes: number } {
    return { items: this.#items.size, bytes: this.#bytes };
  }

  #add(key: string, item: Item): void {
    this.#items.set(key, item);
    this.#bytes += item.data.length;
  }

  #remove(key: string, item: Item): void {
    this.#items.delete(key);
    this.#bytes -= item.data.length;
  }
}

function keyOf(card: string, name: string): string {
  checkName(name, "item");
  // A GUID has always the same length: no name can make the key of another card.
  return normalizeGuid(card) + name;
}
