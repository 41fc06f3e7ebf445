// SPDX-License-Identifier: MIT

import { execFile } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PATIENCE_MS } from "../patience.ts";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program in a folder; settles with what it printed, and rejects unless it ends with 0. */
export function runIn(
  cwd: string,
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Printed> {
  // Under `npm test` the environment says that this repository is the current package. A stranger's does not.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?:package|lifecycle|command|config_local_prefix)|^(?:INIT_CWD|NODE_ENV|VITEST)/.test(name),
  );
  const env = { ...Object.fromEntries(inherited), ...environment };
  return promisify(execFile)(command, args, { cwd, env, timeout: PATIENCE_MS, maxBuffer: 64 * 1024 * 1024 });
}

/** Runs npm in a folder; settles with what it printed on its standard output. */
export async function npmIn(cwd: string, args: readonly string[]): Promise<string> {
  // As a script of our own Node where npm says where it is: on Windows `npm` is no program that execFile could start.
  const script = process.env.npm_execpath;
  const isScript = script?.endsWith("npm-cli.js") === true;
  return (await (isScript ? runIn(cwd, process.execPath, [script, ...args]) : runIn(cwd, "npm", args))).stdout;
}

/** Packs the package into a folder: the name of the tarball, and the paths of the files in it. */
export async function packInto(folder: string): Promise<{ readonly filename: string; readonly files: string[] }> {
  // Not built here: other tests run dist/ at the same time.
  const built = existsSync(join(root, "dist")) && newestChange(join(root, "dist")) >= newestChange(join(root, "src"));
  if (!built) throw new Error("dist/ is missing or older than src/: run `npm run build` first, as `npm test` does");
  const packed = await npmIn(root, ["pack", "--ignore-scripts", "--json", "--pack-destination", folder]);
  const [{ filename, files }] = JSON.parse(packed);
  return { filename, files: files.map((file: { path: string }) => file.path).sort() };
}

function newestChange(path: string): number {
  const files = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((file) => !file.endsWith(".test.ts"));
  return Math.max(
    ...files.map((file) => statSync(join(path, file))).map((entry) => (entry.isFile() ? entry.mtimeMs : 0)),
  );
}
