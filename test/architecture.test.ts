// SPDX-License-Identifier: MIT

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { blankOut, importsOf, misspelledConstants, type SourceFile, violations, wings } from "./architecture-rules.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const files = filesOf("src");

function filesOf(folder: string): SourceFile[] {
  return readdirSync(root + folder, { recursive: true, encoding: "utf8" })
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".ts"))
    .map((path) => ({ path, text: readFileSync(root + path, "utf8") }));
}

const SPDX = "// SPDX-License-Identifier: MIT\n";

function problemsOf(path: string, code: string): string[] {
  return violations([{ path, text: SPDX + code }]);
}

describe("the source keeps the architecture", () => {
  test("files were seen, in every room", () => {
    const folders = Object.entries(wings).flatMap(([wing, { rooms }]) =>
      rooms ? Object.keys(rooms).map((room) => `src/${wing}/${room}`) : [`src/${wing}`],
    );
    expect([...new Set(files.map((file) => dirname(file.path)))].sort()).toEqual(folders.sort());
  });

  test("no rule is broken", () => {
    expect(violations(files)).toEqual([]);
  });

  test("constants outside src are spelled alike", () => {
    const others = ["simulation", "test", "bench"].flatMap(filesOf);
    expect(others.length).toBeGreaterThan(100);
    const problems = others.flatMap((file) => misspelledConstants(file).map((problem) => `${file.path}: ${problem}`));
    expect(problems).toEqual([]);
  });

  test("the table points up only", () => {
    const order = Object.keys(wings);
    for (const [name, { mayImport, rooms = {} }] of Object.entries(wings)) {
      for (const above of mayImport) expect(order.slice(0, order.indexOf(name))).toContain(above);
      const siblings = Object.keys(rooms);
      for (const [room, above] of Object.entries(rooms)) {
        for (const sibling of above) expect(siblings.slice(0, siblings.indexOf(room))).toContain(sibling);
      }
    }
  });

  test("biome.json has the same rules: `node scripts/architecture.js` writes them", () => {
    const printed = execFileSync(process.execPath, [`${root}scripts/architecture.js`, "--print"], { encoding: "utf8" });
    const { overrides } = JSON.parse(readFileSync(`${root}biome.json`, "utf8"));
    type Override = { linter: { rules: { style?: { noRestrictedImports?: unknown } } } };
    const rules = overrides.filter((override: Override) => override.linter.rules.style?.noRestrictedImports);
    expect(rules).toEqual(JSON.parse(printed));
    expect(rules.length).toBeGreaterThanOrEqual(Object.keys(wings).length);
  });

  test("the tree of ARCHITECTURE.md is the folders", () => {
    const page = readFileSync(`${root}ARCHITECTURE.md`, "utf8");
    const named = [...page.matchAll(/^\| `([\w/-]+)\/` \|/gm)].map(([, folder]) => `src/${folder}`);
    expect(named.sort()).toEqual([...new Set(files.map((file) => dirname(file.path)))].sort());
  });

  test("the drawing of ARCHITECTURE.md names each wing and its rooms, and no others", () => {
    const page = readFileSync(`${root}ARCHITECTURE.md`, "utf8");
    const drawing = page.split("```")[1] ?? "";
    const words = new Set(drawing.match(/[a-z0-9]+(?:-[a-z0-9]+)*/g));
    const folders = Object.entries(wings).flatMap(([wing, { rooms = {} }]) => [
      ...wing.split("/"),
      ...Object.keys(rooms),
    ]);
    expect(folders.filter((folder) => !words.has(folder))).toEqual([]);
    const drawn = [...drawing.matchAll(/([a-z0-9/-]+)\//g)].flatMap(([, path = ""]) => path.split("/"));
    expect(drawn.filter((folder) => !folders.includes(folder))).toEqual([]);
  });
});

describe("the check goes red", () => {
  test("when it sees no file", () => {
    expect(violations([])).toEqual(["no source file was seen: the check itself is broken"]);
  });

  test.each([
    [
      "an arrow the wrong way",
      "src/port/a.ts",
      'import { x } from "../managers/embedded/index.ts";',
      /port imports managers\/embedded/,
    ],
    [
      "a type from a wrong wing",
      "src/cards/type2/a.ts",
      'import type { X } from "../../managers/embedded/index.ts";',
      /cards\/type2 imports managers\/embedded/,
    ],
    [
      "a re-export from a wrong wing",
      "src/base/binary/a.ts",
      'export { x } from "../../port/index.ts";',
      /base\/binary imports port/,
    ],
    [
      "a sibling that the table does not name",
      "src/managers/embedded/a.ts",
      'import { x } from "../client/index.ts";',
      /managers\/embedded imports managers\/client/,
    ],
    [
      "a dynamic import",
      "src/readers/vpcd/a.ts",
      'await import("../../platform/node/tcp/index.ts");',
      /readers\/vpcd imports platform\/node\/tcp/,
    ],
    ["a computed import", "src/cards/type2/a.ts", "await import(name);", /computed/],
    [
      "an import past a door",
      "src/managers/embedded/a.ts",
      'import { x } from "../../port/error.ts";',
      /past the door of port/,
    ],
    [
      "an import past a sibling's door",
      "src/platform/node/unix/a.ts",
      'import "../koffi/load.ts";',
      /past the door of platform\/node\/koffi/,
    ],
    [
      "the platform importing a program",
      "src/platform/node/tcp/a.ts",
      'import "../../../apps/cli/main.ts";',
      /platform\/node\/tcp imports apps\/cli/,
    ],
    ["an unknown wing", "src/utils/a.ts", "", /lies in no room/],
    ["an unknown room", "src/cards/utils/a.ts", "", /lies in no room/],
    ["a file beside the rooms", "src/cards/a.ts", "", /lies in no room/],
    [
      "node: in a pure room",
      "src/managers/embedded/a.ts",
      'import { connect } from "node:net";',
      /managers\/embedded imports node:net/,
    ],
    ["a package", "src/platform/node/runtime/a.ts", 'import left from "left-pad";', /imports the package left-pad/],
    ["a star", "src/port/index.ts", 'export * from "./a.ts";', /re-exports .* with \*/],
    ["a star of types", "src/port/index.ts", 'export type * from "./constants.ts";', /re-exports .* with \*/],
    ["a star as a name", "src/port/index.ts", 'export * as all from "./a.ts";', /re-exports .* with \*/],
    [
      "a star of constants that are not there",
      "src/port/index.ts",
      'export * from "./constants.ts";',
      /re-exports .* with \*/,
    ],
    ["a number in lower case", "src/port/a.ts", "const maxBytes = 3;", /maxBytes is a number or a text/],
    ["a product in lower case", "src/port/a.ts", "export const day: number = 24 * HOUR;", /day is a number or a text/],
    ["a text in lower case", "src/port/a.ts", 'const title = "x";', /title is a number or a text/],
    ["a table in capitals", "src/port/a.ts", "const NAMES = [1];", /NAMES is a table or an object/],
    ["the wall clock", "src/managers/embedded/a.ts", "const at = Date.now();", /uses Date.now/],
    ["the wall clock by another name", "src/managers/embedded/a.ts", "const at = new Date();", /uses Date\(\)/],
    ["a timer", "src/managers/embedded/a.ts", "x(`\u0024{setTimeout(wake, 5)}`);", /uses setTimeout/],
    ["chance", "src/cards/type2/a.ts", "const dice = Math.random();", /uses Math.random/],
    ["the process", "src/faces/winscard/a.ts", "const pid = process.pid;", /uses process/],
    ["a global by detour", "src/faces/winscard/a.ts", "globalThis.queueMicrotask(f);", /uses globalThis/],
    ["a Buffer", "src/readers/vpcd/a.ts", "Buffer.from(bytes);", /uses Buffer/],
    ["a mocked module", "src/port/a.test.ts", 'vi.mock("node:fs");', /replaces a module/],
    ["a mark of unfinished work", "src/port/a.ts", `// ${"TO"}${"DO"}: later`, /holds the mark/],
    ["guillemets", "src/port/a.ts", 'const TEXT = "a \u00abname\u00bb";', /quotation marks/],
    ["a riddle", "src/port/a.ts", "// nobody waits", /not plain English/],
    ["a silenced checker", "src/port/a.ts", `// @ts-${"expect-error"}`, /holds the mark/],
  ])("for %s", (_, path, code, problem) => {
    const problems = problemsOf(path, code);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test.each([
    "export function a(): void {}",
    "export interface A {}",
    "export type A = 1;",
    'export { a } from "./a.ts";',
    'export * from "./a.ts";',
    "export let a = 1;",
    "export default 1;",
  ])("for a star of a file that has more than constants: %s", (code) => {
    const constants = { path: "src/port/error-constants.ts", text: `${SPDX}export const B = 1;\n${code}` };
    const door = { path: "src/port/index.ts", text: `${SPDX}export * from "./error-constants.ts";` };
    expect(violations([door, constants])).toEqual([
      "src/port/index.ts: re-exports ./error-constants.ts with *: more than constants",
    ]);
  });

  test("for constants of a room that another room, or an entry with more than constants, imports past its door", () => {
    const text = `${SPDX}export const A = 1;`;
    const more = { path: "src/faces/winscard/constants.ts", text: `${text}\nexport type A = 1;` };
    const entry = { path: "src/entry/a.ts", text: `${SPDX}export { A } from "../faces/winscard/constants.ts";` };
    const room = { path: "src/faces/providers/a.ts", text: `${SPDX}export { a } from "../winscard/constants.ts";` };
    expect(violations([entry, more])).toEqual([expect.stringContaining("past the door of faces/winscard")]);
    expect(violations([room, { ...more, text }])).toEqual([expect.stringContaining("past the door of faces/winscard")]);
  });

  test("for a file without the SPDX line", () => {
    expect(violations([{ path: "src/port/a.ts", text: "export {};\n" }])).toHaveLength(1);
  });
});

test("what is allowed passes", () => {
  expect(problemsOf("src/platform/node/unix/a.ts", 'import { x } from "../koffi/index.ts";')).toEqual([]);
  expect(
    problemsOf(
      "src/managers/embedded/a.ts",
      'import { x } from "../../port/index.ts";\nimport { y } from "./slot.ts";',
    ),
  ).toEqual([]);
  expect(
    problemsOf(
      "src/managers/embedded/a.test.ts",
      'import { x } from "../../testing/runtime/index.ts";\nimport "node:fs";',
    ),
  ).toEqual([]);
  expect(problemsOf("src/apps/cli/a.ts", 'import { x } from "../../entry/winscard.ts";\nsetTimeout(f, 1);')).toEqual(
    [],
  );
  const constants = { path: "src/port/error-constants.ts", text: `${SPDX}const AT = 1;\nexport const A: number = AT;` };
  const door = { path: "src/port/index.ts", text: `${SPDX}export * from "./error-constants.ts";` };
  expect(violations([door, constants])).toEqual([]);
  const numbers = { path: "src/faces/winscard/constants.ts", text: `${SPDX}export const A = 1;` };
  const entry = { path: "src/entry/a.ts", text: `${SPDX}export { A } from "../faces/winscard/constants.ts";` };
  expect(violations([entry, numbers])).toEqual([]);
  expect(problemsOf("src/managers/embedded/a.ts", "card.process(x);\nnew Date(5);\nthis.clock.setTimeout;")).toEqual(
    [],
  );
  expect(
    problemsOf("src/port/a.ts", '/** Not Date.now(). */ const a = "Date.now()"; // from "../apps/cli/x.ts"'),
  ).toEqual([]);
});

test("imports are found in code only", () => {
  const text =
    'import {\n  a,\n} from "./a.ts";\nexport { b } from \'./b.ts\';\nimport "./c.ts";\nlet d: import("./d.ts").D;';
  expect(importsOf(text)).toEqual(["./a.ts", "./b.ts", "./c.ts", "./d.ts"]);
  expect(importsOf('const s = "x from \\"./a.ts\\""; /* import "./b.ts" */ Array.from("abc");')).toEqual([]);
});

test("blanking keeps every character in its place, and the code in templates", () => {
  // \u0024 is the dollar: written as itself, the linter would take the sample for a mistake.
  const text = 'a = `x\u0024{f({ b: `y\u0024{g("z")}` })} w`; // c\nr = /["\'`]/; h("k");';
  const code = blankOut(text);
  expect(code).toHaveLength(text.length);
  expect(code.replace(/ +/g, " ")).toBe('a = f({ b: g(" ") }) ; \nr = ; h(" ");');
});
