// SPDX-License-Identifier: MIT

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PATIENCE_MS } from "../patience.ts";

/** Inside the package, so that `scard/…` in an example is this very build. */
const folder = new URL("../../dist/.winscard-examples/", import.meta.url);
const guide = new URL("../../docs/guide/winscard/", import.meta.url);

/** The functions whose pages in MicrosoftDocs/sdk-api have a section «Examples», A and W counted once. */
const withExample = [
  "SCardAddReaderToGroup",
  "SCardAudit",
  "SCardBeginTransaction",
  "SCardCancel",
  "SCardConnect",
  "SCardControl",
  "SCardDisconnect",
  "SCardEndTransaction",
  "SCardEstablishContext",
  "SCardForgetCardType",
  "SCardForgetReader",
  "SCardForgetReaderGroup",
  "SCardGetAttrib",
  "SCardGetCardTypeProviderName",
  "SCardGetProviderId",
  "SCardGetReaderDeviceInstanceId",
  "SCardGetReaderIcon",
  "SCardGetStatusChange",
  "SCardIntroduceCardType",
  "SCardIntroduceReader",
  "SCardIntroduceReaderGroup",
  "SCardIsValidContext",
  "SCardListCards",
  "SCardListInterfaces",
  "SCardListReaderGroups",
  "SCardListReaders",
  "SCardListReadersWithDeviceInstanceId",
  "SCardLocateCards",
  "SCardReconnect",
  "SCardRemoveReaderFromGroup",
  "SCardSetAttrib",
  "SCardSetCardTypeProviderName",
  "SCardStatus",
  "SCardTransmit",
  "SCardUIDlgSelectCard",
];

interface Example {
  readonly page: string;
  readonly heading: string;
  readonly code: string;
  /** What it prints. */
  readonly output: string;
}

async function examples(): Promise<Example[]> {
  const found: Example[] = [];
  for (const page of (await readdir(guide)).filter((name) => name.endsWith(".md"))) {
    const text = await readFile(new URL(page, guide), "utf8");
    for (const section of text.split(/^## /m).slice(1)) {
      const code = /^```js\n(.*?)^```$/ms.exec(section)?.[1] ?? "";
      const output = /^```text\n(.*?)^```$/ms.exec(section)?.[1] ?? "";
      found.push({ page, heading: section.slice(0, section.indexOf("\n")), code, output });
    }
  }
  return found;
}

/** Divides what one example prints from what the next one does. */
const separator = "\u001e";

/**
 * Runs the examples of a page one after the other in one process, and gives back what each has printed. They have a
 * database of their own: what they write into it is nobody's.
 */
async function run(page: string, all: readonly Example[], home: string): Promise<string[]> {
  const names = all.map((_, index) => `${page}-${index}.mjs`);
  for (const [index, { code }] of all.entries()) await writeFile(new URL(names[index] ?? "", folder), code);
  const lines = names.map((name) => `process.stdout.write("\\u001e");\nawait import("./${name}");\n`);
  const file = new URL(`${page}.mjs`, folder);
  await writeFile(file, lines.join(""));
  const env = {
    ...process.env,
    SCARD_DATABASE: join(home, `${page}.sqlite`),
    SCARD_MANAGER: "embedded:virtual+demo",
  };
  const options = { cwd: folder, env, timeout: PATIENCE_MS };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file.pathname], options);
  expect(stderr).toBe("");
  return stdout.split(separator).slice(1);
}

describe("the ported examples of Microsoft's pages", async () => {
  const all = await examples();
  let home = "";

  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    home = await mkdtemp(join(tmpdir(), "scard-guide-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await rm(home, { recursive: true, force: true });
  });

  it("there is one for each page that has one, and it calls the function", () => {
    expect(all.map(({ heading }) => heading)).toEqual(expect.arrayContaining(withExample));
    for (const name of withExample) {
      const { code } = all.find(({ heading }) => heading === name) ?? { code: "" };
      expect([name, new RegExp(`\\b${name}\\(`).test(code)]).toEqual([name, true]);
    }
    for (const { heading, output } of all) expect([heading, output]).not.toEqual([heading, ""]);
  });

  it.each([...new Set(all.map(({ page }) => page))])("%s: they run, and print what the page says", async (page) => {
    const here = all.filter((example) => example.page === page);
    const printed = await run(page, here, home);
    expect(here.map(({ heading }, index) => [heading, printed[index]])).toEqual(
      here.map(({ heading, output }) => [heading, output]),
    );
  });
});
