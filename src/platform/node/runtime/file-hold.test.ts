// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
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
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileHold, fileStamp } from "./file-hold.ts";

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-hold-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** A process that has ended: no process has its number, or one that began later. */
function endedProcess(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
}

test("one holder at a time, whose lock is gone afterwards", () => {
  writeFileSync(at("card"), "1");
  const hold = FileHold.take(at("card"));
  expect(JSON.parse(readFileSync(at("card.lock"), "utf8"))).toMatchObject({ pid: process.pid });
  if (process.platform !== "win32") expect(statSync(at("card.lock")).mode & 0o777).toBe(0o600);
  expect(() => FileHold.take(at("card"))).toThrow(
    expect.objectContaining({
      code: "sharing-violation",
      reason: `${at("card")} is in use: it is in another reader of this program: take it out there first`,
    }),
  );
  hold.release();
  expect(readdirSync(folder)).toEqual(["card"]);
  FileHold.take(at("card")).release();
});

test("a link leads to the same file", () => {
  writeFileSync(at("linked"), "1");
  symlinkSync(at("linked"), at("link"));
  const hold = FileHold.take(at("link"));
  expect(() => FileHold.take(at("linked"))).toThrow("is in use");
  hold.release();
});

test("another process that is alive keeps it, and is named", () => {
  writeFileSync(at("other.lock"), JSON.stringify({ pid: process.ppid }));
  expect(() => FileHold.take(at("other"))).toThrow(
    `process ${process.ppid} has it: end that program, or take the card out there first`,
  );
  rmSync(at("other.lock"));
});

test("a process that has ended keeps nothing", () => {
  writeFileSync(at("stale.lock"), JSON.stringify({ pid: endedProcess() }));
  const hold = FileHold.take(at("stale"));
  expect(JSON.parse(readFileSync(at("stale.lock"), "utf8"))).toMatchObject({ pid: process.pid });
  hold.release();
  expect(existsSync(at("stale.lock"))).toBe(false);
});

// Other systems do not tell when a process began.
test.skipIf(process.platform !== "linux")("another process with the number of the holder is not the holder", () => {
  for (const pid of [process.pid, process.ppid]) {
    writeFileSync(at("reused.lock"), JSON.stringify({ pid, started: "1" }));
    FileHold.take(at("reused")).release();
  }
});

test("a lock that says nothing is not removed: the message says what to do", () => {
  for (const text of ["", "{", "[]", "null", '{"pid":0}', '{"pid":"1"}']) {
    writeFileSync(at("odd.lock"), text);
    expect(() => FileHold.take(at("odd")), text).toThrow(
      `${at("odd")} is in use: ${at("odd.lock")} does not say which program has it: remove that file if none does`,
    );
  }
});

test("a lock that became another's is left alone", () => {
  const hold = FileHold.take(at("lost"));
  const theirs = JSON.stringify({ pid: process.ppid });
  writeFileSync(at("lost.lock"), theirs);
  hold.release();
  expect(readFileSync(at("lost.lock"), "utf8")).toBe(theirs);
});

test("a folder that is not there", () => {
  expect(() => FileHold.take(at("nowhere/card"))).toThrow(expect.objectContaining({ code: "file-not-found" }));
});

test("the stamp changes with the file", () => {
  expect(fileStamp(at("stamped"))).toBeUndefined();
  writeFileSync(at("stamped"), "1");
  const first = fileStamp(at("stamped"));
  expect(fileStamp(at("stamped"))).toBe(first);
  rmSync(at("stamped"));
  mkdirSync(at("stamped"));
  expect(fileStamp(at("stamped"))).not.toBe(first);
});
