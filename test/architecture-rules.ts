// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";

/** A source file: its path below the repository with forward slashes, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What a wing of src/ may do: a line of architecture.json. */
interface Wing {
  /** Wings that it may import, all of them further up in the table. */
  readonly mayImport: readonly string[];
  /** Its folders, and which of them each may import. Without it the wing is one room. */
  readonly rooms?: Readonly<Record<string, readonly string[]>>;
  /** Whether it may use the machine: `node:*`, the clock, timers, randomness, the process, the network. */
  readonly machine?: true;
  /** The packages that it may import, by name. */
  readonly packages?: readonly string[];
  /** Whether each file is a door of its own. Elsewhere the only door of a room is `index.ts`. */
  readonly everyFileIsADoor?: true;
}

/** The drawing of ARCHITECTURE.md. Arrows point up the list only; biome.json says the same to the editor. */
export const wings: Readonly<Record<string, Wing>> = JSON.parse(
  readFileSync(new URL("../architecture.json", import.meta.url), "utf8"),
);

/** A room of the source: its wing, its folder, and what it may do. */
interface Room {
  readonly wing: string;
  readonly folder: string;
  readonly rules: Wing;
  /** The rooms of the same wing that it may import. */
  readonly siblings: readonly string[];
}

/** The public test tools, for the unit tests of every room. */
const TEST_TOOLS = "src/testing/runtime";

/** Unit tests may use what their room may, the public test tools, vectors, the machine, and these packages. */
const testPackages = ["vitest", "fast-check"];

const machineUse = new RegExp(
  [
    String.raw`(?<![\w$.])(?:Date\s*\.\s*now|Math\s*\.\s*random|AbortSignal\s*\.\s*timeout|Date\s*\(\s*\)|new\s+Date\s*[;,)\]}]`,
    String.raw`(?:performance|crypto|process|Buffer|console)\s*\.|(?:fetch|require)\s*\(`,
    String.raw`(?:globalThis|setTimeout|setInterval|setImmediate|queueMicrotask|WebSocket)(?![\w$]))`,
  ].join("|"),
  "g",
);

const forbiddenMarks = /\b(?:TODO|FIXME|XXX)\b|@ts-(?:ignore|expect-error|nocheck)|biome-ignore|v8 ignore/g;

/**
 * Words that an engineer of this field would not say aloud in a message, a comment or a guide. The remedy: subject, verb,
 * object, with the client, program, card or reader named.
 */
const unclear =
  /\b(?:nobody|whoever|(?:reader|card|one)s? of metal|makes? no sense|that (?:is|are) meant|of its own accord)\b/gi;

/** The unclear words of a text of ours, be it source or documentation. */
export function unclearWords(text: string): string[] {
  return [...text.matchAll(unclear)].map(([word]) => word);
}

/** A file of constants. Its room's door may pass it on as a whole, and an entry may import it: their names stand once then. */
const constantsFile = /\/(?:[\w-]+-)?constants\.ts$/;

/** Why an import is not one of constants alone; nothing where it is. */
function constantsProblem(path: string, specifier: string, files: readonly SourceFile[]): string | undefined {
  const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
  const found = files.find((file) => constantsFile.test(file.path) && file.path === target);
  if (found === undefined) return "not constants";
  return /\bexport\s+(?!const\s)/.test(blankOut(found.text)) ? "more than constants" : undefined;
}

const numberOrText = /^(?:-?[\d_.]+n?|-?0x[\da-f_]+n?|"[^"]*"|'[^']*'|`[^`]*`)(?:;|\s*[*+/|<-])/i;
const table = /^(?:[[{]|new\s)/;
/** Files whose constants have the names of a C header, tables too. */
const headerNames = /\/(?:[\w-]+-)?(?:constants|enumerations)\.ts$/;

/** The constants of a module that are spelled otherwise than the house does: MAX_BYTES for a number or a text, camelCase for the rest. */
export function misspelledConstants({ path, text }: SourceFile): string[] {
  return [...text.matchAll(/^(?:export )?const (\w+)(?:: [^=\n]+)? =\s+(.*)$/gm)].flatMap(
    ([, name = "", value = ""]) => {
      if (numberOrText.test(value) && /^[a-z]/.test(name))
        return [`${name} is a number or a text: spell it in capitals`];
      if (table.test(value) && /^[A-Z][A-Z\d_]+$/.test(name) && !headerNames.test(path)) {
        return [`${name} is a table or an object: spell it as camelCase`];
      }
      return [];
    },
  );
}

/** Says every way in which the files break the architecture; nothing when they keep it. */
export function violations(files: readonly SourceFile[]): string[] {
  if (files.length === 0) return ["no source file was seen: the check itself is broken"];
  return files.flatMap((file) => [...fileViolations(file, files)].map((problem) => `${file.path}: ${problem}`));
}

function* fileViolations({ path, text }: SourceFile, files: readonly SourceFile[]): Generator<string> {
  const room = roomOf(path);
  if (!room) return yield "lies in no room of architecture.json";
  const isTest = path.endsWith(".test.ts");
  const code = blankOut(text);
  if (!/^(?:#!.*\n)?\/\/ SPDX-License-Identifier: MIT\n/.test(text)) yield "does not begin with the SPDX line";
  for (const [mark] of text.matchAll(forbiddenMarks)) yield `holds the mark ${mark}`;
  if (/[\u00ab\u00bb]/.test(text)) yield "has quotation marks other than \" and '";
  yield* misspelledConstants({ path, text });
  for (const word of unclearWords(text)) yield `says "${word}", which is not plain English`;
  if (path.endsWith("/index.ts")) {
    for (const specifier of starsOf(text)) {
      const problem = /^\.\/[^/]+$/.test(specifier) ? constantsProblem(path, specifier, files) : "not constants";
      if (problem) yield `re-exports ${specifier} with *: ${problem}`;
    }
  }
  // `npm run test:unit` loads modules once for all files: a replaced module would depend on the order of the files.
  if (isTest && /\bvi\.mock\(/.test(code))
    yield "replaces a module for the file: use vi.doMock, vi.resetModules and import()";
  if (!room.rules.machine && !isTest) {
    for (const [use] of code.matchAll(machineUse))
      yield `uses ${use.trim()}, which only Runtime may offer to ${nameOf(room)}`;
  }
  for (const specifier of importsOf(text)) {
    const problem = importProblem(path, specifier, files);
    if (problem) yield problem;
  }
}

function importProblem(path: string, specifier: string | undefined, files: readonly SourceFile[]): string | undefined {
  const from = roomOf(path);
  if (!from) return undefined;
  const isTest = path.endsWith(".test.ts");
  if (specifier === undefined) return "imports a name that is computed";
  if (specifier.startsWith("node:")) {
    return from.rules.machine || isTest ? undefined : `${nameOf(from)} imports ${specifier}`;
  }
  if (!specifier.startsWith(".")) {
    const allowed = [...(from.rules.packages ?? []), ...(isTest ? testPackages : [])];
    // A package may be imported by one of its files: @noble/curves/nist.js.
    const isAllowed = allowed.some((name) => specifier === name || specifier.startsWith(`${name}/`));
    return isAllowed ? undefined : `imports the package ${specifier}`;
  }
  const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
  if (isTest && /^test\/vectors\/[\w-]+\.json$/.test(target)) return undefined;
  const to = roomOf(target);
  if (!to) return `imports ${specifier}, which lies in no room`;
  if (to.folder === from.folder) return undefined;
  const mayImport =
    to.wing === from.wing
      ? from.siblings.some((sibling) => to.folder === `src/${to.wing}/${sibling}`)
      : from.rules.mayImport.includes(to.wing) || (isTest && to.folder === TEST_TOOLS);
  if (!mayImport) {
    const allowed = [...from.rules.mayImport, ...from.siblings];
    return `${nameOf(from)} imports ${nameOf(to)}, and may import ${allowed.join(", ") || "no room"}`;
  }
  if (to.rules.everyFileIsADoor || target === `${to.folder}/index.ts`) return undefined;
  if (from.rules.everyFileIsADoor && !constantsProblem(path, specifier, files)) return undefined;
  return `imports ${specifier}, past the door of ${nameOf(to)}`;
}

const nameOf = (room: Room): string => room.folder.slice("src/".length);

/** The room that a file lies in; undefined where the table has none. */
function roomOf(path: string): Room | undefined {
  for (const [wing, rules] of Object.entries(wings)) {
    if (!path.startsWith(`src/${wing}/`)) continue;
    const [room = "", ...file] = path.slice(`src/${wing}/`.length).split("/");
    if (!rules.rooms) return { wing, folder: `src/${wing}`, rules, siblings: [] };
    const siblings = Object.hasOwn(rules.rooms, room) && file.length > 0 ? rules.rooms[room] : undefined;
    return siblings && { wing, folder: `src/${wing}/${room}`, rules, siblings };
  }
  return undefined;
}

/** What a file re-exports with a star. */
function starsOf(text: string): string[] {
  const stars = blankOut(text).matchAll(/\bexport\s+(type\s+)?\*[^"']*["']/g);
  return [...stars].map(({ 0: star, 1: type, index }) => {
    const start = index + star.length;
    return `${type ?? ""}${text.slice(start, text.indexOf(text[start - 1] ?? "", start))}`;
  });
}

/** What a file imports and re-exports, statically or not; undefined for an import whose name is computed. */
export function importsOf(text: string): (string | undefined)[] {
  const code = blankOut(text);
  const keyword = /(?<![\w$.])(?:from\s*(?=["'])|import\s*(?=["'])|import\s*\(\s*)/g;
  return [...code.matchAll(keyword)].map((match) => {
    const start = match.index + match[0].length;
    const quote = code[start];
    if (quote !== '"' && quote !== "'") return undefined;
    return text.slice(start + 1, code.indexOf(quote, start + 1));
  });
}

/**
 * The text with the insides of comments, strings and regular expressions blanked out, so that patterns see code alone.
 * Every character keeps its place. What stands in `${}` of a template is kept: it is code.
 */
export function blankOut(text: string): string {
  // A slash begins a regular expression where no value can have ended before it.
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|(?<=(?:[=(,:;!&|?{}[>\n]|\breturn)\s*)\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/|`(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)|[{}]/g;
  const templateRest = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y;
  const blank = (part: string) => part.replace(/[^\n]/g, " ");
  const depths: number[] = [];
  let depth = 0;
  let code = "";
  let at = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    let part = match[0];
    code += text.slice(at, match.index);
    if (part === "{") depth++;
    else if (part === "}" && depths.at(-1) !== depth) depth--;
    else {
      if (part === "}") {
        // The end of ${…}: the template goes on, up to its end or to the next ${.
        depths.pop();
        templateRest.lastIndex = token.lastIndex;
        part += templateRest.exec(text)?.[0] ?? "";
      }
      if (part.endsWith("${")) depths.push(depth);
      part = /^["']/.test(part) ? part[0] + blank(part.slice(1, -1)) + part[0] : blank(part);
    }
    code += part;
    at = token.lastIndex = match.index + part.length;
  }
  return code + text.slice(at);
}
