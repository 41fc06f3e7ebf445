// SPDX-License-Identifier: MIT

// Runs the simulator: `npm run simulate -- --help`. It is compiled into a temporary folder first, because the oldest
// Node that we support cannot run TypeScript.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run, simulatorFlags, tool } from "./tools.js";

const folder = mkdtempSync(join(tmpdir(), "scard-simulation-"));
let status = 1;
try {
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  status = run(process.execPath, [tool("typescript", "tsc"), "-p", "tsconfig.simulation.json", "--outDir", folder]);
  const seeds = ["--seeds", join(root, "simulation", "seeds.json")];
  status ||= run(process.execPath, [
    ...simulatorFlags,
    join(folder, "simulation", "main.js"),
    ...seeds,
    ...process.argv.slice(2),
  ]);
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(status);
