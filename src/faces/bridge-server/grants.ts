// SPDX-License-Identifier: MIT

import type { BridgeOrigin } from "./ports.ts";

/** Whether an origin may see a reader: it was given the reader, or it has all and no other origin was given this one. */
export function maySee(origin: string, reader: string, all: readonly BridgeOrigin[]): boolean {
  const own = all.find((one) => one.origin === origin);
  if (own === undefined) return false;
  if (own.readers !== undefined) return isNamed(reader, own.readers);
  return !all.some((other) => other.origin !== origin && other.readers !== undefined && isNamed(reader, other.readers));
}

/** Whether a reader is one of those named: by its name, or by what it begins with, before a `*`. */
function isNamed(reader: string, names: readonly string[]): boolean {
  return names.some((name) => (name.endsWith("*") ? reader.startsWith(name.slice(0, -1)) : reader === name));
}
