// SPDX-License-Identifier: MIT

// What the embedded manager costs: latencies of its main operations, and how fairly eight clients share a lock.
// `npm run bench -- manager` prints them; `--json` also writes them to bench/results/manager.json.

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { performance } from "node:perf_hooks";
import { type SoftwareCard, VirtualReader } from "../src/entry/cards.ts";
import { EmbeddedManager } from "../src/managers/embedded/index.ts";
import { nodeRuntime } from "../src/platform/node/runtime/index.ts";
import type { Connection, Context } from "../src/port/index.ts";

const WARM_UPS = 20_000;
const ROUNDS = 10;
const SAMPLES_PER_ROUND = 5000;
const FAIRNESS_CLIENTS = 8;
const FAIRNESS_HOLDS = 80_000;

const atr = Uint8Array.of(0x3b, 0x81, 0x80, 0x01, 0x80, 0x80);
const command = Uint8Array.of(0x00, 0xb0, 0x00, 0x00, 0x10);
const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;

/** Answers 16 bytes and 9000 to everything, at once. */
const card: SoftwareCard = {
  reset: () => atr,
  powerOff() {},
  process() {
    const answer = new Uint8Array(18);
    answer[16] = 0x90;
    return answer;
  },
};

/** Something to measure: does it once, and answers how long the part that counts took, in milliseconds. */
type Measurement = () => Promise<number>;

interface Latencies {
  readonly name: string;
  readonly samples: number;
  readonly meanNs: number;
  /** Nanoseconds, by percentile: `[0]` is the shortest sample, `[100]` the longest. */
  readonly percentilesNs: readonly number[];
  readonly p999Ns: number;
  /** Medians of the single rounds, in nanoseconds: how steady the machine was. */
  readonly roundMediansNs: readonly number[];
}

interface Fairness {
  readonly clients: number;
  readonly holds: number;
  /** The most that first come, first served allows: each other client once. */
  readonly bound: number;
  readonly longestWaitInHolds: number;
  /** How many waits lasted for as many holds of others as the index says. */
  readonly waitsByHolds: readonly number[];
  readonly holdsByClient: readonly number[];
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

async function nothing(): Promise<void> {}

/** A manager on the node runtime with the card in a virtual reader. */
async function start(): Promise<{ manager: EmbeddedManager; connect(client: string): Promise<[Context, Connection]> }> {
  const runtime = nodeRuntime();
  const manager = new EmbeddedManager({ runtime });
  const reader = new VirtualReader({ clock: runtime.clock });
  reader.insert(card);
  const name = await manager.addReader(reader);
  const connect = async (client: string): Promise<[Context, Connection]> => {
    const context = await manager.client({ name: client }).establishContext();
    return [context, await context.connect(name, shared)];
  };
  return { manager, connect };
}

/** The same reader with the same card and no manager: what of an exchange is not the manager's. */
async function bareReader(): Promise<Measurement> {
  const reader = new VirtualReader({ clock: nodeRuntime().clock });
  reader.insert(card);
  await reader.open({ inserted() {}, removed() {}, lost() {} });
  const { signal } = new AbortController();
  await reader.power("cold-reset", signal);
  await reader.setProtocol("t1", signal);
  return () => timed(() => reader.transmit(command, "t1", new AbortController().signal));
}

/** A holds the lock and B waits for it: from A's call that ends the transaction to B going on. Then the other way. */
function handOff(first: Connection, second: Connection): Measurement {
  let [holder, waiter] = [first, second];
  let held = false;
  return async () => {
    if (!held) await holder.beginTransaction();
    held = true;
    const granted = waiter.beginTransaction();
    const start = performance.now();
    const ended = holder.endTransaction("leave");
    await granted;
    const took = performance.now() - start;
    await ended;
    [holder, waiter] = [waiter, holder];
    return took;
  };
}

/** A holds the lock and B waits for it: from the call that cancels to B having its error. */
function cancel(holder: Connection, context: Context, waiter: Connection): Measurement {
  let held = false;
  return async () => {
    if (!held) await holder.beginTransaction();
    held = true;
    let took = 0;
    let start = 0;
    const ended = waiter.beginTransaction().catch(() => {
      took = performance.now() - start;
    });
    start = performance.now();
    const cancelled = context.cancel();
    await ended;
    await cancelled;
    return took;
  };
}

/** Each measurement has a manager of its own, as some leave a lock held. */
async function measurements(): Promise<ReadonlyMap<string, Measurement>> {
  const [plain, inLock, locking, handing, cancelling, connecting] = await Promise.all(Array.from({ length: 6 }, start));
  if (!plain || !inLock || !locking || !handing || !cancelling || !connecting) throw new Error("no manager");
  const [, transmitting] = await plain.connect("a");
  const [, holding] = await inLock.connect("a");
  await holding.beginTransaction();
  const [, locker] = await locking.connect("a");
  const [[, first], [, second]] = [await handing.connect("a"), await handing.connect("b")];
  const [, holder] = await cancelling.connect("a");
  const [waitingContext, waiter] = await cancelling.connect("b");
  const [context, resident] = await connecting.connect("a");
  const { reader } = resident;
  return new Map<string, Measurement>([
    ["an empty async call (the floor)", () => timed(nothing)],
    ["exchange with the reader, without manager", await bareReader()],
    ["transmit", () => timed(() => transmitting.transmit(command))],
    ["transmit within a transaction", () => timed(() => holding.transmit(command))],
    [
      "lock + unlock",
      () =>
        timed(async () => {
          await locker.beginTransaction();
          await locker.endTransaction("leave");
        }),
    ],
    ["contended hand-off, unlock to the next holder", handOff(first, second)],
    ["cancel, to the end of the wait", cancel(holder, waitingContext, waiter)],
    ["connect + disconnect", () => timed(async () => (await context.connect(reader, shared)).disconnect("leave"))],
  ]);
}

/** Takes the measurements in turns, so that other load on the machine affects them alike. */
async function measure(): Promise<Latencies[]> {
  const all = [...(await measurements())].map(([name, once]) => ({ name, once, rounds: [] as Float64Array[] }));
  for (const { once } of all) for (let index = 0; index < WARM_UPS; index++) await once();
  for (let round = 0; round < ROUNDS; round++) {
    for (const measurement of all) {
      const samples = new Float64Array(SAMPLES_PER_ROUND);
      for (let index = 0; index < SAMPLES_PER_ROUND; index++) samples[index] = await measurement.once();
      measurement.rounds.push(samples.sort());
    }
  }
  return all.map(({ name, rounds: taken }) => {
    const sorted = Float64Array.from(taken.flatMap((samples) => [...samples])).sort();
    return {
      name,
      samples: sorted.length,
      meanNs: Math.round((sorted.reduce((sum, sample) => sum + sample, 0) / sorted.length) * 1e6),
      percentilesNs: Array.from({ length: 101 }, (_, percent) => quantileNs(sorted, percent / 100)),
      p999Ns: quantileNs(sorted, 0.999),
      roundMediansNs: taken.map((samples) => quantileNs(samples, 0.5)),
    };
  });
}

/** The smallest sample that the share `q` of all samples does not exceed. */
function quantileNs(sorted: Float64Array, q: number): number {
  const index = Math.max(Math.ceil(q * sorted.length) - 1, 0);
  return Math.round((sorted[index] ?? Number.NaN) * 1e6);
}

/** Clients that lock, transmit, unlock and do so again at once, all at one reader. */
async function contend(): Promise<Fairness> {
  const { connect, manager } = await start();
  const connections: Connection[] = [];
  for (let index = 0; index < FAIRNESS_CLIENTS; index++) connections.push((await connect(`client ${index}`))[1]);
  const waitsByHolds: number[] = [];
  const holdsByClient = connections.map(() => 0);
  let ended = 0;
  await Promise.all(
    connections.map(async (connection, index) => {
      while (ended < FAIRNESS_HOLDS) {
        const before = ended;
        await connection.beginTransaction();
        const waited = ended - before;
        waitsByHolds[waited] = (waitsByHolds[waited] ?? 0) + 1;
        await connection.transmit(command);
        holdsByClient[index] = (holdsByClient[index] ?? 0) + 1;
        ended++;
        await connection.endTransaction("leave");
      }
    }),
  );
  await manager.close();
  return {
    clients: FAIRNESS_CLIENTS,
    holds: ended,
    bound: FAIRNESS_CLIENTS - 1,
    longestWaitInHolds: waitsByHolds.length - 1,
    waitsByHolds: Array.from(waitsByHolds, (count) => count ?? 0),
    holdsByClient,
  };
}

function print(latencies: readonly Latencies[], fairness: Fairness): void {
  const floor = latencies[0]?.percentilesNs[50] ?? Number.NaN;
  const us = (ns: number | undefined): string => ((ns ?? Number.NaN) / 1000).toFixed(2).padStart(9);
  console.log(
    `Embedded manager, virtual reader, software card; Node ${process.version}, ${process.platform}-${process.arch}`,
  );
  console.log(`${ROUNDS * SAMPLES_PER_ROUND} samples each, after ${WARM_UPS} to warm up. Microseconds.\n`);
  console.log(
    `${"".padEnd(48)}${"p50".padStart(9)}${"p99".padStart(9)}${"p99.9".padStart(9)}${"mean".padStart(9)}${"× floor".padStart(9)}`,
  );
  for (const { meanNs, name, p999Ns, percentilesNs } of latencies) {
    const [p50, p99] = [percentilesNs[50], percentilesNs[99]];
    const ratio = ((p50 ?? Number.NaN) / floor).toFixed(0).padStart(9);
    console.log(`${name.padEnd(48)}${us(p50)}${us(p99)}${us(p999Ns)}${us(meanNs)}${ratio}`);
  }
  const shares = fairness.holdsByClient.map((holds) => `${((100 * holds) / fairness.holds).toFixed(2)} %`);
  console.log(
    `\n${fairness.clients} clients that lock, transmit, unlock and lock again at once; ${fairness.holds} holds:`,
  );
  console.log(
    `  longest wait     ${fairness.longestWaitInHolds} holds; first come, first served allows ${fairness.bound}`,
  );
  console.log(`  share of each    ${shares.join("  ")}`);
}

function write(latencies: readonly Latencies[], fairness: Fairness): void {
  const { arch, platform, version } = process;
  const machine = { node: version, platform, arch, cores: availableParallelism() };
  const method = { warmUps: WARM_UPS, rounds: ROUNDS, samplesPerRound: SAMPLES_PER_ROUND };
  mkdirSync("bench/results", { recursive: true });
  const text = JSON.stringify({ machine, method, latencies, fairness }, undefined, 2);
  writeFileSync("bench/results/manager.json", `${text.replace(/^( *)(".*": )\[([\d\s,]+)\](,?)$/gm, fillLines)}\n`);
  console.log("\nWritten to bench/results/manager.json.");
}

/** Puts an array of numbers on as few lines as the formatter does, instead of one line for each. */
function fillLines(_: string, indent: string, key: string, list: string, comma: string): string {
  const numbers = list.split(",").map((number) => number.trim());
  const single = `${indent}${key}[${numbers.join(", ")}]${comma}`;
  if (single.length <= 120) return single;
  const lines = [`${indent}${key}[`];
  let line = `${indent} `;
  for (const [index, number] of numbers.entries()) {
    const item = index < numbers.length - 1 ? ` ${number},` : ` ${number}`;
    if (line.length + item.length > 120) {
      lines.push(line);
      line = `${indent} `;
    }
    line += item;
  }
  return [...lines, line, `${indent}]${comma}`].join("\n");
}

const latencies = await measure();
const fairness = await contend();
print(latencies, fairness);
if (process.argv.includes("--json")) write(latencies, fairness);
if (fairness.longestWaitInHolds > fairness.bound) {
  console.error("The lock is not fair.");
  process.exitCode = 1;
}
// The managers that were measured still hold timers.
process.exit();
