// SPDX-License-Identifier: MIT

// The examples for jest of docs/guide/testing.md, run by jest, as in a project that has this package installed.
// test/examples.test.ts runs those for vitest and node:test.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { npmPackage } from "../compat/packages.ts";
import { allPages, blocksOf } from "../documentation/pages.ts";
import { describePeer } from "../peers/peers.ts";
import { run } from "../peers/program.ts";

const page = allPages().filter(({ path }) => path === "docs/guide/testing.md");
const runners = ["vitest", "node:test", "@jest/globals"];
const runnersOf = (code: string): string[] => runners.filter((name) => code.includes(`from "${name}"`));

test("every example on the page is of a runner, and each runner has one", () => {
  const found = blocksOf(page).map(({ code }) => runnersOf(code));
  expect(found.filter((names) => names.length !== 1)).toEqual([]);
  expect(new Set(found.flat())).toEqual(new Set(runners));
});

/** A project with this package and the examples for jest as its tests. */
function project(): string {
  const folder = mkdtempSync(join(tmpdir(), "scard-testing-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(resolve("."), join(folder, "node_modules/scard"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", jest: { transform: {} } }));
  const examples = blocksOf(page).filter(({ code }) => runnersOf(code).includes("@jest/globals"));
  for (const [index, { code }] of examples.entries()) writeFileSync(join(folder, `${index}.test.mjs`), code);
  return folder;
}

describePeer(npmPackage("jest"), (path) => {
  test("the examples for jest", async () => {
    const jest = join(path, "bin/jest.js");
    const args = ["--experimental-vm-modules", jest, "--rootDir", project(), "--testMatch", "**/*.test.mjs"];
    const { status, stderr, stdout } = await run(process.execPath, args);
    expect(status, stdout + stderr).toBe(0);
    expect(stderr).toMatch(/Tests: +2 passed, 2 total/);
  });
});
