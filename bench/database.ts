// SPDX-License-Identifier: MIT

// What the database costs: to find the cards of an ATR among many types, and to change something durably.
// `npm run bench -- database` prints it; `--json` also writes it to bench/results/database.json.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { type CardTypeInit, Database, MemoryStore } from "../src/database/index.ts";
import { findDriver, SqliteStore } from "../src/platform/node/sqlite/index.ts";

const TYPE_COUNT = 10_000;
const LOOKUPS = 20_000;
const CHANGES = 500;

/** A generator of numbers below `limit`, always the same ones: a linear congruential generator, ZX81's. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 75 + 74) % 65_537;
    return Math.floor((state / 65_537) * limit);
  };
}

/** As in real lists: of some lengths, four of five without a mask. */
function realisticTypes(): CardTypeInit[] {
  const next = numbers(1);
  return Array.from({ length: TYPE_COUNT }, (_, number) => {
    const atr = Uint8Array.from({ length: 10 + next(14) }, (_, index) => (index === 0 ? 0x3b : next(256)));
    const open = next(atr.length);
    if (number % 5 > 0) return { name: `card ${number}`, atrs: [{ atr }] };
    const mask = atr.map((_, index) => (index === open ? 0 : 0xff));
    return { name: `card ${number}`, atrs: [{ atr: atr.with(open, 0), mask }] };
  });
}

/** The worst there can be: all alike but for their last two bytes, and each with a mask of its own. */
function worstTypes(): CardTypeInit[] {
  return Array.from({ length: TYPE_COUNT }, (_, number) => {
    const own = [number >> 8, number & 0xff];
    const mask = new Uint8Array(20).fill(0xff);
    mask.set(own, 16);
    const atr = new Uint8Array(20).fill(0x3b);
    atr.set([0, 0, ...own], 16);
    return { name: `card ${number}`, atrs: [{ atr, mask }] };
  });
}

interface Latencies {
  readonly name: string;
  readonly samples: number;
  readonly medianUs: number;
  readonly p99Us: number;
  readonly longestUs: number;
}

function measure(name: string, count: number, once: (index: number) => void): Latencies {
  for (let index = 0; index < Math.min(count, 2000) / 4; index++) once(index);
  const samples = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    const start = performance.now();
    once(index);
    samples[index] = (performance.now() - start) * 1000;
  }
  samples.sort();
  const at = (share: number) => Math.round((samples[Math.floor((count - 1) * share)] ?? Number.NaN) * 10) / 10;
  return { name, samples: count, medianUs: at(0.5), p99Us: at(0.99), longestUs: at(1) };
}

function measureLookups(name: string, database: Database, types: readonly CardTypeInit[]): Latencies {
  database.cardTypes.introduceAll(types);
  // Every other one is a card that no type stands for.
  const atrs = types
    .flatMap(({ atrs = [] }) => atrs.map(({ atr }) => atr))
    .map((atr, index) => (index % 2 ? atr : atr.with(1, 0xee)));
  return measure(name, LOOKUPS, (index) => {
    database.cardTypes.find({ atr: atrs[(index * 7919) % atrs.length] });
  });
}

const folder = mkdtempSync(join(tmpdir(), "scard-bench-"));
const driver = await findDriver();
const stores = { one: join(folder, "one"), other: join(folder, "other") };
const open = async (path: string) => new Database(await SqliteStore.open(path, { driver }));
const results: Latencies[] = [];
try {
  const [one, other] = [await open(stores.one), await open(stores.other)];
  results.push(
    measureLookups(
      `find by ATR among ${TYPE_COUNT} types, in memory`,
      new Database(new MemoryStore()),
      realisticTypes(),
    ),
  );
  results.push(measureLookups(`find by ATR among ${TYPE_COUNT} types, in a file`, one, realisticTypes()));
  results.push(
    measureLookups(
      `find by ATR among ${TYPE_COUNT} masks of one length, in memory`,
      new Database(new MemoryStore()),
      worstTypes(),
    ),
  );
  results.push(
    measure("introduce a card type, durably", CHANGES, (index) => other.cardTypes.introduce({ name: `card ${index}` })),
  );
  results.push(
    measure(`import ${TYPE_COUNT} types`, 3, (index) => {
      other.cardTypes.introduceAll(realisticTypes().map((type) => ({ ...type, name: `${index} ${type.name}` })));
    }),
  );
  results.push(
    await (async () => {
      const readers = await Promise.all(Array.from({ length: 10 }, () => open(stores.one)));
      return measure(`read a file of ${TYPE_COUNT} types for the first time`, 7, (index) =>
        readers[index]?.cardTypes.has("a"),
      );
    })(),
  );
  one.close();
  other.close();
} finally {
  rmSync(folder, { recursive: true });
}

for (const { name, medianUs, p99Us, longestUs } of results) {
  const column = (value: number) => value.toFixed(1).padStart(12);
  console.log(`${name.padEnd(62)} ${column(medianUs)} ${column(p99Us)} ${column(longestUs)} µs (median, p99, longest)`);
}
if (process.argv.includes("--json")) {
  const machine = { node: process.version, driver: driver.name, processors: availableParallelism() };
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/database.json", `${JSON.stringify({ machine, results }, null, 2)}\n`);
}
