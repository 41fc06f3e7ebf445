// SPDX-License-Identifier: MIT

import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** Inside the package, so that `scard/…` in an example is this very build. */
const folder = new URL("../dist/.examples/", import.meta.url);
const root = new URL("../", import.meta.url);

async function pages(): Promise<string[]> {
  const guide = await readdir(new URL("docs/guide/", root));
  return ["README.md", ...guide.filter((name) => name.endsWith(".md")).map((name) => `docs/guide/${name}`)];
}

async function examples(): Promise<{ page: string; line: number; code: string }[]> {
  const found: { page: string; line: number; code: string }[] = [];
  for (const page of await pages()) {
    const text = await readFile(new URL(page, root), "utf8");
    for (const match of text.matchAll(/^```js\n(.*?)^```$/gms)) {
      const line = text.slice(0, match.index).split("\n").length;
      found.push({ page, line, code: match[1] ?? "" });
    }
  }
  return found;
}

describe("every example in the documentation runs", async () => {
  const all = await examples();

  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    const guide = await readFile(new URL("docs/guide/software-cards.md", root), "utf8");
    const description = /^```json\n(.*?)^```$/ms.exec(guide)?.[1] ?? "";
    await writeFile(new URL("library-card.json", folder), description);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("there are some", () => expect(all.length).toBeGreaterThanOrEqual(5));

  test.each(all)("$page, line $line", async ({ page, line, code }) => {
    const file = new URL(`${page.replaceAll("/", "-")}-${line}.mjs`, folder);
    await writeFile(file, code);
    const { stderr } = await promisify(execFile)(process.execPath, [file.pathname], { cwd: folder, timeout: 20_000 });
    expect(stderr).toBe("");
  });
});
