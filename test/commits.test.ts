// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** The rule holds since then; older subjects stay as they are. */
const SINCE = "2026-11-30T00:00:00Z";
const LONGEST = 72;
const form = /^[a-z][a-z0-9/-]*(?:(?:,| and) [a-z][a-z0-9/-]*)*: \S.{6,}$/;

/** What is wrong with the subject of a commit; undefined where nothing is. */
function faultOf(subject: string): string | undefined {
  if (!form.test(subject)) return 'it is not "room: what changes for the caller"';
  if (subject.length > LONGEST) return `it has ${subject.length} characters, more than ${LONGEST}`;
  if (subject.includes(";")) return "it has a semicolon: make it two commits";
  if (subject.endsWith(".")) return "it ends with a full stop";
  return undefined;
}

test.each([
  ["manager: a reset reaches every connection", undefined],
  ["docs/decisions: a status line on every page", undefined],
  ["client and pcscd: a wait ends when it is told to", undefined],
  ["fixed the manager", 'it is not "room: what changes for the caller"'],
  ["manager: ", 'it is not "room: what changes for the caller"'],
  [`manager: ${"x".repeat(64)}`, "it has 73 characters, more than 72"],
  ["manager: resets are told; removals too", "it has a semicolon: make it two commits"],
  ["manager: a reset reaches every connection.", "it ends with a full stop"],
])("of %j it says %s", (subject, fault) => {
  expect(faultOf(subject)).toBe(fault);
});

const root = fileURLToPath(new URL("..", import.meta.url));
const log = spawnSync("git", ["log", "--no-merges", `--since=${SINCE}`, "--format=%h %s"], {
  cwd: root,
  encoding: "utf8",
});

test.skipIf(log.status !== 0)("the subjects of the commits are as CONTRIBUTING.md says", () => {
  const subjects = log.stdout.split("\n").filter((line) => line !== "");
  const faults = subjects.map((line) => ({ line, fault: faultOf(line.slice(line.indexOf(" ") + 1)) }));
  expect(faults.filter(({ fault }) => fault !== undefined)).toEqual([]);
});
