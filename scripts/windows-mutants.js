// SPDX-License-Identifier: MIT

// Breaks the built package in known ways, one at a time, and has the checks of test/windows look for each fault: `npm run
// windows:mutants -- [part of a name]`. Exit code 1 where one is not found. test/windows/mutants.ts has the faults.

import { startVitest } from "vitest/node";
import { root } from "./tools.js";

const [part] = process.argv.slice(2);
const file = "test/windows/mutants.run.ts";
const options = { root, watch: false, include: [file], ...(part !== undefined && { testNamePattern: part }) };
const vitest = await startVitest("test", [file], options);
await vitest.close();
