// SPDX-License-Identifier: MIT

// Breaks T=1 and T=0 in known ways, one at a time, in a copy, and runs their tests: `npm run transmission:mutants -- [part of a
// name]`. Prints a table; exit code 1 where a fault is not found. test/transmission/mutants.json has the faults.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, tool } from "./tools.js";

/** A fault that makes a test hang is found by that. */
const HANG_MS = 300_000;

const [part = ""] = process.argv.slice(2);
const mutants = JSON.parse(readFileSync(join(root, "test/transmission/mutants.json"), "utf8"));
const work = mkdtempSync(join(tmpdir(), "scard-transmission-mutants-"));
let survivors = 0;
try {
  for (const folder of ["src/base", "src/port", "src/readers/transmission", "test/transmission"])
    cpSync(join(root, folder), join(work, folder), { recursive: true });
  mkdirSync(join(work, "test/fuzz/targets"), { recursive: true });
  for (const file of ["dice.ts", "tape.ts", "target.ts", "targets/transmission.ts"])
    cpSync(join(root, "test/fuzz", file), join(work, "test/fuzz", file));
  writeFileSync(join(work, "package.json"), '{ "type": "module" }\n');
  symlinkSync(join(root, "node_modules"), join(work, "node_modules"), "junction");
  if (problem() !== undefined) throw new Error("the tests fail where nothing is wrong");
  console.log("| mutant | found by |\n| --- | --- |");
  for (const mutant of mutants) if (mutant.name.includes(part)) tryMutant(mutant);
} finally {
  rmSync(work, { recursive: true });
}
console.log(survivors === 0 ? "\nall were found" : `\n${survivors} were not found`);
process.exit(survivors === 0 ? 0 : 1);

function tryMutant({ file, name, replace, search }) {
  const path = join(work, "src/readers/transmission", file);
  const original = readFileSync(path, "utf8");
  const parts = original.split(search);
  if (parts.length !== 2) throw new Error(`"${name}" matches ${parts.length - 1} places in ${file}, not one`);
  writeFileSync(path, parts.join(replace));
  try {
    const found = problem();
    if (found === undefined) survivors++;
    console.log(`| ${name} | ${found ?? "NOT FOUND"} |`);
  } finally {
    writeFileSync(path, original);
  }
}

/** The first test that fails; undefined where none does. */
function problem() {
  const args = [
    tool("vitest", "vitest"),
    "run",
    "--root",
    work,
    "--reporter",
    "json",
    "src/readers",
    "test/transmission",
  ];
  const { error, status, stdout } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: HANG_MS,
    maxBuffer: 1e8,
  });
  if (status === 0) return undefined;
  if (error !== undefined || status === null) return "a test that does not end";
  const { testResults } = JSON.parse(stdout.slice(stdout.indexOf("{")));
  const failed = testResults.flatMap((file) => file.assertionResults).filter((one) => one.status === "failed");
  return failed[0] === undefined ? "a file that does not load" : `${failed.length} tests, as "${failed[0].title}"`;
}
