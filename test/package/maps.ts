// SPDX-License-Identifier: MIT

import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, join } from "node:path";

/** A file of the build, its map, and the source that the map names; or what is wrong with them. */
type Mapped = { readonly code: string; readonly map: SourceMap; readonly source: string };

function mapped(path: string): Mapped | string {
  const code = readFileSync(path, "utf8");
  const name = /^\/\/# sourceMappingURL=(\S+)\s*$/m.exec(code)?.[1];
  if (name === undefined) return `${path} names no map`;
  const mapPath = join(dirname(path), name);
  if (!existsSync(mapPath)) return `${path} names ${name}, which is not there`;
  const payload = JSON.parse(readFileSync(mapPath, "utf8"));
  const [source, ...others] = payload.sources;
  if (source === undefined || others.length > 0) return `${mapPath} has ${payload.sources.length} sources`;
  const sourcePath = join(dirname(mapPath), source);
  if (!existsSync(sourcePath)) return `${mapPath} has the source ${source}, which is not there`;
  return { code, map: new SourceMap(payload), source: readFileSync(sourcePath, "utf8") };
}

/** The names that a file declares and exports, each where its declaration has it. */
const declaration =
  /^(export (?:declare )?(?:abstract )?(?:async )?(?:class|function\*?|const|interface|type) )([\w$]+)/;

/**
 * What is wrong with the map of a file of the build: it, or its source, is missing, or an exported name is not at the place
 * in the source that the map says. Tells how many names were looked up.
 */
export function problemsOfMap(path: string): { readonly names: number; readonly problems: readonly string[] } {
  const found = mapped(path);
  if (typeof found === "string") return { names: 0, problems: [found] };
  const { code, map, source } = found;
  const sourceLines = source.split("\n");
  const problems: string[] = [];
  let names = 0;
  for (const [line, text] of code.split("\n").entries()) {
    const [, before = "", name] = declaration.exec(text) ?? [];
    if (name === undefined) continue;
    names++;
    const entry = map.findEntry(line, before.length);
    const place = "originalLine" in entry ? sourceLines[entry.originalLine]?.slice(entry.originalColumn) : undefined;
    if (place?.startsWith(name) !== true) problems.push(`${path}:${line + 1}: ${name} is mapped to ${place}`);
  }
  return { names, problems };
}
