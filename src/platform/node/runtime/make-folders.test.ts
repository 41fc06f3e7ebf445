// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFolders } from "./make-folders.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-folders-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("all folders on the way are made, and the first one is told", () => {
  expect(makeFolders(join(folder, "a", "b", "c"), 0o700)).toBe(join(folder, "a"));
  expect(statSync(join(folder, "a", "b", "c")).isDirectory()).toBe(true);
  expect(makeFolders(join(folder, "a", "b", "d"))).toBe(join(folder, "a", "b", "d"));
  expect(makeFolders(join(folder, "a"))).toBeUndefined();
  if (process.platform !== "win32") expect(statSync(join(folder, "a")).mode & 0o777).toBe(0o700);
});

test("a file on the way, or in the place", () => {
  writeFileSync(join(folder, "file"), "");
  expect(() => makeFolders(join(folder, "file"))).toThrow("EEXIST");
  expect(() => makeFolders(join(folder, "file", "in", "it"))).toThrow(/ENOTDIR|ENOENT/);
});

test.runIf(process.platform === "linux")("a folder that takes no others is an error, and not a loop", () => {
  expect(() => makeFolders("/proc/nothing/in/it")).toThrow("ENOENT");
});
