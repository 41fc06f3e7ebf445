// SPDX-License-Identifier: MIT

import { resolve } from "node:path";
import { type Result, success } from "../../base/binary/index.ts";
import { type JsonProblem, parseShape } from "../../base/json/index.ts";
import { isCardWord } from "../../entry/software.ts";
import type { ConfiguredReader, DaemonConfig } from "./config.ts";
import { daemonConfig, type ReaderEntry } from "./config-shape.ts";

/**
 * Checks and reads a configuration. All problems are found at once; each names its place and the remedy.
 *
 * @param json what `JSON.parse` returned
 * @param folder where the file is: paths of card images begin there
 */
export function parseConfig(json: unknown, folder: string): Result<DaemonConfig, readonly JsonProblem[]> {
  const parsed = parseShape(daemonConfig, json);
  if (!parsed.ok) return parsed;
  const { $schema: _, readers, semantics, ...others } = parsed.value;
  const points = Object.entries(semantics).map(([name, point]) => [name, point ?? undefined]);
  return success({
    ...others,
    readers: readers.map((reader) => configuredReader(reader, folder)),
    semantics: Object.fromEntries(points),
  });
}

function configuredReader(entry: ReaderEntry, folder: string): ConfiguredReader {
  if (entry.type !== "virtual") return withKind(entry);
  const { card, name } = entry;
  return {
    kind: entry.type,
    ...(name !== undefined && { name }),
    ...(card !== undefined && { card: cardSource(card, folder) }),
  };
}

function withKind<K extends string, E extends { readonly type: K }>({
  type,
  ...entry
}: E): Omit<E, "type"> & { readonly kind: K } {
  return { ...entry, kind: type };
}

/** The card of a virtual reader: a card type by its name, or else a file. */
export function cardSource(text: string, folder: string): string {
  return isCardWord(text) ? text : resolve(folder, text);
}
