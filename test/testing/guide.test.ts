// SPDX-License-Identifier: MIT

// The examples of docs/guide/testing.md, each run by its runner, as in a project that has this package installed.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { npmPackage } from "../compat/packages.ts";
import { describePeer } from "../peers/peers.ts";
import { run } from "../peers/program.ts";

const page = readFileSync("docs/guide/testing.md", "utf8");
const blocks = [...page.matchAll(/^```(\w+) ?([^\n]*)\n(.*?)^```$/gms)];

function examplesOf(runner: string): string[] {
  return blocks.flatMap(([, , named, code = ""]) => (named === runner ? [code] : []));
}

/** A project with this package and a runner, and the runner's examples as its tests. */
function project(runner: string, extension: string, packages: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "scard-testing-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "node_modules"));
  for (const [name, path] of Object.entries({ scard: resolve("."), ...packages })) {
    symlinkSync(path, join(folder, "node_modules", name));
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", jest: { transform: {} } }));
  for (const [index, code] of examplesOf(runner).entries()) {
    writeFileSync(join(folder, `${index}.test.${extension}`), code);
  }
  return folder;
}

test("every example on the page is of a runner, and each runner has one", () => {
  expect(new Set(blocks.map(([, , runner]) => runner))).toEqual(new Set(["vitest", "node:test", "jest"]));
});

test("the examples for vitest", async () => {
  const folder = project("vitest", "ts", { vitest: resolve("node_modules/vitest") });
  const vitest = resolve("node_modules/vitest/vitest.mjs");
  const { VITEST: _, ...environment } = process.env;
  const { status, stderr, stdout } = await run(process.execPath, [vitest, "run", "--root", folder], { environment });
  expect(status, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/3 passed/);
});

test("the examples for node:test", async () => {
  const folder = project("node:test", "mjs");
  const files = examplesOf("node:test").map((_, index) => join(folder, `${index}.test.mjs`));
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const { status, stderr, stdout } = await run(process.execPath, ["--test", ...files], { environment });
  expect(status, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/pass 2\b/);
});

describePeer(npmPackage("jest"), (path) => {
  test("the example for jest", async () => {
    const folder = project("jest", "mjs");
    const jest = join(path, "bin/jest.js");
    const args = ["--experimental-vm-modules", jest, "--rootDir", folder, "--testMatch", "**/*.test.mjs"];
    const { status, stderr, stdout } = await run(process.execPath, args);
    expect(status, stdout + stderr).toBe(0);
    expect(stderr).toMatch(/Tests: +1 passed, 1 total/);
  });
});
