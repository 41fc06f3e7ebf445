// SPDX-License-Identifier: MIT

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clsids, iids } from "../../src/providers/index.ts";
import { PATIENCE_MS } from "../patience.ts";

/** Inside the package, so that `scard/…` in an example is this very build. */
const folder = new URL("../../dist/.providers-examples/", import.meta.url);
const guide = new URL("../../docs/guide/providers/", import.meta.url);
const clubCard = fileURLToPath(new URL("club-card.json", guide));
const run = promisify(execFile);

/** Every interface of the documentation, and the two pages that it explains the whole with. */
const documented = [
  "IByteBuffer",
  "ISCard",
  "ISCardAuth",
  "ISCardCmd",
  "ISCardDatabase",
  "ISCardFileAccess",
  "ISCardISO7816",
  "ISCardLocate",
  "ISCardManage",
  "ISCardTypeConv",
  "ISCardVerify",
];

interface Example {
  readonly page: string;
  readonly heading: string;
  readonly cpp: string;
  readonly code: string;
  /** What it prints. */
  readonly output: string;
}

async function examples(): Promise<Example[]> {
  const found: Example[] = [];
  for (const page of (await readdir(guide)).filter((name) => name.endsWith(".md"))) {
    const text = await readFile(new URL(page, guide), "utf8");
    for (const section of text.split(/^## /m).slice(1)) {
      const block = (language: string): string => {
        const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms");
        return fence.exec(section)?.[1] ?? "";
      };
      const heading = section.slice(0, section.indexOf("\n"));
      found.push({ page, heading, cpp: block("cpp"), code: block("ts"), output: block("text") });
    }
  }
  return found;
}

/** Divides what one example prints from what the next one does. */
const separator = "\u001e";

function moduleOf(page: string, index: number): string {
  return `${page.replace(".md", "")}-${index}`;
}

describe("the guide to the service providers", async () => {
  const all = await examples();
  const pages = [...new Set(all.map(({ page }) => page))];
  const of = (page: string): Example[] => all.filter((example) => example.page === page);
  let home = "";

  /** Compiles all examples at once, strictly: their types are right, and are what the package declares. */
  beforeAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    home = await mkdtemp(join(tmpdir(), "scard-guide-"));
    for (const page of pages) {
      const codes = of(page).map(({ code }) => code);
      for (const [index, code] of codes.entries())
        await writeFile(new URL(`${moduleOf(page, index)}.ts`, folder), `${code}\nexport {};\n`);
      const imports = codes.map(
        (_, index) => `process.stdout.write("\\u001e");\nawait import("./${moduleOf(page, index)}.js");\n`,
      );
      await writeFile(new URL(`${moduleOf(page, codes.length)}-all.mjs`, folder), imports.join(""));
    }
    const compilerOptions = {
      ...{ target: "es2022", module: "nodenext", lib: ["es2023", "esnext.disposable"], types: ["node"] },
      ...{ strict: true, noUnusedLocals: true, skipLibCheck: true },
    };
    await writeFile(new URL("tsconfig.json", folder), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    const typescript = createRequire(import.meta.url).resolve("typescript/package.json");
    const tsc = join(dirname(typescript), "bin", "tsc");
    const compiled = await run(process.execPath, [tsc, "-p", fileURLToPath(folder)]).catch((error) => error);
    expect(compiled.stdout).toBe("");
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await rm(home, { recursive: true, force: true });
  });

  it("has an example for each interface, with the calls of the documentation beside it", () => {
    for (const name of documented) {
      const { code, cpp, output } = all.find(({ heading }) => heading === name) ?? { code: "", cpp: "", output: "" };
      expect([name, code !== "", cpp !== "", output !== ""]).toEqual([name, true, true, true]);
    }
    expect(pages).toEqual(expect.arrayContaining(["building-a-command.md", "vendor-provider.md"]));
    expect(all.filter(({ code }) => code === "").map(({ heading }) => heading)).toEqual([]);
  });

  it.each(pages)("%s: its examples run, and print what the page says", async (page) => {
    const here = of(page);
    const env = {
      ...process.env,
      SCARD_DATABASE: join(home, `${page}.sqlite`),
      SCARD_MANAGER: `embedded:virtual:Front Desk+${clubCard}`,
    };
    const file = fileURLToPath(new URL(`${moduleOf(page, here.length)}-all.mjs`, folder));
    const { stderr, stdout } = await run(process.execPath, [file], { env, timeout: PATIENCE_MS });
    expect(stderr).toBe("");
    const printed = stdout.split(separator).slice(1);
    expect(here.map(({ heading }, index) => [heading, printed[index]])).toEqual(
      here.map(({ heading, output }) => [heading, output]),
    );
  });

  it("tells the GUIDs of every interface that has any", async () => {
    const overview = await readFile(new URL("../providers.md", guide), "utf8");
    for (const [name, iid] of Object.entries(iids)) expect(overview).toMatch(new RegExp(`${name}\\b.*${escaped(iid)}`));
    for (const [name, clsid] of Object.entries(clsids))
      expect(overview).toMatch(new RegExp(`\`${name}\`.*${escaped(clsid)}`));
    for (const name of documented) expect(overview).toContain(`| ${name} |`);
  });
});

function escaped(guid: string): string {
  return guid.replaceAll(/[{}]/g, "\\$&");
}
