// SPDX-License-Identifier: MIT

// Fuzzes decoders, sockets, and the manager with hostile cards and readers: `npm run fuzz -- --help`. Everything is compiled
// into a temporary folder first, because the oldest Node that we support cannot run TypeScript. V8 runs without its optimising
// compilers: it counts which blocks are reached in bytecode, and code that was compiled further is not counted.

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run, tool } from "./tools.js";

const folder = mkdtempSync(join(tmpdir(), "scard-fuzz-"));
let status = 1;
try {
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  // The daemon's code imports packages.
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  const config = join("test", "fuzz", "tsconfig.json");
  status = run(process.execPath, [tool("typescript", "tsc"), "-p", config, "--outDir", folder]);
  const places = ["--corpus", join(root, "test", "corpus"), "--program", join(folder, "src", "cli", "main.js")];
  const program = join(folder, "test", "fuzz", "main.js");
  status ||= run(process.execPath, ["--no-opt", "--no-maglev", program, ...places, ...process.argv.slice(2)]);
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(status);
