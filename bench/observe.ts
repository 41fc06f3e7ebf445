// SPDX-License-Identifier: MIT

// What a trace costs the clients of the daemon: one C client over libpcsclite, one virtual card, by turns without and with
// `scard trace` beside it. `npm run bench -- observe`; `--quick` only tries it. `--before=FILE` measures an earlier
// version as well: FILE is the program `scard` of a checkout that is built.

import { compileC } from "../test/peers/compile.ts";
import { type Service, scardProgram, startMeasuredScard } from "../test/peers/daemon.ts";
import { Program, run } from "../test/peers/program.ts";
import { VpcdCard } from "../test/peers/vpcd-card.ts";

const scale = process.argv.includes("--quick") ? { rounds: 2, calls: 400 } : { rounds: 15, calls: 2000 };
const before = process.argv.find((option) => option.startsWith("--before="))?.slice("--before=".length);
const client = compileC("latency", ["bench/clients/latency.c"]);

async function transmitP50({ environment }: Service): Promise<number> {
  const args = ["Virtual PCD", String(scale.calls)];
  const { status, stdout, stderr } = await run(client, args, { environment, timeoutMs: 120_000 });
  if (status !== 0) throw new Error(`the client: ${stderr}${stdout}`);
  return JSON.parse(stdout).transmit.p50;
}

/** Starts a trace, and waits until it says that it has begun. Its output is thrown away. */
async function startTrace({ environment }: Service): Promise<Program> {
  const control = environment.PCSCLITE_CSOCK_NAME?.replace(/comm$/, "control") ?? "";
  const script = 'exec "$@" 2>&1 >/dev/null';
  const trace = [process.execPath, scardProgram, "trace", "--control", control];
  const program = new Program("sh", ["-c", script, "sh", ...trace]);
  await program.line();
  return program;
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const service = await startMeasuredScard();
const earlier = before === undefined ? undefined : await startMeasuredScard([], [before, "--no-rehearsal"]);
const services = [service, ...(earlier === undefined ? [] : [earlier])];
for (const { ports } of services) await VpcdCard.insert(ports[0]);
const figures: { off: number[]; on: number[]; before: number[] } = { off: [], on: [], before: [] };
for (const one of services) await transmitP50(one);
for (let round = 0; round < scale.rounds; round++) {
  if (earlier !== undefined) figures.before.push(await transmitP50(earlier));
  figures.off.push(await transmitP50(service));
  const trace = await startTrace(service);
  figures.on.push(await transmitP50(service));
  await trace.end("SIGTERM");
}
for (const one of services) await one.stop();

const ratios = (over: readonly number[], under: readonly number[]): string =>
  median(over.map((value, index) => value / (under[index] ?? Number.NaN))).toFixed(3);
console.log(`SCardTransmit, p50, µs: off ${median(figures.off)}, on ${median(figures.on)}`);
console.log(`on / off: ${ratios(figures.on, figures.off)} (median of ${scale.rounds} rounds)`);
if (earlier !== undefined) {
  console.log(`before: ${median(figures.before)} µs; off / before: ${ratios(figures.off, figures.before)}`);
}
process.exit(0);
