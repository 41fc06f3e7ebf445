// SPDX-License-Identifier: MIT

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { blankOut, importsOf, rooms, type SourceFile, violations } from "./architecture-rules.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const files: SourceFile[] = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
  .map((path) => `src/${path.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, text: readFileSync(root + path, "utf8") }));

const spdx = "// SPDX-License-Identifier: MIT\n";

function problemsOf(path: string, code: string): string[] {
  return violations([{ path, text: spdx + code }]);
}

describe("the source keeps the architecture", () => {
  test("files were seen, in every room", () => {
    expect(files.length).toBeGreaterThan(20);
    expect([...new Set(files.map((file) => file.path.split("/")[1]))].sort()).toEqual(Object.keys(rooms).sort());
  });

  test("no rule is broken", () => {
    expect(violations(files)).toEqual([]);
  });

  test("the table of rooms points up only", () => {
    const order = Object.keys(rooms);
    for (const [name, room] of Object.entries(rooms)) {
      for (const above of room.mayImport) expect(order.indexOf(above)).toBeLessThan(order.indexOf(name));
    }
  });

  test("biome.json has the same arrows", () => {
    const { overrides } = JSON.parse(readFileSync(`${root}biome.json`, "utf8"));
    for (const [name, room] of Object.entries(rooms)) {
      const override = overrides.find(
        (candidate: { includes: string[]; linter: { rules: { style?: { noRestrictedImports?: unknown } } } }) =>
          candidate.includes[0] === `src/${name}/**` && candidate.linter.rules.style?.noRestrictedImports,
      );
      const group: string[] = override.linter.rules.style.noRestrictedImports.options.patterns[0].group;
      const others = group.slice(1).filter((pattern) => name !== "edge" || pattern !== "!../koffi/index.ts");
      expect(others.length).toBe(group.length - (name === "edge" ? 2 : 1));
      const doors = others.map((pattern) => /^!(?:\.\.\/)+([\w-]+)\//.exec(pattern)?.[1]);
      expect([name, doors.sort()]).toEqual([name, [...room.mayImport].sort()]);
    }
  });
});

describe("the check goes red", () => {
  test("when it sees no file", () => {
    expect(violations([])).toEqual(["no source file was seen: the check itself is broken"]);
  });

  test.each([
    ["an arrow the wrong way", "src/pcsc/a.ts", 'import { x } from "../manager/index.ts";', /pcsc imports manager/],
    [
      "a type from a wrong room",
      "src/cards/a.ts",
      'import type { X } from "../manager/index.ts";',
      /cards imports manager/,
    ],
    [
      "a re-export from a wrong room",
      "src/binary/a.ts",
      'export { x } from "../pcsc/index.ts";',
      /binary imports pcsc/,
    ],
    ["a dynamic import", "src/vpcd/a.ts", 'await import("../edge/tcp/index.ts");', /vpcd imports edge/],
    ["a computed import", "src/cards/a.ts", "await import(name);", /computed/],
    ["an import past a door", "src/manager/a.ts", 'import { x } from "../pcsc/error.ts";', /past the door of pcsc/],
    ["one edge importing another", "src/edge/tcp/a.ts", 'import { x } from "../node/index.ts";', /edge imports edge/],
    ["an edge past the door of koffi", "src/edge/unix/a.ts", 'import "../koffi/load.ts";', /edge imports edge/],
    ["an edge importing a program", "src/edge/tcp/a.ts", 'import "../../cli/main.ts";', /edge imports cli/],
    ["an unknown room", "src/utils/a.ts", "", /lies in no room/],
    ["node: in a pure room", "src/manager/a.ts", 'import { connect } from "node:net";', /manager imports node:net/],
    ["a package", "src/edge/node/a.ts", 'import usb from "usb";', /imports the package usb/],
    ["a star", "src/pcsc/index.ts", 'export type * from "./a.ts";', /re-exports with \*/],
    ["the wall clock", "src/manager/a.ts", "const at = Date.now();", /uses Date.now/],
    ["the wall clock by another name", "src/manager/a.ts", "const at = new Date();", /uses Date\(\)/],
    ["a timer", "src/manager/a.ts", "x(`\u0024{setTimeout(wake, 5)}`);", /uses setTimeout/],
    ["chance", "src/cards/a.ts", "const dice = Math.random();", /uses Math.random/],
    ["the process", "src/winscard/a.ts", "const pid = process.pid;", /uses process/],
    ["a global by detour", "src/winscard/a.ts", "globalThis.queueMicrotask(f);", /uses globalThis/],
    ["a Buffer", "src/vpcd/a.ts", "Buffer.from(bytes);", /uses Buffer/],
    ["a mark of unfinished work", "src/pcsc/a.ts", `// ${"TO"}${"DO"}: later`, /holds the mark/],
    ["guillemets", "src/pcsc/a.ts", 'const text = "a \u00abname\u00bb";', /quotation marks/],
    ["a riddle", "src/pcsc/a.ts", "// nobody waits", /not plain English/],
    ["a silenced checker", "src/pcsc/a.ts", `// @ts-${"expect-error"}`, /holds the mark/],
  ])("for %s", (_, path, code, problem) => {
    const problems = problemsOf(path, code);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test("for a file without the SPDX line", () => {
    expect(violations([{ path: "src/pcsc/a.ts", text: "export {};\n" }])).toHaveLength(1);
  });
});

test("what is allowed passes", () => {
  expect(problemsOf("src/edge/unix/a.ts", 'import { x } from "../koffi/index.ts";')).toEqual([]);
  expect(
    problemsOf("src/manager/a.ts", 'import { x } from "../pcsc/index.ts";\nimport { y } from "./slot.ts";'),
  ).toEqual([]);
  expect(problemsOf("src/manager/a.test.ts", 'import { x } from "../testing/index.ts";\nimport "node:fs";')).toEqual(
    [],
  );
  expect(problemsOf("src/cli/a.ts", 'import { x } from "../entry/winscard.ts";\nsetTimeout(f, 1);')).toEqual([]);
  expect(problemsOf("src/manager/a.ts", "card.process(x);\nnew Date(5);\nthis.clock.setTimeout;")).toEqual([]);
  expect(problemsOf("src/pcsc/a.ts", '/** Not Date.now(). */ const a = "Date.now()"; // from "../cli/x.ts"')).toEqual(
    [],
  );
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
