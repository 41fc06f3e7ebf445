#!/usr/bin/env node
// SPDX-License-Identifier: MIT

import { runProgram } from "./program.ts";
import { processTerminal } from "./terminal.ts";

const args = process.argv.slice(2);
// Not process.exit: what was printed into a pipe may still be on its way.
process.exitCode = await runProgram(args, processTerminal({ color: !args.includes("--no-color") }));
