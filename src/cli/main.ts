#!/usr/bin/env node
// SPDX-License-Identifier: MIT

// Before anything else is loaded: a process of Node that has no listener for SIGUSR1 opens its debugger on it, on a port
// of this machine where any local user could run code as the user of this program.
process.on("SIGUSR1", () => {});

const [{ runProgram }, { processTerminal }] = await Promise.all([import("./program.ts"), import("./terminal.ts")]);
const args = process.argv.slice(2);
const code = await runProgram(args, processTerminal({ color: !args.includes("--no-color") }));
// Not process.exit: what was printed into a pipe may still be on its way. Where it could not be written, the code is set.
process.exitCode ??= code;
