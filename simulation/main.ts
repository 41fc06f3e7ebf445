// SPDX-License-Identifier: MIT

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Coverage } from "./coverage.ts";
import { describeEvent } from "./events.ts";
import { runHistory } from "./history.ts";
import { type Edition, makePlan, type Plan } from "./plan.ts";
import { shrink } from "./shrink.ts";

// The program behind `npm run simulate`. Its output for a seed does not depend on the machine or the time.

const HELP = `npm run simulate -- [options]
  --seconds N     run new histories for N seconds, after the regression seeds (default: 10)
  --histories N   run N new histories
  --from SEED     the first of the new seeds (default: from the clock, and printed)
  --seed SEED     replay one history with its timeline; a failing one is then shrunk
  --edition N     the edition of the new seeds, or of the one: 1, as first drawn, to 7 (default), with all that came later
  --seeds FILE    the regression seeds
  --hash          print a hash of each timeline, and nothing else
  --quiet         print one line of JSON and no more; do not shrink`;

/** What makes a history. */
interface Seed {
  readonly seed: number;
  readonly edition: Edition;
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    histories: { type: "string" },
    from: { type: "string" },
    seed: { type: "string" },
    edition: { type: "string", default: "7" },
    seeds: { type: "string" },
    hash: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

// Errors by the thousand are part of a history, and their stacks cost more than the errors. A replay has them.
if (values.seed === undefined) Error.stackTraceLimit = 0;

if (values.help) console.log(HELP);
else if (values.seed !== undefined) process.exitCode = await replay(number(values.seed, "seed"));
else if (values.hash) await printHashes();
else process.exitCode = await simulate();

/** Runs one history and tells everything that happens in it. */
async function replay(seed: number): Promise<number> {
  const plan = makePlan(seed, edition());
  const { violation } = await tellHistory(plan);
  if (violation === undefined) {
    console.log(`\nseed ${seed}: no violation`);
    return 0;
  }
  await report(plan);
  return 1;
}

/** Prints a hash for each history. */
async function printHashes(): Promise<void> {
  const limit = regressionSeeds().length + (values.histories === undefined ? 0 : number(values.histories, "histories"));
  const first = values.from === undefined ? 1 : number(values.from, "from");
  let left = limit;
  for (const { edition, seed } of seedsFrom(first)) {
    if (left-- === 0) break;
    const hash = createHash("sha256");
    const { events } = await runHistory(makePlan(seed, edition), { tell: (line) => hash.update(`${line}\n`) });
    console.log(`${seed} ${edition} ${events} ${hash.digest("hex")}`);
  }
}

async function tellHistory(plan: Plan): Promise<{ violation: string | undefined }> {
  const { events, ...configuration } = plan;
  console.log(`${JSON.stringify(configuration)}\n${events.length} events`);
  return runHistory(plan, { tell: (line) => console.log(line) });
}

/** Shrinks a failing history and shows what is left of it. */
async function report(plan: Plan): Promise<void> {
  const shortest = await shrink(plan);
  console.log(`\nThe shortest history like it, of ${shortest.events.length} events:`);
  for (const event of shortest.events) console.log(`  ${describeEvent(event)}`);
  console.log("\nIts timeline:");
  const { violation } = await tellHistory(shortest);
  console.log(`\nseed ${plan.seed}: ${violation}\nReplay it: npm run simulate -- ${options(plan)}`);
}

async function simulate(): Promise<number> {
  const coverage = new Coverage();
  const limit = values.histories === undefined ? Number.POSITIVE_INFINITY : number(values.histories, "histories");
  const seconds =
    values.seconds === undefined
      ? limit < Number.POSITIVE_INFINITY
        ? undefined
        : 10
      : number(values.seconds, "seconds");
  const started = performance.now();
  const first = values.from === undefined ? Date.now() % 0x8000_0000 : number(values.from, "from");
  const elapsed = (): number => (performance.now() - started) / 1000;
  const totals = { histories: 0, events: 0, virtualMs: 0 };
  if (!values.quiet) console.log(`new seeds from ${first}`);
  for (const { edition, seed } of seedsFrom(first)) {
    const isOver =
      totals.histories >= limit + regressionSeeds().length || (seconds !== undefined && elapsed() > seconds);
    if (isOver && totals.histories >= regressionSeeds().length) break;
    const plan = makePlan(seed, edition);
    const { events, violation, virtualMs } = await runHistory(plan, { reached: (what) => coverage.reached(what) });
    totals.histories++;
    totals.events += events;
    totals.virtualMs += virtualMs;
    if (violation === undefined) continue;
    if (values.quiet) console.log(JSON.stringify({ seed, violation, histories: totals.histories, seconds: elapsed() }));
    else {
      console.log(`\nseed ${seed}: ${violation}`);
      await report(plan);
    }
    return 1;
  }
  const perSecond = totals.histories / elapsed();
  if (values.quiet) console.log(JSON.stringify({ histories: totals.histories, seconds: elapsed() }));
  else {
    console.log(
      `${totals.histories} histories, ${totals.events} events, ${(totals.virtualMs / 3_600_000).toFixed(1)} virtual hours`,
    );
    console.log(
      `${elapsed().toFixed(1)} s, ${perSecond.toFixed(0)} histories/s, ${(totals.virtualMs / 1000 / elapsed()).toFixed(0)} times as fast as life`,
    );
    console.log(coverage.report());
    console.log("no violation");
  }
  return 0;
}

/** The regression seeds, then new ones without end. */
function* seedsFrom(first: number): Generator<Seed> {
  yield* regressionSeeds();
  for (let seed = first; ; seed++) yield { seed, edition: edition() };
}

function regressionSeeds(): readonly Seed[] {
  if (values.seeds === undefined) return [];
  const seeds: unknown = JSON.parse(readFileSync(values.seeds, "utf8"));
  if (!Array.isArray(seeds)) throw new Error(`${values.seeds} is no list of seeds`);
  return seeds;
}

function edition(): Edition {
  const wanted = number(values.edition, "edition");
  if (wanted !== 1 && wanted !== 2 && wanted !== 3 && wanted !== 4 && wanted !== 5 && wanted !== 6 && wanted !== 7)
    throw new Error(`there are the editions 1 to 7, not ${wanted}`);
  return wanted;
}

function options({ edition, seed }: Plan): string {
  return edition === 7 ? `--seed ${seed}` : `--seed ${seed} --edition ${edition}`;
}

function number(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${option} takes a whole number, not "${text}"`);
  return value;
}
