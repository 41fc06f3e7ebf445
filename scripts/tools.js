// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Path of a program that a development dependency brings, for `node <path>`: unlike `node_modules/.bin`, this is the
 * same on every operating system.
 */
export function tool(packageName, program) {
  const folder = join(root, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[program]);
}

/** Runs a program in the root folder, its output on ours, and returns its exit code (1 without one). */
export function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) console.error(`${command} could not be started: ${error.message}`);
  return status ?? 1;
}

/**
 * Options of Node for the simulator, which has a processor of its own and makes much garbage that is never old: other threads for
 * the collector only wait for each other, and a function is optimised when it is hot for a run of minutes. Timelines do not depend on them.
 * A Node that does not know one would not start with it: V8's options come and go.
 */
export const simulatorFlags = ["--single-threaded-gc", "--interrupt-budget=600000"].filter((flag) => {
  const { stdout } = spawnSync(process.execPath, ["--v8-options"], { encoding: "utf8" });
  return stdout.includes(`  ${flag.replace(/=.*/, "")} `);
});
