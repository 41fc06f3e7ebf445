// SPDX-License-Identifier: MIT

// Compares our clients with those of others: one stock pcscd, one virtual card that answers at once, and each client in
// turns within one run. Needs what scripts/setup-peers.sh installs, and root for pcscd; the packages of others come from
// scripts/setup-bench-clients.sh, which it runs. One that cannot be had has a row that says why.
//
// `npm run bench -- clients` prints the tables after four minutes at most; `--json` also writes them and the raw figures
// to bench/results, and `--quick` takes seconds for figures that are good for nothing but trying the bench.

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { type Service, startPcscd } from "../test/peers/daemon.ts";
import { pcscdProgram } from "../test/peers/pcscd.ts";
import { VpcdCard } from "../test/peers/vpcd-card.ts";
import { awaitCard, clientVersions, commands, RunningClient, timeUntilClock } from "./clients/running.ts";
import {
  type ClientFigures,
  type ClientName,
  clientNames,
  type LoopDelay,
  median,
  percentile,
  render,
  type Waiting,
} from "./tables/clients.ts";

const scale = process.argv.includes("--quick")
  ? { batches: 3, calls: 50, warmUps: 100, starts: 2, waitRounds: 1, waits: 50, delayMs: 300, answerMs: 500 }
  : { batches: 60, calls: 250, warmUps: 3000, starts: 25, waitRounds: 3, waits: 50, delayMs: 2000, answerMs: 2000 };

/** The same list, rotated each time, so that no client always follows the slowest one. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % Math.max(1, list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}

interface Exchanges {
  readonly samples: readonly number[];
  readonly batchMedians: readonly number[];
  readonly residentKiB: number;
}

/** All clients are connected; one after the other has a batch of exchanges, and again. */
async function measureExchanges(
  names: readonly ClientName[],
  environment: NodeJS.ProcessEnv,
): Promise<Map<ClientName, Exchanges>> {
  const running = new Map<ClientName, RunningClient>();
  const batches = new Map<ClientName, number[][]>();
  try {
    for (const name of names) {
      const client = await RunningClient.start(name, environment);
      running.set(name, client);
      await client.tell(`transmit ${scale.warmUps}`);
      batches.set(name, []);
    }
    for (let batch = 0; batch < scale.batches; batch++) {
      for (const [name, client] of rotated([...running], batch)) {
        batches.get(name)?.push((await client.tell(`transmit ${scale.calls}`)) as number[]);
      }
    }
    return new Map(
      [...running].map(([name, client]) => {
        const all = batches.get(name) ?? [];
        const figures = { samples: all.flat(), batchMedians: all.map(median), residentKiB: client.residentKiB };
        return [name, figures];
      }),
    );
  } finally {
    for (const client of running.values()) await client.end();
  }
}

/** Each client's starts, and the empty programs', by turns; in milliseconds. */
function measureStarts(names: readonly ClientName[], environment: NodeJS.ProcessEnv): Map<string, number[]> {
  const programs = new Map<string, readonly string[]>();
  for (const name of names) {
    const { argv, empty } = commands[name];
    programs.set(empty.join(" "), empty);
    programs.set(name, [...argv, "first"]);
  }
  const times = new Map<string, number[]>([...programs.keys()].map((key) => [key, []]));
  for (let start = 0; start < scale.starts; start++) {
    for (const [key, argv] of rotated([...programs], start)) times.get(key)?.push(timeUntilClock(argv, environment));
  }
  return times;
}

/** What open waits cost a client; it has nothing else to do. */
async function measureWaits(name: ClientName, environment: NodeJS.ProcessEnv): Promise<Waiting> {
  const { hasEventLoop } = commands[name];
  const client = await RunningClient.start(name, environment);
  try {
    await settle();
    const before = client.residentKiB;
    const delayBefore = hasEventLoop ? ((await client.tell(`delay ${scale.delayMs}`)) as LoopDelay) : null;
    await client.tell(`wait ${scale.waits}`);
    await settle();
    const residentKiB = client.residentKiB;
    const delay = hasEventLoop ? ((await client.tell(`delay ${scale.delayMs}`)) as LoopDelay) : null;
    const answers = hasEventLoop ? ((await client.tell(`answers ${scale.answerMs}`)) as boolean) : null;
    return { delayBefore, delay, answers, residentKiB, perWaitKiB: (residentKiB - before) / scale.waits };
  } finally {
    await client.end();
  }
}

/** What was begun gets to where it waits. */
function settle(): Promise<void> {
  return new Promise((done) => setTimeout(done, 500));
}

async function measure({ environment }: Service): Promise<ClientFigures[]> {
  awaitCard(environment);
  const missing = new Map<ClientName, string>();
  for (const name of clientNames) {
    try {
      timeUntilClock([...commands[name].argv, "first"], environment);
    } catch (error) {
      missing.set(name, error instanceof Error ? error.message : String(error));
    }
  }
  const names = clientNames.filter((name) => !missing.has(name));
  console.error("exchanges");
  const exchanges = await measureExchanges(names, environment);
  console.error("starts");
  const starts = measureStarts(names, environment);
  const waits = new Map<ClientName, Waiting[]>();
  for (let round = 0; round < scale.waitRounds; round++) {
    console.error(`waits, round ${round + 1} of ${scale.waitRounds}`);
    for (const name of rotated(names, round)) {
      waits.set(name, [...(waits.get(name) ?? []), await measureWaits(name, environment)]);
    }
  }
  return clientNames.map((name): ClientFigures => {
    const found = exchanges.get(name);
    if (found === undefined) return { name, missing: missing.get(name) ?? "it was not measured" };
    return {
      name,
      transmit: {
        samples: found.samples.length,
        percentilesUs: Array.from({ length: 101 }, (_, index) => percentile(found.samples, index / 100)),
        batchMediansUs: found.batchMedians,
      },
      residentKiB: found.residentKiB,
      startsMs: rounded(starts.get(name)),
      emptyStartsMs: rounded(starts.get(commands[name].empty.join(" "))),
      waits: waits.get(name) ?? [],
    };
  });
}

function rounded(times: readonly number[] = []): number[] {
  return times.map((ms) => Number(ms.toFixed(2)));
}

const reason = pcscdProgram.probe(pcscdProgram.name);
if (reason !== undefined) {
  console.error(`There is nothing to measure against: ${reason}. ${pcscdProgram.remedy}`);
  process.exit(1);
}
const machine = { processors: cpus().length, model: cpus()[0]?.model ?? "unknown", loadAtStart: loadavg() };
spawnSync("bash", ["scripts/setup-bench-clients.sh"], { stdio: "inherit" });
// Its default is 200 threads, one for each context; some clients take three for a wait.
const service = await startPcscd(["--max-thread", "400"]);
const card = await VpcdCard.insert(service.ports[0]);
let figures: ClientFigures[];
try {
  figures = await measure(service);
} finally {
  await card.end();
  await service.stop();
}
const versions = {
  ...clientVersions(),
  pcscd:
    spawnSync(pcscdProgram.name, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0]?.replace(/\.$/, "") ?? "",
};
const document = render(figures, { machine, versions, scale });
console.log(document);
if (process.argv.includes("--json")) {
  mkdirSync("bench/results", { recursive: true });
  const results = { machine, versions, scale, clients: figures };
  writeFileSync("bench/results/clients.json", `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync("bench/results/clients.md", document);
}
