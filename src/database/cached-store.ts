// SPDX-License-Identifier: MIT

import { assertNever, foldName } from "../port/index.ts";
import { AtrIndex } from "./atr-index.ts";
import type { CardType } from "./card-type.ts";
import type { Store, StoreChange, StoreContents, StoredReader } from "./store.ts";

/** What a store holds, by folded name and ready to be searched. */
export class Contents {
  readonly cardTypes: Map<string, CardType> = new Map();
  readonly readers: Map<string, StoredReader> = new Map();
  /** The keys of card types by their ATRs. */
  readonly atrs: AtrIndex<string> = new AtrIndex();

  constructor(contents: StoreContents) {
    for (const cardType of contents.cardTypes) {
      this.apply({ kind: "put-card-type", key: foldName(cardType.name), cardType });
    }
    for (const reader of contents.readers) this.apply({ kind: "put-reader", key: foldName(reader.name), reader });
  }

  apply(change: StoreChange): void {
    switch (change.kind) {
      case "put-card-type":
        this.#removeCardType(change.key);
        this.cardTypes.set(change.key, change.cardType);
        for (const pattern of change.cardType.atrs) this.atrs.add(pattern, change.key);
        break;
      case "remove-card-type":
        this.#removeCardType(change.key);
        break;
      case "put-reader":
        this.readers.set(change.key, change.reader);
        break;
      case "remove-reader":
        this.readers.delete(change.key);
        break;
      default:
        assertNever(change, "change of a store");
    }
  }

  #removeCardType(key: string): void {
    for (const pattern of this.cardTypes.get(key)?.atrs ?? []) this.atrs.remove(pattern, key);
    this.cardTypes.delete(key);
  }
}

/** A store with a cached copy of its contents, which is reloaded when another process has changed the store. */
export class CachedStore {
  readonly store: Store;
  #contents: Contents | undefined;
  #revision = "";

  constructor(store: Store) {
    this.store = store;
  }

  /** The contents as they are now. Not to be changed. */
  contents(): Contents {
    if (this.#contents !== undefined && this.store.revision() === this.#revision) return this.#contents;
    const loaded = this.store.load();
    this.#contents = new Contents(loaded);
    this.#revision = loaded.revision;
    return this.#contents;
  }

  /** Makes the changes that `decide` asks for, all or none; it may look at {@link contents}, which do not change meanwhile. */
  update(decide: () => readonly StoreChange[]): void {
    let changes: readonly StoreChange[] = [];
    let contents: Contents | undefined;
    const revision = this.store.update(() => {
      contents = this.contents();
      changes = decide();
      return changes;
    });
    for (const change of changes) contents?.apply(change);
    this.#revision = revision;
  }
}

/**
 * The stores of a context: its own, which it changes, and, for the user's scope, the system's store below it, which it only
 * reads. An entry of its own store hides one of the same name below.
 */
export class CachedStores {
  readonly own: CachedStore;
  readonly #below: CachedStore | undefined;

  constructor(own: Store, below: Store | undefined) {
    this.own = new CachedStore(own);
    this.#below = below === undefined ? undefined : new CachedStore(below);
  }

  /** The contents of the stores, those that hide others first. */
  layers(): readonly Contents[] {
    const own = this.own.contents();
    return this.#below === undefined ? [own] : [own, this.#below.contents()];
  }

  close(): void {
    this.own.store.close();
    this.#below?.store.close();
  }
}
