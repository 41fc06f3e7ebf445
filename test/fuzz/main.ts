// SPDX-License-Identifier: MIT

import { parseArgs } from "node:util";
import { encodeHex } from "../../src/base/binary/index.ts";
import { addFailure, type CorpusEntry, readCorpus, writeCorpus } from "./corpus.ts";
import { BlockProfiler, Coverage } from "./coverage.ts";
import { watchRejections } from "./examine.ts";
import { type Failure, type FuzzLimit, fuzz, minimise } from "./fuzz.ts";
import type { FuzzTarget } from "./target.ts";
import { startWatchdog } from "./watchdog.ts";

// The program behind `npm run fuzz`. V8 counts the blocks of code that is loaded from here on.
const profiler = new BlockProfiler();
profiler.start();
const { targets } = await import("./targets.ts");
const { fuzzSockets } = await import("./sockets.ts");

const help = `npm run fuzz -- [options]
  --target NAME   one of those below, or all (default)
  --seconds N     for how long, all targets together (default: 60)
  --runs N        so many new inputs for each target, instead
  --seed S        where the inputs follow from (default: from the clock, and printed)
  --input HEX     feed this one input to the target, and say what came of it
  --minimise      keep in test/corpus what was found, and what is needed of it: each input that reaches blocks that no
                  other does
  --blind         do not look at which blocks are reached
  --json          print one line of JSON for each target

Targets:
${[...targets, fuzzSockets].map(({ about, name }) => `  ${name.padEnd(17)} ${about}`).join("\n")}`;

const { values } = parseArgs({
  options: {
    target: { type: "string", default: "all" },
    seconds: { type: "string" },
    runs: { type: "string" },
    seed: { type: "string" },
    input: { type: "string" },
    minimise: { type: "boolean", default: false },
    blind: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    corpus: { type: "string", default: "test/corpus" },
    program: { type: "string", default: "dist/bundle/entry/main.js" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) console.log(help);
else {
  // Not left to Node: while inputs are fed, an uncaught error counts as the result of an input.
  const status = await main().catch((error: unknown) => {
    console.error(error);
    return 1;
  });
  process.exitCode = status;
}

async function main(): Promise<number> {
  const wanted = targets.filter(({ name }) => values.target === "all" || values.target === name);
  const withSockets = values.target === "all" || values.target === fuzzSockets.name;
  if (wanted.length === 0 && !withSockets) throw new Error(`there is no target "${values.target}"; see --help`);
  const seed = values.seed === undefined ? Date.now() % 0x8000_0000 : number(values.seed, "seed");
  const count = wanted.length + (withSockets ? 1 : 0);
  const seconds =
    values.seconds === undefined ? (values.runs === undefined ? 60 : undefined) : number(values.seconds, "seconds");
  const limit: FuzzLimit = {
    ...(values.runs !== undefined && { runs: number(values.runs, "runs") }),
    ...(seconds !== undefined && { seconds: seconds / count }),
  };
  if (!values.json) console.log(`seed ${seed}`);
  const unwatch = watchRejections();
  const watchdog = startWatchdog(values.corpus);
  let failures = 0;
  try {
    for (const target of wanted) {
      const progress = (input: Uint8Array): void => watchdog.begin(target.name, input);
      if (!(await fuzzOne(target, seed, limit, progress))) failures++;
    }
  } finally {
    await watchdog.stop();
    unwatch();
    profiler.stop();
  }
  if (withSockets && values.input === undefined && !(await socketsHold(seed, limit))) failures++;
  return failures === 0 ? 0 : 1;
}

/** Fuzzes one target and tells what came of it; false where something failed. */
async function fuzzOne(
  target: FuzzTarget,
  seed: number,
  limit: FuzzLimit,
  progress: (input: Uint8Array) => void,
): Promise<boolean> {
  const before = readCorpus(values.corpus, target.name);
  const given = values.input === undefined ? undefined : Buffer.from(values.input, "hex");
  const corpus: readonly CorpusEntry[] =
    given === undefined ? before : [{ bytes: Uint8Array.from(given), origin: "written", why: "" }];
  const coverage = coverageOf(target);
  const guided = values.blind ? {} : { guide: coverage };
  const report = await fuzz(target, {
    seed,
    limit: given === undefined ? limit : { runs: 0 },
    corpus,
    progress,
    ...guided,
  });
  const { failure, found, runs, seconds } = report;
  const { blocks } = coverage;
  const perSecond = Math.round(runs / Math.max(seconds, 0.001));
  const { name } = target;
  if (values.json) {
    const failed = failure && { message: failure.message, input: encodeHex(failure.input) };
    console.log(
      JSON.stringify({
        target: name,
        seed,
        runs,
        seconds,
        perSecond,
        corpus: corpus.length,
        found: found.length,
        blocks,
        failure: failed,
      }),
    );
  } else {
    const reached = values.blind ? "" : `, ${blocks.reached} of ${blocks.known} blocks`;
    console.log(
      `${name.padEnd(17)} ${runs} inputs, ${perSecond}/s, corpus ${corpus.length} + ${found.length}${reached}`,
    );
  }
  if (failure !== undefined) {
    tell(failure);
    if (given === undefined) addFailure(values.corpus, name, failure.input, failure.message);
  }
  if (values.minimise && failure === undefined && given === undefined) {
    const entries = [...before, ...found.map((bytes): CorpusEntry => ({ bytes, origin: "found", why: "" }))];
    const kept = await minimise(target, entries, coverageOf(target));
    writeCorpus(values.corpus, name, kept);
    if (!values.json) console.log(`${"".padEnd(17)} the corpus has ${kept.length} inputs now`);
  }
  return failure === undefined;
}

function coverageOf({ measures }: FuzzTarget): Coverage {
  return new Coverage(profiler, (url) => measures.some((path) => url.includes(`/src/${path}`)));
}

async function socketsHold(seed: number, limit: FuzzLimit): Promise<boolean> {
  const rounds = limit.runs === undefined ? {} : { rounds: Math.max(1, Math.ceil(limit.runs / 1000)) };
  const seconds = limit.seconds === undefined ? {} : { seconds: limit.seconds };
  const { failure, ...counts } = await fuzzSockets.run({ seed, program: values.program, ...rounds, ...seconds });
  const { name } = fuzzSockets;
  if (values.json) console.log(JSON.stringify({ target: name, seed, ...counts, failure }));
  else {
    const { bytes, connections, served } = counts;
    console.log(
      `${name.padEnd(17)} ${connections} connections, ${bytes} hostile bytes, ${served} answers to the client that behaves`,
    );
  }
  if (failure !== undefined) console.error(`\n${name}, seed ${seed}: ${failure}`);
  return failure === undefined;
}

function tell({ input, message, seed, target }: Failure): void {
  console.error(`
${target}, seed ${seed}: ${message}
${input.length} bytes: ${encodeHex(input)}
The same again: npm run fuzz -- --target ${target} --input ${encodeHex(input)}`);
}

function number(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${option} takes a whole number, not "${text}"`);
  return value;
}
