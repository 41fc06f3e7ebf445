// SPDX-License-Identifier: MIT

// Runs the programs in bench/ (all, or those named): `npm run bench`, `npm run bench -- manager`. They are compiled
// into a temporary folder first, because the oldest Node that we support cannot run TypeScript. Options go to the
// programs: `npm run bench -- manager --json`.

import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { root, run, tool } from "./tools.js";

const options = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const wanted = process.argv.slice(2).filter((argument) => !options.includes(argument));
const names = readdirSync(join(root, "bench"))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => basename(file, ".ts"))
  .filter((name) => wanted.length === 0 || wanted.includes(name));
if (names.length === 0) {
  console.error(`There is no such program in bench/: ${wanted.join(", ") || "the folder is empty"}`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "scard-bench-"));
let status = 1;
try {
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  // Packages are looked for beside the program.
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  status = run(process.execPath, [tool("typescript", "tsc"), "-p", "tsconfig.bench.json", "--outDir", folder]);
  for (const name of names) status ||= run(process.execPath, [join(folder, "bench", `${name}.js`), ...options]);
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(status);
