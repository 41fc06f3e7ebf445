// SPDX-License-Identifier: MIT

// Everything that has to hold before a change is done, quickest first, and stops at the first step that fails.
// Arguments go to vitest: `npm test -- src/base/binary`. The last line printed is always "N passed, N failed[, N skipped]".

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run, tool } from "./tools.js";

const steps = [
  ["Format, lint and layers", process.execPath, tool("@biomejs/biome", "biome"), "check", "--error-on-warnings"],
  ["Types", process.execPath, tool("typescript", "tsc"), "-p", "tsconfig.json"],
  ["Build", process.execPath, "scripts/build.js"],
  ["Unused files, exports and dependencies", process.execPath, tool("knip", "knip")],
];
// The peers are Debian packages. On other systems their tests are skipped, and say so. SCARD_PEERS=none leaves them out
// everywhere.
if (process.env.SCARD_PEERS === "none") console.log("SCARD_PEERS=none: no peer is installed, and no test uses one.");
else if (process.platform === "linux") {
  steps.push(
    ["Peers for the tests with real programs", "bash", "scripts/setup-peers.sh"],
    ["Windows' Node under Wine", "bash", "scripts/setup-windows.sh"],
    ["The machine that USB readers are plugged into", "bash", "scripts/setup-usb.sh"],
    ["Packages for the tests of what stands in for others", "bash", "scripts/setup-compat.sh"],
    ["Older releases of TypeScript, for the tests of our types", "bash", "scripts/setup-typescript.sh"],
    ["Package managers that install the package", "bash", "scripts/setup-managers.sh"],
  );
}

for (const [title, command, ...args] of steps) {
  console.log(`\n== ${title}`);
  if (run(command, args) !== 0) {
    console.log(`\nStopped: "${title}" failed. No test was run.\n\n0 passed, 1 failed`);
    process.exit(1);
  }
}

console.log("\n== Tests");
const filesBefore = changedFiles();
const folder = mkdtempSync(join(tmpdir(), "scard-test-"));
const reportPath = join(folder, "report.json");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportPath}`];
const status = run(process.execPath, [tool("vitest", "vitest"), "run", ...reporters, ...process.argv.slice(2)]);
const { passed, skipped, ...counts } = countTests(reportPath, status);
rmSync(folder, { recursive: true });
// Elsewhere the user may have written the file while the tests ran.
const leftOver = changedFiles().filter((file) => !filesBefore.includes(file));
if (leftOver.length > 0) console.log(`\nThe tests left files behind:\n${leftOver.join("\n")}`);
const failed = counts.failed + (leftOver.length > 0 && process.env.CI ? 1 : 0);

console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 ? 1 : status);

/** What git sees changed, new or ignored in the checkout; nothing where there is no git, or no checkout. */
function changedFiles() {
  const { stdout } = spawnSync("git", ["status", "--porcelain", "--ignored"], { cwd: root, encoding: "utf8" });
  return stdout?.split("\n").filter((line) => line !== "") ?? [];
}

function countTests(path, exitCode) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // A file that could not even be loaded has no test to fail, and an error outside all tests belongs to none.
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const failures = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    failed: failures === 0 && exitCode !== 0 ? 1 : failures,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
