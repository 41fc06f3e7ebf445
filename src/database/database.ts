// SPDX-License-Identifier: MIT

import { checkKnown, isObject, refused } from "./arguments.ts";
import { AuditLog } from "./audit-log.ts";
import { CachedStores } from "./cached-store.ts";
import { CardTypes } from "./card-types.ts";
import { ReaderNames } from "./named-readers.ts";
import type { Store } from "./store.ts";

/**
 * The smart card database: card types, names and groups of readers, and the log of PIN verifications.
 *
 * Everything is synchronous: a query takes microseconds, a change as long as the store takes to make it durable. The
 * next call sees a change by another database over the same store, in this process or another.
 *
 * ```ts
 * import { Database, MemoryStore } from "scard/database";
 *
 * const database = new Database(new MemoryStore());
 * const atr = Uint8Array.of(0x3b, 0x02, 0x14, 0x50);
 * database.cardTypes.introduce({ name: "Schlumberger Multiflex 3k", atrs: [{ atr }] });
 * console.log(database.cardTypes.find({ atr }).map(({ name }) => name));
 *
 * const attached = ["Virtual PCD", "Virtual PCD 1"];
 * database.readers.addToGroup("Virtual PCD 1", "Doors", attached);
 * console.log(database.readers.available(attached, ["Doors"]));
 * database.close();
 * ```
 *
 * @see docs/decisions/0013-database.md
 */
export class Database {
  readonly cardTypes: CardTypes;
  readonly readers: ReaderNames;
  readonly audit: AuditLog;
  readonly #stores: CachedStores;

  /**
   * @param store what is read and changed
   * @param options.below a store that is only read, and hidden by what has the same name in the first: the system's,
   * where the first is the user's
   */
  constructor(store: Store, options: { readonly below?: Store | undefined } = {}) {
    checkStore("store", store);
    if (!isObject(options)) throw refused("options", options, "pass an object with below, or leave it out");
    checkKnown("options", options, ["below"]);
    if (options.below !== undefined) checkStore("options.below", options.below);
    this.#stores = new CachedStores(store, options.below);
    this.cardTypes = new CardTypes(this.#stores);
    this.readers = new ReaderNames(this.#stores);
    this.audit = new AuditLog(store);
  }

  /** Closes the stores. The database cannot be used afterwards; to close it again does nothing. */
  close(): void {
    this.#stores.close();
  }
}

function checkStore(name: string, store: Store): void {
  if (isObject(store) && typeof store.load === "function" && typeof store.update === "function") return;
  throw refused(name, store, "pass a Store, such as a MemoryStore");
}
