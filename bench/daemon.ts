// SPDX-License-Identifier: MIT

// Compares our daemon with the stock one: the same C clients over the same client library, the same virtual card over
// the same protocol, in turns within one run. Needs what scripts/setup-peers.sh installs, and root for the stock one.
//
// `npm run bench -- daemon` prints a table after five minutes; `--json` also writes it and the raw figures to
// bench/results, and `--quick` takes half a minute for figures that are good for nothing but trying the bench.
// `--before=FILE` measures an earlier version as well, by turns with the others: FILE is the program `scard` of a checkout that
// is built.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { compileC } from "../test/peers/compile.ts";
import { type Service, scardProgram, startMeasuredScard, startPcscd } from "../test/peers/daemon.ts";
import { pcscdProgram } from "../test/peers/pcscd.ts";
import { Program, run } from "../test/peers/program.ts";
import { VpcdCard } from "../test/peers/vpcd-card.ts";
import { type Figures, type Round, renderSummary, summarize } from "./tables/daemon.ts";

const scale = process.argv.includes("--quick")
  ? { rounds: 1, calls: 400, contendedS: 2, fairnessS: 3, insertions: 4, waiters: 50 }
  : { rounds: 3, calls: 2000, contendedS: 5, fairnessS: 10, insertions: 12, waiters: 200 };

const clients = {
  latency: compileC("latency", ["bench/clients/latency.c"]),
  contention: compileC("contention", ["bench/clients/contention.c"]),
  watch: compileC("watch", ["bench/clients/watch.c"]),
  waiters: compileC("waiters", ["bench/clients/waiters.c"]),
  twoReaders: compileC("two-readers-bench", ["bench/clients/two-readers.c"]),
};

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

interface Contention {
  readonly handOver: Percentiles | null;
  readonly freeShare: number;
  readonly idleShare: number;
  readonly longestWait: number;
  readonly counts: readonly number[];
}

/** Runs a client that prints one line of JSON. */
async function measure(service: Service, program: string, args: readonly (string | number)[]): Promise<unknown> {
  const environment = service.environment;
  const { status, stdout, stderr } = await run(program, args.map(String), { environment, timeoutMs: 120_000 });
  if (status !== 0) throw new Error(`${program} on ${service.name}: ${stderr}${stdout}`);
  return JSON.parse(stdout);
}

async function measureContention(service: Service, ...terms: readonly number[]): Promise<Contention> {
  return (await measure(service, clients.contention, [readerNames(service)[0], ...terms])) as Contention;
}

function readerNames(service: Service): [string, string] {
  return service.name === "pcscd" ? ["Virtual PCD 00 00", "Virtual PCD 00 01"] : ["Virtual PCD", "Virtual PCD 1"];
}

/** Memory that the service has in use, with all its threads, in KiB. */
function residentKiB(service: Service): number {
  const status = readFileSync(`/proc/${service.program.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

/** From the moment at which a card is put in to the moment at which a waiting client knows, in microseconds. */
async function measureInsertions(service: Service, card: VpcdCard): Promise<number[]> {
  const watch = new Program(clients.watch, [readerNames(service)[0]], service.environment);
  const latencies: number[] = [];
  await watch.line((line) => line.startsWith("in "));
  for (let count = 0; count < scale.insertions; count++) {
    await card.move("out");
    await watch.line((line) => line.startsWith("out "));
    // The stock service looks every 400 ms: moments are spread over its period.
    await sleep(400 + (400 * count) / scale.insertions);
    const inserted = await card.move("in");
    const [, woken = "0"] = (await watch.line((line) => line.startsWith("in "))).split(" ");
    latencies.push(Number(BigInt(woken) - inserted) / 1000);
  }
  await watch.end();
  return latencies;
}

async function measureWaiters(service: Service): Promise<number> {
  const [reader] = readerNames(service);
  const one = new Program(clients.waiters, [reader, "10"], service.environment);
  await one.line();
  one.endInput();
  await one.ended;
  await sleep(500);
  const before = residentKiB(service);
  const many = new Program(clients.waiters, [reader, String(scale.waiters)], service.environment);
  await many.line();
  await sleep(500);
  const after = residentKiB(service);
  many.endInput();
  await many.ended;
  return (after - before) / scale.waiters;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A figure that a client has printed. */
function figure(printed: Readonly<Record<string, number>>, name: string): number {
  const value = printed[name];
  if (typeof value !== "number")
    throw new Error(`a client of the bench printed no ${name}: ${JSON.stringify(printed)}`);
  return value;
}

/** All figures of one service in one round. */
async function measureService(start: () => Promise<Service>): Promise<Figures> {
  const service = await start();
  const cards: VpcdCard[] = [];
  try {
    // Both readers have a card from the start: the service meets the first clients warm.
    for (const port of service.ports) cards.push(await VpcdCard.insert(port));
    const [first] = cards;
    if (first === undefined) throw new Error("there is no card");
    const [one, other] = readerNames(service);
    // A service that runs for days is warm; the first calls of a new one would say more about its compiler.
    await measure(service, clients.latency, [one, scale.calls]);
    const latency = (await measure(service, clients.latency, [one, scale.calls])) as Record<string, Percentiles>;
    const contended = await measureContention(service, 4, 3000, 0, scale.contendedS);
    const paused = await measureContention(service, 4, 3000, 4000, scale.contendedS);
    const fairness = await measureContention(service, 8, 20_000, 0, scale.fairnessS);
    const insertions = await measureInsertions(service, first);
    const stall = (await measure(service, clients.twoReaders, [one, other, 1000])) as Record<string, number>;
    const memory = await measureWaiters(service);
    const figures: Partial<Record<keyof Figures, number>> = {};
    for (const [call, { p50, p99 }] of Object.entries(latency)) {
      figures[`${call} p50` as keyof Figures] = p50;
      figures[`${call} p99` as keyof Figures] = p99;
    }
    const mean = fairness.counts.reduce((sum, count) => sum + count, 0) / fairness.counts.length;
    return {
      ...figures,
      "handOver p50": contended.handOver?.p50 ?? Number.NaN,
      "handOver p99": contended.handOver?.p99 ?? Number.NaN,
      freeShare: contended.freeShare * 100,
      idleShare: contended.idleShare * 100,
      "handOver with pauses p50": paused.handOver?.p50 ?? Number.NaN,
      "handOver with pauses p99": paused.handOver?.p99 ?? Number.NaN,
      "freeShare with pauses": paused.freeShare * 100,
      "idleShare with pauses": paused.idleShare * 100,
      longestWait: fairness.longestWait,
      fewestTurns: Math.min(...fairness.counts),
      mostTurns: Math.max(...fairness.counts),
      unevenness: Math.max(...fairness.counts.map((count) => Math.abs(count / mean - 1))) * 100,
      "insertion p50": percentile(insertions, 0.5),
      "insertion p99": percentile(insertions, 0.99),
      "two readers, stall": figure(stall, "longestUs"),
      "two readers, turn": figure(stall, "waitedUs"),
      memoryPerClient: memory,
    } as Figures;
  } finally {
    for (const card of cards) await card.end();
    await service.stop();
  }
}

const reason = pcscdProgram.probe(pcscdProgram.name);
if (reason !== undefined) {
  console.error(`The stock service cannot be measured: ${reason}. ${pcscdProgram.remedy}`);
  process.exit(1);
}
const earlier = process.argv.find((argument) => argument.startsWith("--before="))?.slice("--before=".length);
const quiet = ["--log-level", "warn"];
const rounds: Round[] = [];
for (let round = 1; round <= scale.rounds; round++) {
  console.error(`round ${round} of ${scale.rounds}`);
  // Its default is 200 threads, one for each context.
  const pcscd = await measureService(() => startPcscd(["--max-thread", "400"]));
  const before = earlier === undefined ? undefined : await measureService(() => startMeasuredScard(quiet, [earlier]));
  const scard = await measureService(() => startMeasuredScard(quiet, [scardProgram]));
  rounds.push({ pcscd, scard, ...(before !== undefined && { before }) });
}
const [processor] = cpus();
const machine = { processors: cpus().length, model: processor?.model ?? "unknown" };
const versions = {
  node: process.version,
  pcscd: spawnSync(pcscdProgram.name, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0],
};
const summary = summarize(rounds);
const document = renderSummary(summary, machine, scale);
console.log(document);
if (process.argv.includes("--json")) {
  mkdirSync("bench/results", { recursive: true });
  writeFileSync(
    "bench/results/daemon.json",
    `${JSON.stringify({ machine, versions, scale, summary, rounds }, null, 2)}\n`,
  );
  writeFileSync("bench/results/daemon.md", document);
}
