// SPDX-License-Identifier: MIT

import { encodeHex, isBytes } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { dword, textOf } from "./arguments.ts";
import type { InDatabase } from "./database-choice.ts";
import type { Foundation } from "./foundation.ts";
import type { SCARDCONTEXT } from "./handles.ts";

/**
 * The functions on the card cache. The cache is the resource manager's: all its clients share the
 * items. An item has at most 65,536 bytes. When the cache is full, it evicts items of the largest user.
 *
 * A UUID of the card or its minidriver identifies the card: a GUID as text, or the 16 bytes that C has in memory. The
 * freshness counter is a number that programs keep on the card and raise when they change what is cached.
 */
export function cacheFunctions({ handles }: Foundation, inDatabase: InDatabase) {
  return {
    /**
     * Reads the cached data of a card under a name.
     *
     * @param freshnessCounter the revision that the card has now, 0 to 4,294,967,295.
     * @throws cache-item-not-found (also where the item is of a newer revision, which stays), cache-item-stale (it is of an
     * older revision, and gone now), invalid-parameter (a bad UUID or name), invalid-value, invalid-context
     * @see SCardReadCache function (winscard.h), Microsoft
     *
     * **Portability**: Microsoft calls an item stale that is older than requested, and does not cover one that is newer.
     * pcscd has no such cache: over it, and over the operating system's manager, the cache is this process's.
     */
    SCardReadCache: async (
      context: SCARDCONTEXT,
      cardIdentifier: string | Uint8Array,
      freshnessCounter: number,
      lookupName: string,
    ): Promise<{ readonly data: Uint8Array }> => {
      const operation = "read cache";
      handles.context(context);
      const freshness = dword(freshnessCounter, "freshness counter", operation);
      const name = textOf(lookupName, "lookup name", operation);
      const card = uuidOf(cardIdentifier, operation);
      return { data: await inDatabase(context, ({ cache }) => cache.read(card, freshness, name)) };
    },

    /**
     * Caches bytes for a card under a name, and replaces an existing item.
     *
     * @param freshnessCounter the revision that the card has now, 0 to 4,294,967,295.
     * @throws cache-item-too-big (what was there stays), invalid-parameter (a bad UUID, name or data), invalid-value,
     * invalid-context
     * @see SCardWriteCache function (winscard.h), Microsoft
     */
    SCardWriteCache: async (
      context: SCARDCONTEXT,
      cardIdentifier: string | Uint8Array,
      freshnessCounter: number,
      lookupName: string,
      data: Uint8Array,
    ): Promise<void> => {
      const operation = "write cache";
      handles.context(context);
      const freshness = dword(freshnessCounter, "freshness counter", operation);
      const name = textOf(lookupName, "lookup name", operation);
      const card = uuidOf(cardIdentifier, operation);
      await inDatabase(context, ({ cache }) => cache.write(card, freshness, name, data));
    },
  };
}

export type CacheFunctions = Readonly<ReturnType<typeof cacheFunctions>>;

/** The text of a UUID. In memory its first three numbers have their least significant byte first. */
function uuidOf(identifier: string | Uint8Array, operation: string): string {
  if (!isBytes(identifier)) return textOf(identifier, "card identifier", operation);
  if (identifier.length !== 16) {
    throw new SmartCardError("invalid-parameter", `a UUID has 16 bytes, not ${identifier.length}`, { operation });
  }
  const hex = (...order: number[]): string => encodeHex(Uint8Array.from(order, (at) => identifier[at] ?? 0));
  return [hex(3, 2, 1, 0), hex(5, 4), hex(7, 6), hex(8, 9), hex(10, 11, 12, 13, 14, 15)].join("-");
}
