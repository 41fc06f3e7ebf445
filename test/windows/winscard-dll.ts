// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { root } from "../package/packed.ts";
import { buildFolder } from "../peers/compile.ts";

const sources = join(root, "test/windows/winscard-dll");

/** Compiles the winscard.dll of the tests. Warnings are errors. @returns its path */
export function compileWinscardDll(): string {
  const folder = join(buildFolder(), "winscard-dll");
  mkdirSync(folder, { recursive: true });
  // Another test may be using it, or compiling it: it is put into its place in one step.
  const made = join(folder, `made-${process.pid}.dll`);
  const files = readdirSync(sources).filter((name) => name.endsWith(".c"));
  const options = [
    "-std=gnu11",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-D_WIN32_WINNT=0x0A00",
    "-shared",
    "-static-libgcc",
  ];
  const args = [...options, "-o", made, ...files.map((name) => join(sources, name)), "-lws2_32"];
  const compiler = spawnSync("x86_64-w64-mingw32-gcc", args, { encoding: "utf8" });
  if (compiler.status !== 0) throw new Error(`winscard.dll could not be compiled: ${compiler.stderr}`);
  const path = join(folder, "winscard.dll");
  renameSync(made, path);
  return path;
}
