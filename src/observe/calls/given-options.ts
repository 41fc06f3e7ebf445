// SPDX-License-Identifier: MIT

import {
  type Disposition,
  dispositions,
  LONGEST_READER_NAME,
  type Protocol,
  protocols,
  type ShareMode,
  shareModes,
} from "../../port/index.ts";

// What callers give has not been checked yet: the manager refuses what is wrong. An event has only what is right.

/** The protocols in the options of a connect. */
export function preferredProtocolsIn(options: unknown): readonly Protocol[] {
  const given = memberOf(options, "preferredProtocols");
  if (!Array.isArray(given)) return [];
  return (Object.keys(protocols) as Protocol[]).filter((protocol) => given.includes(protocol));
}

export function shareModeIn(options: unknown): ShareMode | undefined {
  return wordOf(shareModes, memberOf(options, "shareMode"));
}

export function initializationIn(options: unknown): Disposition | undefined {
  return dispositionOf(memberOf(options, "initialization"));
}

export function dispositionOf(value: unknown): Disposition | undefined {
  return wordOf(dispositions, value);
}

/** A control code, or the number of an attribute, without its sign. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) ? value >>> 0 : undefined;
}

export function readerOf(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= LONGEST_READER_NAME ? value : undefined;
}

function memberOf(options: unknown, name: string): unknown {
  return typeof options === "object" && options !== null ? Reflect.get(options, name) : undefined;
}

function wordOf<W extends string>(words: Readonly<Record<W, unknown>>, value: unknown): W | undefined {
  return typeof value === "string" && Object.hasOwn(words, value) ? (value as W) : undefined;
}
