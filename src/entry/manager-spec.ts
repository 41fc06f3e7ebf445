// SPDX-License-Identifier: MIT

import { SmartCardError } from "../pcsc/index.ts";

/** One reader that a program is told to have. */
export type ReaderSpec =
  /** A virtual reader; `card` goes into it: `demo` or the path of a card image. */
  | { readonly kind: "virtual"; readonly name?: string; readonly card?: string }
  /** A reader that third-party software cards plug into, by TCP on loopback; 35,963 without a port. */
  | { readonly kind: "vpcd"; readonly port?: number };

/** A manager that a program is told to use. */
export interface ManagerSpec {
  readonly kind: "embedded";
  readonly readers: readonly ReaderSpec[];
}

const forms = "virtual[:NAME][+CARD] and vpcd[:PORT]";

/**
 * Reads the description of a manager: `embedded:` and its readers, separated by commas; nothing but `embedded` for one
 * without readers.
 *
 * @throws invalid-value that names the part which means nothing
 */
export function parseManagerSpec(text: string): ManagerSpec {
  const match = /^embedded(?::(.*))?$/s.exec(text.trim());
  if (match === null) {
    throw new SmartCardError("invalid-value", `«${text}» describes no manager; known: embedded:READER,… with ${forms}`);
  }
  const readers = match[1] === undefined || match[1] === "" ? [] : match[1].split(",");
  return { kind: "embedded", readers: readers.map(parseReaderSpec) };
}

/**
 * Reads the description of a reader: `virtual`, `virtual:NAME`, `virtual:NAME+CARD`, `vpcd`, `vpcd:PORT`.
 *
 * @throws invalid-value that names the part which means nothing
 */
export function parseReaderSpec(text: string): ReaderSpec {
  const [, kind, rest] = /^\s*(\w+)([:+].*)?\s*$/s.exec(text) ?? [];
  if (kind === "virtual") {
    const [, name, card] = /^(?::([^+]+))?(?:\+(.+))?$/s.exec(rest ?? "") ?? [];
    if (rest === undefined || name !== undefined || card !== undefined) {
      return { kind, ...(name !== undefined && { name }), ...(card !== undefined && { card }) };
    }
  }
  if (kind === "vpcd") {
    if (rest === undefined) return { kind };
    const port = /^:\d{1,5}$/.test(rest) ? Number(rest.slice(1)) : Number.NaN;
    if (port <= 65_535) return { kind, port };
  }
  throw new SmartCardError("invalid-value", `«${text}» describes no reader; known: ${forms}`);
}
