// SPDX-License-Identifier: MIT

// Breaks the built package in known ways, one at a time, and has the checks of test/windows look for each: `npm run
// windows:mutants`. It is long, and no part of `npm test`.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { conformanceProblems, databaseProblems, type WindowsSubject } from "./checks.ts";
import { mutants } from "./mutants.ts";
import { type Installed, installForWindows } from "./rig.ts";
import { compileWinscardDll } from "./winscard-dll.ts";

/** Behaviours with a call of each function. All of them would take minutes for each fault. */
const chosen = [
  "list-readers",
  "list-reader-groups",
  "connect-by-name",
  "exchange-order",
  "control-features",
  "attributes",
  "transaction-of-a-function",
  "moves-are-told",
];

/** A run takes 15 seconds. A fault that makes it hang is found by that. */
const HANG_MS = 150_000;

let installed: Installed;
let subject: WindowsSubject;
beforeAll(async () => {
  installed = await installForWindows();
  subject = { version: 22, installed, dll: compileWinscardDll(), hangMs: HANG_MS };
});
afterAll(() => installed?.remove());

async function problems(): Promise<string[]> {
  const first = await conformanceProblems(subject, chosen);
  return first.length > 0 ? first : databaseProblems(subject);
}

test("nothing is found where nothing is wrong", async () => {
  expect(await problems()).toEqual([]);
});

test.for(mutants)("$name", async ({ changes, file }) => {
  const path = join(installed.folder, "node_modules/scard/dist/platform/node/system", file);
  const original = readFileSync(path, "utf8");
  let broken = original;
  for (const [search, replace] of changes) {
    const parts = broken.split(search);
    expect(parts.length, `${search} in ${file}`).toBe(2);
    broken = parts.join(replace);
  }
  writeFileSync(path, broken);
  try {
    const found = await problems();
    console.log(found.slice(0, 3).join("\n"));
    expect(found).not.toEqual([]);
  } finally {
    writeFileSync(path, original);
  }
});
