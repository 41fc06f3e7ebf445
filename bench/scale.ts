// SPDX-License-Identifier: MIT

// What many readers, clients and waits cost, in the embedded manager and in `scard daemon`: memory for each, the time of each
// operation, how soon all who wait for one reader know of an insertion, and processor time while nothing happens.
//
// `npm run bench -- scale` prints a table for 100, 1,000 and 10,000 of each; `--json` also writes it and the raw figures to
// bench/results, and `--quick` stops at 1,000. The daemon is that of the last build; more descriptors than clients are needed
// (`ulimit -n`).

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type SoftwareCard, VirtualReader } from "../src/entry/cards.ts";
import { pcscdManager } from "../src/entry/pcscd.ts";
import { plugIntoVpcd } from "../src/entry/vpcd-card.ts";
import { EmbeddedManager } from "../src/managers/embedded/index.ts";
import { nodeRuntime } from "../src/platform/node/runtime/index.ts";
import type { Connection, Context } from "../src/port/index.ts";
import { type ScardService, startMeasuredScard } from "../test/peers/daemon.ts";
import { renderScale, type ScaleFigures, type ScaleRun } from "./tables/scale.ts";

const sizes = process.argv.includes("--quick") ? [100, 1000] : [100, 1000, 10_000];
const limits = { readers: 20_000, contexts: 20_000, queriesPerWait: 20_000 };
const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
const command = Uint8Array.of(0x00, 0xb0, 0x00, 0x00, 0x10);
const EXCHANGES = 2000;
const LISTINGS = 20;
const IDLE_MS = 3000;
/** So many clients of the daemon are established at once. */
const AT_ONCE = 64;
/** A configuration lists no more than 1,024 readers. */
const MOST_LISTED = 1000;

/** Answers 16 bytes and 9000 to everything, at once. */
const card: SoftwareCard = {
  reset: () => Uint8Array.of(0x3b, 0x81, 0x80, 0x01, 0x80, 0x80),
  powerOff() {},
  process: () => Uint8Array.of(...new Uint8Array(16), 0x90, 0x00),
};

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Memory of this process in use, in KiB. */
function heldKiB(): number {
  collect();
  const { external, heapUsed } = process.memoryUsage();
  return (heapUsed + external) / 1024;
}

async function timedMs(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function medianUs(times: number, run: () => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let left = times; left > 0; left--) samples.push(await timedMs(run));
  return 1000 * (samples.sort((one, other) => one - other)[times >> 1] ?? Number.NaN);
}

/** From an insertion until the first and the last of all waits have ended, in milliseconds. */
async function wake(waits: readonly Promise<unknown>[], insert: () => void): Promise<{ first: number; last: number }> {
  const start = performance.now();
  const first = Promise.race(waits).then(() => performance.now() - start);
  insert();
  await Promise.all(waits);
  return { last: performance.now() - start, first: await first };
}

async function each<T>(count: number, make: (index: number) => Promise<T>, atOnce = 1): Promise<T[]> {
  const made: T[] = [];
  for (let from = 0; from < count; from += atOnce) {
    const length = Math.min(atOnce, count - from);
    made.push(...(await Promise.all(Array.from({ length }, (_, index) => make(from + index)))));
  }
  return made;
}

/** Opens a wait for each of the contexts, and answers when all wait. */
async function waitAll(contexts: readonly Context[], reader: string, settleMs: number): Promise<Promise<unknown>[]> {
  const waits = contexts.map((context) => context.getStatusChange([{ reader, flags: { empty: true } }]));
  await sleep(settleMs);
  return waits;
}

async function measureEmbedded(count: number): Promise<ScaleFigures> {
  const runtime = nodeRuntime();
  const { clock } = runtime;
  const manager = new EmbeddedManager({ runtime, limits });
  const plain = heldKiB();
  const readers = Array.from({ length: count }, (_, index) => {
    return new VirtualReader({ clock, name: `Reader of desk ${index}`, id: `desk:${index}` });
  });
  const addMs = await timedMs(() => each(count, (index) => manager.addReader(readers[index] as VirtualReader)));
  const withReaders = heldKiB();
  const namesakes = await manyOfOneName(count);
  const [first] = readers;
  if (first === undefined) throw new Error("there is a reader");
  const { name } = manager.readers()[0] ?? { name: "" };

  const contexts: Context[] = [];
  const establishMs = await timedMs(async () => {
    for (let index = 0; index < count; index++)
      contexts.push(await manager.client({ name: `client ${index}` }).establishContext());
  });
  const withClients = heldKiB();
  const [listener] = contexts;
  if (listener === undefined) throw new Error("there is a context");
  const listUs = await medianUs(LISTINGS, () => listener.listReaders());
  const names = await listener.listReaders();
  const statesUs = await medianUs(LISTINGS, () => listener.getStatusChange(names.map((reader) => ({ reader }))));

  const waits = await waitAll(contexts, name, 0);
  const withWaits = heldKiB();
  const idle = process.cpuUsage();
  await sleep(IDLE_MS);
  const { system, user } = process.cpuUsage(idle);
  const woken = await wake(waits, () => first.insert(card));

  const connections: Connection[] = [];
  const before = heldKiB();
  const connectMs = await timedMs(async () => {
    for (const context of contexts) connections.push(await context.connect(name, shared));
  });
  const withConnections = heldKiB();
  const [one] = connections;
  if (one === undefined) throw new Error("there is a connection");
  const transmitUs = await medianUs(EXCHANGES, () => one.transmit(command));
  await manager.close();
  return {
    ...perOperation({ addMs, establishMs, connectMs }, count),
    namesakeUs: (1000 * namesakes) / count,
    listUs,
    statesUs,
    transmitUs,
    wakeFirstMs: woken.first,
    wakeLastMs: woken.last,
    idlePercent: (system + user) / 10 / IDLE_MS,
    readerKiB: (withReaders - plain) / count,
    clientKiB: (withClients - withReaders) / count,
    waitKiB: (withWaits - withClients) / count,
    connectionKiB: (withConnections - before) / count,
  };
}

/** Readers that all call themselves the same. */
async function manyOfOneName(count: number): Promise<number> {
  const runtime = nodeRuntime();
  const manager = new EmbeddedManager({ runtime, limits });
  const add = (index: number): Promise<string> =>
    manager.addReader(new VirtualReader({ clock: runtime.clock, name: "Reader", id: `${index}` }));
  const took = await timedMs(() => each(count, add));
  await manager.close();
  return took;
}

function perOperation(
  { addMs, connectMs, establishMs }: Readonly<Record<"addMs" | "establishMs" | "connectMs", number>>,
  count: number,
): Pick<ScaleFigures, "addUs" | "establishUs" | "connectUs"> {
  const [addUs, establishUs, connectUs] = [addMs, establishMs, connectMs].map((ms) => (1000 * ms) / count);
  return { addUs: addUs ?? Number.NaN, establishUs: establishUs ?? Number.NaN, connectUs: connectUs ?? Number.NaN };
}

/** Memory that the service has in use, in KiB, and ticks of 10 ms of processor time that it has used. */
function usedBy({ program }: ScardService): { readonly kiB: number; readonly ticks: number } {
  const status = readFileSync(`/proc/${program.pid}/status`, "utf8");
  const fields = readFileSync(`/proc/${program.pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return { kiB: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

async function withDaemon<T>(readers: number, use: (service: ScardService) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "scard-scale-"));
  const file = join(folder, "daemon.json");
  const listed = Array.from({ length: readers }, (_, index) => ({ type: "virtual", name: `Reader of desk ${index}` }));
  const sessions = { sessions: 11_000, connections: 20_000, clientBytes: 268_435_456, unsentBytes: 67_108_864 };
  writeFileSync(file, JSON.stringify({ readers: listed, limits: { ...limits, ...sessions } }));
  const service = await startMeasuredScard(["--config", file]);
  try {
    return await use(service);
  } finally {
    await service.stop();
    rmSync(folder, { recursive: true });
  }
}

async function measureDaemon(count: number): Promise<ScaleFigures> {
  const none = await measureDaemonReaders(0);
  const readers = Math.min(count, MOST_LISTED);
  const many = await measureDaemonReaders(readers);
  const clients = await withDaemon(0, (service) => measureDaemonClients(service, count));
  return { ...clients, startMs: many.startMs, readerKiB: (many.kiB - none.kiB) / readers, listUs: many.listUs };
}

async function measureDaemonReaders(count: number): Promise<{ startMs: number; kiB: number; listUs: number }> {
  const start = performance.now();
  return await withDaemon(count, async (service) => {
    const startMs = performance.now() - start;
    await sleep(500);
    const { kiB } = usedBy(service);
    const context = await managerOf(service).establishContext();
    const listUs = await medianUs(LISTINGS, () => context.listReaders());
    await context.release();
    return { startMs, kiB, listUs };
  });
}

function managerOf({ environment }: ScardService): ReturnType<typeof pcscdManager> {
  return pcscdManager({ socket: environment.PCSCLITE_CSOCK_NAME ?? "" });
}

async function measureDaemonClients(service: ScardService, count: number): Promise<ScaleFigures> {
  const manager = managerOf(service);
  const reader = "Virtual PCD";
  // The first clients would say more about the compiler.
  for (const context of await each(20, () => manager.establishContext())) await context.release();
  const before = usedBy(service);
  let contexts: Context[] = [];
  const establishMs = await timedMs(async () => {
    contexts = await each(count, () => manager.establishContext(), AT_ONCE);
  });
  await sleep(1000);
  const withClients = usedBy(service);
  const waits = await waitAll(contexts, reader, 2000 + count / 5);
  const withWaits = usedBy(service);
  await sleep(IDLE_MS);
  const idle = usedBy(service).ticks - withWaits.ticks;
  const pull = new AbortController();
  const woken = await wake(waits, () => void plugIntoVpcd(card, { port: service.ports[0], signal: pull.signal }));
  const [one] = contexts;
  if (one === undefined) throw new Error("there is a context");
  const connection = await one.connect(reader, shared);
  const transmitUs = await medianUs(EXCHANGES, () => connection.transmit(command));
  await connection.disconnect("leave");
  const connectUs = await medianUs(200, async () => (await one.connect(reader, shared)).disconnect("leave"));
  pull.abort();
  await Promise.all(contexts.map((context) => context.release()));
  return {
    establishUs: (1000 * establishMs) / count,
    connectUs,
    transmitUs,
    wakeFirstMs: woken.first,
    wakeLastMs: woken.last,
    idlePercent: (1000 * idle) / IDLE_MS,
    clientKiB: (withClients.kiB - before.kiB) / count,
    waitKiB: (withWaits.kiB - withClients.kiB) / count,
  };
}

// The first run is the compiler's.
await measureEmbedded(200);
const runs: ScaleRun[] = [];
for (const count of sizes) {
  const embedded = await measureEmbedded(count);
  const daemon = await measureDaemon(count);
  runs.push({ count, embedded, daemon });
  console.error(`${count}: done`);
}
const machine = { node: process.version, processors: availableParallelism() };
const table = renderScale(runs, machine);
console.log(table);
if (process.argv.includes("--json")) {
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/scale.json", `${JSON.stringify({ machine, runs }, undefined, 2)}\n`);
  writeFileSync("bench/results/scale.md", table);
}
process.exit();
