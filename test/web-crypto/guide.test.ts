// SPDX-License-Identifier: MIT

// The examples of docs/guide/web-crypto.md with libraries whose types are made for pages: they run, and the commands of
// openssl that the page gives after them take what they have written.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openManager } from "../../src/entry/machine.ts";
import { openCard } from "../../src/entry/modules.ts";
import { allPages, blocksOf, root } from "../documentation/pages.ts";
import { run } from "../peers/program.ts";
import { pem } from "./openssl.ts";

const page = allPages().filter(({ path }) => path === "docs/guide/web-crypto.md");
const blocks = blocksOf(page);
const libraries = ["pkijs", "@peculiar/x509"];
const MANAGER = `embedded:virtual+${root}docs/guide/card-modules/holder-card.json`;
let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scard-web-crypto-guide-"));
  mkdirSync(join(folder, "node_modules/@peculiar"), { recursive: true });
  symlinkSync(root, join(folder, "node_modules/scard"));
  for (const name of ["pkijs", "asn1js", "@peculiar/x509", "reflect-metadata"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "data"), "what is signed");
  await using opened = await openManager(MANAGER);
  await using card = await openCard({ manager: opened.manager });
  // The certificate is signed by its own key, or by the card's attestation: trusted as it is.
  writeFileSync(join(folder, "ca.pem"), pem("CERTIFICATE", await card.certificate("9D")));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(libraries)("the example with %s", async (library) => {
  const index = blocks.findIndex(({ code, language }) => language === "ts" && code.includes(`from "${library}"`));
  const [example, command] = [blocks[index], blocks[index + 1]];
  const file = join(folder, "example.mjs");
  writeFileSync(file, example?.code ?? "");
  const environment = { ...process.env, SCARD_MANAGER: MANAGER, NODE_OPTIONS: "" };
  const script = `cd ${dirname(file)} && exec "$0" example.mjs`;
  const { status, stderr } = await run("sh", ["-c", script, process.execPath], { environment });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const [program = "", ...args] = (command?.code ?? "").trim().split(" ");
  expect(program).toBe("openssl");
  const verified = spawnSync(program, args, { cwd: folder, encoding: "utf8" });
  expect(verified.status, verified.stderr).toBe(0);
  expect(verified.stderr).toMatch(/Verification successful|verify OK/);
});
