// SPDX-License-Identifier: MIT

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PATIENCE_MS } from "./patience.ts";
import { Program } from "./peers/program.ts";

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
  let service: Program | undefined;
  let socketFolder = "";

  beforeAll(async () => {
    // Examples that use a service of the machine have one of their own.
    socketFolder = await mkdtemp(join(tmpdir(), "scard-examples-"));
    const program = fileURLToPath(new URL("dist/cli/main.js", root));
    const options = ["--socket", join(socketFolder, "comm"), "--reader", "virtual", "--card", "demo"];
    service = new Program(process.execPath, [program, "daemon", ...options]);
    await service.line();
    await mkdir(folder, { recursive: true });
    const guide = await readFile(new URL("docs/guide/software-cards.md", root), "utf8");
    const description = /^```json\n(.*?)^```$/ms.exec(guide)?.[1] ?? "";
    await writeFile(new URL("library-card.json", folder), description);
  });
  afterAll(async () => {
    await service?.end("SIGKILL");
    for (const one of [folder, socketFolder]) await rm(one, { recursive: true, force: true });
  });

  test("there are some", () => expect(all.length).toBeGreaterThanOrEqual(5));

  test.each(all)("$page, line $line", async ({ page, line, code }) => {
    const file = new URL(`${page.replaceAll("/", "-")}-${line}.mjs`, folder);
    await writeFile(file, code);
    // Examples that name no manager use the demo card, whatever the machine has.
    const PCSCLITE_CSOCK_NAME = join(socketFolder, "comm");
    const env = { ...process.env, PCSCLITE_CSOCK_NAME, SCARD_MANAGER: "embedded:virtual+demo" };
    const options = { cwd: folder, env, timeout: PATIENCE_MS };
    const { stderr } = await promisify(execFile)(process.execPath, [file.pathname], options);
    expect(stderr).toBe("");
  });
});
