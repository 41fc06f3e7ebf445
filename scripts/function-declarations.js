// SPDX-License-Identifier: MIT

// `scard/winscard` takes its functions off one WinSCard object, by name. The compiler writes a type for each, and leaves out
// the documentation that the function has in its group. An editor shows what the declaration of the imported name has.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { join } from "node:path";

/** Declares the functions that `file.ts` takes off an object, each with its type and documentation in `WinSCard`. */
export function documentFunctions(file, sourceFile, groupsFolder) {
  const sourceLines = readFileSync(sourceFile, "utf8").split("\n");
  const first = sourceLines.indexOf("export const {") + 1;
  const count = sourceLines.slice(first).findIndex((line) => line.startsWith("}"));
  const names = sourceLines.slice(first, first + count).map((line) => line.replace(/[ ,]/g, ""));

  const text = readFileSync(file, "utf8");
  const start = text.indexOf(`export declare const ${names[0]}:`);
  if (first === 0 || start < 0) throw new Error(`${file} declares no functions of a list in ${sourceFile}`);
  const kept = text.slice(0, start).split("\n").length - 1;
  const map = JSON.parse(readFileSync(`${file}.map`, "utf8"));
  // A place in a map is written as its distance from the place before.
  let { originalLine: line = 0, originalColumn: column = 0 } = new SourceMap(map).findEntry(kept - 1, Infinity);
  const mappings = map.mappings.split(";").slice(0, kept);

  const documentation = documentationIn(groupsFolder);
  const declarations = names.map((name, index) => {
    const doc = documentation.get(name);
    if (doc === undefined) throw new Error(`${name} has no documentation in ${groupsFolder}`);
    const before = "export declare const ";
    const distance = [before.length, 0, first + index - line, sourceLines[first + index].indexOf(name) - column];
    line += distance[2];
    column += distance[3];
    mappings.push(...doc.split("\n").map(() => ""), distance.map(base64Vlq).join(""));
    return `${doc}\n${before}${name}: WinSCard["${name}"];\n`;
  });
  const end = text.slice(text.lastIndexOf("//# sourceMappingURL="));
  writeFileSync(file, text.slice(0, start) + declarations.join("") + end);
  writeFileSync(`${file}.map`, JSON.stringify({ ...map, mappings: mappings.join(";") }));
}

/** The comments on the functions of all groups, by name. */
function documentationIn(folder) {
  const groups = readdirSync(folder).filter((name) => name.endsWith("-functions.d.ts"));
  const member = /^ {4}(\/\*\*(?:(?!\*\/)[\s\S])*\*\/)\n {4}(\w+): \(/gm;
  const found = groups.flatMap((name) => [...readFileSync(join(folder, name), "utf8").matchAll(member)]);
  return new Map(found.map(([, doc, name]) => [name, doc.replace(/^ {4}/gm, "")]));
}

/** A number of a source map: five bits to a letter, the lowest first, the sign in the lowest. */
function base64Vlq(number) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  let rest = number < 0 ? -2 * number + 1 : 2 * number;
  let text = "";
  do {
    text += letters[(rest % 32) + (rest >= 32 ? 32 : 0)];
    rest = Math.floor(rest / 32);
  } while (rest > 0);
  return text;
}
