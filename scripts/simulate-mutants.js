// SPDX-License-Identifier: MIT

// Breaks the code in known ways, one at a time, in a copy, and has the simulator look for each: `npm run
// simulate:mutants -- [--seconds N] [part of a name]`. Prints a table; exit code 1 where one is not found.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { root, simulatorFlags, tool } from "./tools.js";

const { positionals, values } = parseArgs({
  options: { seconds: { type: "string", default: "600" } },
  allowPositionals: true,
});
const work = mkdtempSync(join(tmpdir(), "scard-mutants-"));
let survivors = 0;
try {
  for (const folder of ["src", "simulation", "test/usb/models"])
    cpSync(join(root, folder), join(work, folder), { recursive: true });
  for (const file of ["tsconfig.json", "tsconfig.build.json", "tsconfig.bench.json", "tsconfig.simulation.json"])
    cpSync(join(root, file), join(work, file));
  writeFileSync(join(work, "package.json"), '{ "type": "module" }\n');
  mkdirSync(join(work, "out"));
  compile();
  // A copy that does not run would find every mutant.
  const sound = simulate(2);
  if (sound.violation !== undefined) throw new Error(`the code as it is has a violation: ${sound.violation}`);
  const { mutants } = await import(pathToFileURL(join(work, "out", "simulation", "mutants.js")).href);
  console.log("| mutant | histories until found | seconds | found by |\n| --- | ---: | ---: | --- |");
  for (const mutant of mutants) {
    if (positionals.every((part) => mutant.name.includes(part))) tryMutant(mutant);
  }
} finally {
  rmSync(work, { recursive: true });
}
console.log(survivors === 0 ? "\nall were found" : `\n${survivors} were not found`);
process.exit(survivors === 0 ? 0 : 1);

function tryMutant(mutant) {
  const { file, name } = mutant;
  const path = join(work, "src", file);
  const original = readFileSync(path, "utf8");
  let broken = original;
  for (const { replace, search } of mutant.also === undefined ? [mutant] : [mutant, mutant.also]) {
    const parts = broken.split(search);
    if (parts.length !== 2) throw new Error(`"${name}" matches ${parts.length - 1} places in ${file}, not one`);
    broken = parts.join(replace);
  }
  writeFileSync(path, broken);
  try {
    compile();
    const found = simulate(Number(values.seconds));
    if (found.violation === undefined) survivors++;
    const verdict = found.violation ?? "NOT FOUND";
    console.log(`| ${name} | ${found.histories} | ${found.seconds.toFixed(1)} | ${verdict.slice(0, 100)} |`);
  } finally {
    writeFileSync(path, original);
  }
}

/** Types are not looked at: a mutant may leave something unused. */
function compile() {
  const args = [tool("typescript", "tsc"), "-p", "tsconfig.simulation.json", "--noCheck", "--outDir", "out"];
  // Without a root of its own the copy finds no type packages, and needs none.
  const { status } = spawnSync(process.execPath, [...args, "--types", ""], { cwd: work, stdio: "inherit" });
  if (status !== 0) throw new Error("a mutant does not compile");
}

function simulate(seconds) {
  const args = [
    ...simulatorFlags,
    join(work, "out", "simulation", "main.js"),
    "--quiet",
    "--from",
    "1",
    "--seconds",
    String(seconds),
  ];
  // A history that never ends is a violation too: it is ended from outside.
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: (seconds + 10) * 1000,
  });
  const line = stdout.trim().split("\n").at(-1);
  if (status === null) return { violation: "a history does not end", histories: 0, seconds: seconds + 10 };
  if (line === undefined || line === "") {
    const reason = stderr.trim().split("\n").at(-1) || "the program came to its end in the middle of a history";
    return { violation: reason, histories: 0, seconds: 0 };
  }
  return JSON.parse(line);
}
