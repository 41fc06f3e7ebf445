// SPDX-License-Identifier: MIT

// Runs all scenarios of a boot, and writes how each went into the folder of the run, after each: results.json.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isWanted, type Outcome, runScenarios } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { runFolder } from "./service.ts";

const all: Outcome[] = [];
const wanted = process.env.SCENARIOS ?? "";
await runScenarios(
  scenarios.filter(({ title }) => isWanted(title, wanted)),
  (outcome) => {
    all.push(outcome);
    console.log(`rig: ${outcome.error === undefined ? "ok" : "FAILED"} ${outcome.ms} ms: ${outcome.title}`);
    if (outcome.error !== undefined) console.log(outcome.error);
    writeFileSync(join(runFolder, "results.json"), JSON.stringify(all, undefined, 2));
  },
);
process.exit(all.some(({ error }) => error !== undefined) ? 1 : 0);
