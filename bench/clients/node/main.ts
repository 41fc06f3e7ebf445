// SPDX-License-Identifier: MIT

// A client in Node that bench/clients.ts starts, times, and tells what to do.
//
// usage: main.js CLIENT READER [first]
//
// It connects and sends one command. With `first` it prints the monotonic clock's reading, in nanoseconds, and ends.
// Otherwise it prints "ready", and then a line of JSON for each command on its standard input:
//   transmit COUNT    how long each exchange took, in microseconds
//   wait COUNT        opens waits for a change; true when all are open
//   delay MS          percentiles of the event loop's delay in so long a time, in microseconds
//   answers MS        whether an exchange ends within so long a time

import type { BenchCard, Open } from "./card.ts";

// What a client does not need is not loaded: loading is part of what is timed.
const clients: Readonly<Record<string, () => Promise<{ open: Open }>>> = {
  pcscd: () => import("./pcscd.ts"),
  system: () => import("./system.ts"),
  pokusew: () => import("./pokusew.ts"),
  smartcard: () => import("./smartcard.ts"),
  "pcsc-mini": () => import("./pcsc-mini.ts"),
};

/** 80 10 00 00 10 and 16 bytes, which the card answers with the same 16 and 90 00. */
const echo: Uint8Array = Uint8Array.of(0x80, 0x10, 0, 0, 16, ...new Uint8Array(16));

async function exchange(card: BenchCard): Promise<void> {
  const { length } = await card.transmit(echo);
  if (length !== 18) throw new Error(`the card answered ${length} bytes`);
}

async function transmit(card: BenchCard, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) {
    const before = performance.now();
    await exchange(card);
    times.push(Math.round((performance.now() - before) * 1e4) / 10);
  }
  return times;
}

/** A timer is due each millisecond: what is above that, it was kept waiting. */
async function delay(durationMs: number): Promise<{ p50: number; p99: number; longest: number }> {
  const { monitorEventLoopDelay } = await import("node:perf_hooks");
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  histogram.disable();
  const late = (nanoseconds: number): number => Math.round(nanoseconds / 100 - 10_000) / 10;
  return { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), longest: late(histogram.max) };
}

function answers(card: BenchCard, timeoutMs: number): Promise<boolean> {
  return Promise.race([
    exchange(card).then(() => true),
    new Promise<boolean>((resolve) => setTimeout(resolve, timeoutMs, false)),
  ]);
}

async function obey(card: BenchCard, command: string): Promise<unknown> {
  const [verb, number] = command.split(" ");
  const count = Number(number);
  switch (verb) {
    case "transmit":
      return transmit(card, count);
    case "wait":
      await card.wait(count);
      return true;
    case "delay":
      return delay(count);
    case "answers":
      return answers(card, count);
    default:
      throw new Error(`there is no command ${verb}`);
  }
}

const [, , client = "", reader = "", job] = process.argv;
const load = clients[client];
if (load === undefined) throw new Error(`there is no client ${client}`);
const { open } = await load();
const card = await open(reader);
await exchange(card);
if (job === "first") {
  console.log(String(process.hrtime.bigint()));
  process.exit();
}
console.log("ready");
const { createInterface } = await import("node:readline");
for await (const line of createInterface(process.stdin)) console.log(JSON.stringify(await obey(card, line)));
process.exit();
