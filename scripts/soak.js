// SPDX-License-Identifier: MIT

// Runs the soak: `npm run soak -- --help`. It and the daemon that it judges are compiled from the sources first, because
// the oldest Node that we support cannot run TypeScript, and so that the daemon does not change while it runs.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, run, tool } from "./tools.js";

// The compiled daemon finds its packages from here.
const cache = join(root, "node_modules", ".cache");
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, "scard-soak-"));
let status = 1;
try {
  // Types are the business of `npm run check`.
  const compile = ["-p", join("test", "soak", "tsconfig.json"), "--noCheck", "--outDir", folder];
  status = run(process.execPath, [tool("typescript", "tsc"), ...compile]);
  status ||= run(process.execPath, [join(folder, "test", "soak", "main.js"), ...process.argv.slice(2)]);
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(status);
