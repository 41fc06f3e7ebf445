// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import type { PeerProgram } from "./peers.ts";

const HEADERS = "/usr/include/PCSC";

/** A C compiler with the client library of pcsc-lite, which is the peer that it stands for. */
export const clientLibrary: PeerProgram = {
  name: "gcc",
  remedy: "scripts/setup-peers.sh installs it and libpcsclite-dev on Debian.",
  probe: () => (existsSync(join(HEADERS, "winscard.h")) ? undefined : `there is no ${HEADERS}/winscard.h`),
};

/** Where compiled programs go. What is not up to date there is replaced, so that nothing has to be cleared away. */
export function buildFolder(): string {
  const folder = resolve("node_modules/.cache/scard-peers");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * Compiles a C program and returns its path. Warnings are errors.
 *
 * @param against what it is compiled against, as the compiler is told: libpcsclite where nothing else is said
 */
export function compileC(
  name: string,
  sources: readonly string[],
  against: readonly string[] = [`-I${HEADERS}`, "-lpcsclite"],
): string {
  const program = join(buildFolder(), name);
  // Another test may be running the program, or compiling it: it is put into its place in one step.
  const made = `${program}.${process.pid}`;
  const options = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"];
  const compiler = spawnSync("gcc", [...options, "-o", made, ...sources, ...against, "-lpthread"], {
    encoding: "utf8",
  });
  if (compiler.status !== 0) throw new Error(`gcc could not compile ${name}: ${compiler.stderr}`);
  renameSync(made, program);
  return program;
}
