// SPDX-License-Identifier: MIT

import { readerKey } from "../../port/index.ts";
import type { BridgeOrigin, BridgeOrigins } from "./ports.ts";

/** Whether an origin may see a reader: it was given the reader, or it was given none and no origin was ever given this one. */
export function maySee(origin: string, reader: string, origins: BridgeOrigins): boolean {
  // A manager in C would take such a name for what stands before its NUL.
  if (reader.includes("\0")) return false;
  const all = origins.all();
  const own = all.find((one) => one.origin === origin);
  if (own === undefined) return false;
  const key = readerKey(reader);
  if (own.readers !== undefined) return isNamed(key, own.readers);
  return !isNamed(key, namesOfOthers(origin, all, origins));
}

/** What an origin may see, as text: it changes with every grant that decides. */
export function grantOf(origin: string, origins: BridgeOrigins): string {
  const all = origins.all();
  const own = all.find((one) => one.origin === origin)?.readers;
  const names = own ?? namesOfOthers(origin, all, origins);
  return JSON.stringify([own !== undefined, [...new Set(names.map(readerKey))].sort()]);
}

function namesOfOthers(origin: string, all: readonly BridgeOrigin[], origins: BridgeOrigins): readonly string[] {
  const granted = all.flatMap((other) => (other.origin === origin ? [] : (other.readers ?? [])));
  return [...granted, ...(origins.withheld?.() ?? [])];
}

/**
 * Whether a reader is one of those named: by its name, or by what it begins with, before a `*`. Names are compared as managers compare them.
 */
function isNamed(key: string, names: readonly string[]): boolean {
  return names.some((name) =>
    name.endsWith("*") ? key.startsWith(readerKey(name.slice(0, -1))) : key === readerKey(name),
  );
}
