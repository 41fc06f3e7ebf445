// SPDX-License-Identifier: MIT

import {
  chmodSync,
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
import { replaceFile } from "./replace-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("the file has the new text, only its owner may read it, and nothing else is left", async () => {
  const path = join(folder, "card.json");
  writeFileSync(path, "old", { mode: 0o644 });
  await replaceFile(path, "new");
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["card.json"]);
});

test("a file that must be new is not written over", async () => {
  const path = join(folder, "card.json");
  await replaceFile(path, "first", true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const refused = expect.objectContaining({ code: "invalid-value", reason: expect.stringContaining("already") });
  await expect(replaceFile(path, "second", true)).rejects.toEqual(refused);
  expect(readFileSync(path, "utf8")).toBe("first");
});

test("a link stays one", async () => {
  const path = join(folder, "card.json");
  writeFileSync(path, "old");
  symlinkSync(path, join(folder, "link"));
  await replaceFile(join(folder, "link"), "new");
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(readdirSync(folder).sort()).toEqual(["card.json", "link"]);
});

test("a folder that is not there, and one that cannot be written to", async () => {
  const secret = "PIN 123456";
  const failure = replaceFile(join(folder, "none", "card.json"), secret);
  await expect(failure).rejects.toMatchObject({ code: "file-not-found", message: expect.not.stringContaining(secret) });
  await expect(replaceFile(folder, secret)).rejects.toMatchObject({ code: "invalid-value" });
  expect(readdirSync(folder)).toEqual([]);
  chmodSync(folder, 0o700);
});
