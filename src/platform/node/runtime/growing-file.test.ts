// SPDX-License-Identifier: MIT

import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GrowingFile } from "./growing-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("grows piece by piece, and only its owner may read it", async () => {
  const path = join(folder, "one");
  const file = await GrowingFile.open(path, true);
  await file.append("é\n");
  expect(readFileSync(path, "utf8")).toBe("é\n");
  await file.append(Uint8Array.of(0x41));
  expect(file.bytes).toBe(4);
  await file.close();
  expect(readFileSync(path, "utf8")).toBe("é\nA");
  if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("does not take the place of another file, unless it may", async () => {
  const path = join(folder, "one");
  writeFileSync(path, "old", { mode: 0o644 });
  symlinkSync(path, join(folder, "link"));
  await expect(GrowingFile.open(path, true)).rejects.toThrow("there is a file already");
  expect(readFileSync(path, "utf8")).toBe("old");
  const file = await GrowingFile.open(join(folder, "link"), false);
  await file.append("new");
  await file.close();
  expect(readFileSync(path, "utf8")).toBe("new");
  if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["link", "one"]);
  await expect(GrowingFile.open(folder, false)).rejects.toThrow("it is a folder");
  expect(readdirSync(folder)).toEqual(["link", "one"]);
  await expect(GrowingFile.open(join(folder, "none", "one"), true)).rejects.toThrow("its folder does not exist");
});

test("is gone when it is discarded", async () => {
  const path = join(folder, "one");
  const file = await GrowingFile.open(path, true);
  await file.discard();
  expect(existsSync(path)).toBe(false);
});

test.skipIf(!existsSync("/dev/full"))("replaces no device", async () => {
  symlinkSync("/dev/full", join(folder, "link"));
  await expect(GrowingFile.open(join(folder, "link"), false)).rejects.toThrow("it is no regular file");
  expect(statSync("/dev/full").isCharacterDevice()).toBe(true);
});
