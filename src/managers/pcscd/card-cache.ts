// SPDX-License-Identifier: MIT

import { isBytes, kindOf } from "../../base/binary/index.ts";
import { type ContextCache, cacheRevision, checkName, normalizeGuid, SmartCardError } from "../../port/index.ts";
import { type CacheKey, guidBytes, MAX_TRAILING_BYTES } from "../../wire/pcsclite/index.ts";
import { cacheFailure } from "./failures.ts";
import type { Line } from "./line.ts";

/** The card cache of scard daemon, over the line of a context: all its clients share it. */
export function serviceCache(line: Line): ContextCache {
  const keyOf = (card: string, freshness: number, name: string): CacheKey => {
    checkName(name, "item");
    return { context: line.context, card: guidBytes(normalizeGuid(card)), freshness: cacheRevision(freshness), name };
  };
  return {
    async read(card, freshness, name) {
      const { data, rv } = await line.prompt(line.session.readCache(keyOf(card, freshness, name)));
      if (rv !== 0) throw cacheFailure(rv, "read cache", name);
      return data;
    },
    async write(card, freshness, name, data) {
      if (!isBytes(data)) {
        throw new SmartCardError("invalid-parameter", `the data of the item is ${kindOf(data)}; pass a Uint8Array`);
      }
      const key = keyOf(card, freshness, name);
      if (data.length > MAX_TRAILING_BYTES) {
        const message = `"${name}" has ${data.length} bytes, more than ${MAX_TRAILING_BYTES}`;
        throw new SmartCardError("cache-item-too-big", message);
      }
      const { rv } = await line.prompt(line.session.writeCache(key, data));
      if (rv !== 0) throw cacheFailure(rv, "write cache", name);
    },
  };
}
