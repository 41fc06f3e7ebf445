// SPDX-License-Identifier: MIT

// Every example of README.md and docs/ compiles as strict TypeScript, against the package as it was built, and runs.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allPages, type Block, blocksOf, root } from "./documentation/pages.ts";
import { Program, run } from "./peers/program.ts";

/** Blocks of JavaScript that stay JavaScript, by the package that they import, and why. */
const notCompiled: Readonly<Record<string, string>> = {
  "@jest/globals": "its types come with jest, which is no dependency of ours. test/testing/guide.test.ts runs these",
  pkijs: "its types are made for pages. test/web-crypto runs these",
  "@peculiar/x509": "its types are made for pages. test/web-crypto runs these",
  electron: "it is no dependency of ours. test/bridge/ports.test.ts runs the like of it over Node's ports",
  "scard/bridge":
    "they are of a page, with a bridge beside it. test/browser/bridge.test.ts runs the like of them in Chromium",
  "scard/farm": "it needs a NATS server and a host of a farm. test/farm/nats.test.ts runs the like of it",
  "scard/browser":
    "they are of a page, with its navigator and its button. test/browser runs the like of them in Chromium",
};

/** Examples that a test runner runs, by what they import. */
const runners = { vitest: 'from "vitest"', "node:test": 'from "node:test"' };

/** What a page's examples need beside the demo card, by the beginning of its path. */
const environments: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "docs/guide/providers/": {
    SCARD_MANAGER: `embedded:virtual:Front Desk+${root}docs/guide/providers/club-card.json`,
  },
  // The first reader has the demo card, as everywhere, and the second one a card with keys.
  "README.md": {
    SCARD_MANAGER: `embedded:virtual+demo,virtual+${root}docs/guide/card-modules/holder-card.json`,
  },
  "docs/guide/web-crypto": { SCARD_MANAGER: `embedded:virtual+${root}docs/guide/card-modules/holder-card.json` },
  "docs/guide/card-modules": { SCARD_MANAGER: `embedded:virtual+${root}docs/guide/card-modules/holder-card.json` },
};

/** Divides what one example prints from what the next one does. */
const SEPARATOR = "\u001e";

const pages = allPages();
const blocks = blocksOf(pages);
const stays = (code: string): boolean =>
  Object.keys(notCompiled).some((name) => code.includes(`from "${name}"`) || code.includes(`require("${name}")`));
const examples = blocks.filter(({ code, language }) => language === "ts" && !stays(code));
const runnerOf = ({ code }: Block): string | undefined =>
  Object.entries(runners).find(([, text]) => code.includes(text))?.[0];
const programs = examples.filter((example) => runnerOf(example) === undefined);
const programPages = [...new Set(programs.map(({ page }) => page))];

/** The name of an example's module, without an extension. */
function nameOf({ line, page, ...example }: Block): string {
  const name = `${page.replaceAll("/", "-").replace(".md", "")}-${line}`;
  // vitest takes what ends in .test.
  return runnerOf({ line, page, ...example }) === "vitest" ? `${name}.test` : name;
}

/** What the page says that an example prints: the block of text right after it, under the same heading. */
function outputOf(example: Block): string | undefined {
  const next = blocks[blocks.indexOf(example) + 1];
  return next?.language === "text" && next.page === example.page && next.heading === example.heading
    ? next.code
    : undefined;
}

let folder = "";
let service: Program;

/** A project that has this package and vitest installed, and all examples in it. */
function writeProject(): void {
  folder = mkdtempSync(join(tmpdir(), "scard-examples-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/scard"));
  for (const name of ["vitest", "jose"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  for (const example of examples) writeFileSync(join(folder, `${nameOf(example)}.ts`), `${example.code}\nexport {};\n`);
  for (const page of programPages) writeFileSync(join(folder, `${fileNameOf(page)}.mjs`), programOf(page));
  // The card that the guide to software cards describes, under the name that it has there.
  const description = blocks.find(({ language, page }) => page.endsWith("/software-cards.md") && language === "json");
  writeFileSync(join(folder, "library-card.json"), description?.code ?? "");
  // The module that the guide to card modules shows, which the next example uses under the name that it has there.
  const module = blocks.find(({ code }) => code.includes("export const nationalIdModule"));
  writeFileSync(join(folder, "national-id.ts"), module?.code ?? "");
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  writeFileSync(join(folder, "vitest.config.js"), 'export default { test: { include: ["*.test.ts"] } };\n');
}

function fileNameOf(page: string): string {
  return `${page.replaceAll("/", "-")}-all`;
}

/** Runs the examples of a page one after the other. */
function programOf(page: string): string {
  const names = programs.filter((example) => example.page === page).map(nameOf);
  return names.map((name) => `process.stdout.write("\\u001e");\nawait import("./${name}.js");\n`).join("");
}

async function compile(): Promise<string> {
  const compilerOptions = {
    ...{ target: "es2022", module: "nodenext", lib: ["es2023", "esnext.disposable"] },
    ...{ types: ["node"], typeRoots: [join(root, "node_modules/@types")] },
    ...{ strict: true, noUnusedLocals: true, skipLibCheck: false },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const typescript = createRequire(import.meta.url).resolve("typescript/package.json");
  const { stderr, stdout } = await run(process.execPath, [join(dirname(typescript), "bin/tsc"), "-p", folder]);
  return stdout + stderr;
}

/** The environment of a page's examples: a service on its socket, a database of its own, and the demo card. */
function environment(page: string): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _color, NODE_TEST_CONTEXT: _context, VITEST: _vitest, ...inherited } = process.env;
  const own = Object.entries(environments).find(([prefix]) => page.startsWith(prefix))?.[1];
  return {
    ...inherited,
    NO_COLOR: "1",
    PCSCLITE_CSOCK_NAME: join(folder, "comm"),
    SCARD_DATABASE: join(folder, `${fileNameOf(page)}.sqlite`),
    SCARD_MANAGER: "embedded:virtual+demo",
    ...own,
  };
}

beforeAll(async () => {
  writeProject();
  const options = ["--socket", join(folder, "comm"), "--reader", "virtual", "--card", "demo"];
  service = new Program(process.execPath, [join(root, "dist/bundle/entry/main.js"), "daemon", ...options]);
  await service.line();
});
afterAll(async () => {
  await service?.end("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

describe("every example in the documentation", () => {
  test("is TypeScript, or says why not", () => {
    expect(examples.length).toBeGreaterThan(70);
    const javaScript = blocks.filter(({ language }) => /^(?:js|mjs|javascript|typescript|tsx?)$/.test(language));
    expect(javaScript.filter(({ code, language }) => language !== "ts" && !stays(code))).toEqual([]);
  });

  test("compiles as strict TypeScript", async () => {
    expect(await compile()).toBe("");
  });

  test.each(programPages)("%s: runs, ends by itself, and prints what the page says", async (page) => {
    const here = programs.filter((example) => example.page === page);
    // In a shell, for the folder that the examples run in.
    const script = `cd ${folder} && exec "$0" ${fileNameOf(page)}.mjs`;
    const { status, stderr, stdout } = await run("sh", ["-c", script, process.execPath], {
      environment: environment(page),
    });
    expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
    const printed = stdout.split(SEPARATOR).slice(1);
    expect(here.map(({ heading, line }, index) => [line, heading, printed[index]])).toEqual(
      here.map((example, index) => [example.line, example.heading, outputOf(example) ?? printed[index]]),
    );
  });

  test("runs with vitest, where it imports it", async () => {
    const count = examples.filter((example) => runnerOf(example) === "vitest").length;
    expect(count).toBeGreaterThan(1);
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const { status, stderr, stdout } = await run(process.execPath, [vitest, "run", "--root", folder], {
      environment: environment("vitest"),
    });
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toMatch(new RegExp(`Test Files.* ${count} passed`));
  });

  test("runs with node:test, where it imports it", async () => {
    const here = examples.filter((example) => runnerOf(example) === "node:test");
    expect(here.length).toBeGreaterThan(1);
    const files = here.map((example) => join(folder, `${nameOf(example)}.js`));
    const { status, stderr, stdout } = await run(process.execPath, ["--test", ...files], {
      environment: environment("node:test"),
    });
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toMatch(new RegExp(`pass ${here.length}\\b`));
  });
});
