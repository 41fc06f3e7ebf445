#!/usr/bin/env node
// SPDX-License-Identifier: MIT

import { closeDebugger, keepSignals } from "./early-signals.ts";
import { keepCollectionsShort } from "./short-collections.ts";
import { readVersion, versionOptions } from "./version.ts";

// Before anything else is loaded: a process of Node that has no listener for SIGUSR1 opens its debugger on it, on a port
// of this machine where any local user could run code as the user of this program.
process.on("SIGUSR1", () => {});
closeDebugger();
if (process.argv[2] === "daemon") {
  keepSignals();
  // The space of new objects grows while the rest is loaded.
  keepCollectionsShort();
}

const args = process.argv.slice(2);
// Scripts ask for it often, and nothing else has to be loaded.
if (args.length === 1 && versionOptions.includes(args[0] ?? "")) console.log(readVersion());
else await runWhole().catch(tooFewFiles);

async function runWhole(): Promise<void> {
  const rooms = await Promise.all([import("./program.ts"), import("./terminal.ts")]);
  // Node opens it a little after the signal, and may have missed the first call.
  closeDebugger();
  const [{ runProgram }, { processTerminal }] = rooms;
  const code = await runProgram(args, processTerminal({ color: !args.includes("--no-color") }));
  // Not process.exit: what was printed into a pipe may still be on its way. Where it could not be written, the code is set.
  process.exitCode ??= code;
}

/** The modules of a program, and those of a command, are read at once, for which a narrow limit of open files is not enough. */
function tooFewFiles(error: unknown): never {
  if (!(error instanceof Error) || !("code" in error) || (error.code !== "EMFILE" && error.code !== "ENFILE"))
    throw error;
  console.error("scard: the system lets this process open too few files. Raise the limit: ulimit -n 1024");
  process.exit(1);
}
