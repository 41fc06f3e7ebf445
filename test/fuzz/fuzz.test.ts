// SPDX-License-Identifier: MIT

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { readCorpus } from "./corpus.ts";
import { watchRejections } from "./examine.ts";
import { fuzz } from "./fuzz.ts";
import { fuzzSockets } from "./sockets.ts";
import type { FuzzTarget } from "./target.ts";
import { targets } from "./targets.ts";

// Always the same inputs, so that a change is judged by what it changes. New ones are looked for by `npm run fuzz`.
const SEED = 20_261_121;
const corpusFolder = resolve("test/corpus");

let unwatch = (): void => {};
beforeAll(() => {
  unwatch = watchRejections();
});
afterAll(() => unwatch());

/** How many new inputs: histories on a virtual clock, and expressions that have many branches, take a thousand times as long. */
function runsOf({ measures, name }: FuzzTarget): number {
  if (measures.includes("managers/embedded/") || measures.includes("faces/bridge-server")) return 120;
  if (measures.includes("faces/farm-agent")) return 60;
  return name === "atr-expression" || name === "smartcard-list" ? 100 : 1500;
}

describe("the inputs that are kept, and new ones that follow from a seed", () => {
  test.each(targets.map((target) => [target.name, target] as const))("%s", async (name, target) => {
    const corpus = readCorpus(corpusFolder, name);
    expect(corpus.length).toBeGreaterThan(0);
    const { failure, runs } = await fuzz(target, { seed: SEED, limit: { runs: runsOf(target) }, corpus });
    const again = failure && `npm run fuzz -- --target ${name} --input ${encodeHex(failure.input)}`;
    expect(failure?.message, again).toBeUndefined();
    expect(runs).toBe(corpus.length + runsOf(target));
  });
});

test.skipIf(process.platform === "win32")("a real daemon bears any bytes on all its sockets", async () => {
  const { failure, served } = await fuzzSockets.run({
    seed: SEED,
    program: resolve("dist/bundle/entry/main.js"),
    rounds: 1,
  });
  expect(failure).toBeUndefined();
  expect(served).toBeGreaterThan(0);
});

test("every decoder that a room lets out is fuzzed", () => {
  const doors = readdirSync("src", { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name === "index.ts")
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
  const names = doors.flatMap((door) => door.match(/\b(?:decode|parse)[A-Z]\w*|\b[A-Z]\w*Decoder\b/g) ?? []);
  expect(names.length).toBeGreaterThan(15);
  const covered = new Set(targets.flatMap(({ covers }) => covers));
  const missing = names.filter((name) => !covered.has(name));
  expect(missing, "give each a target in test/fuzz/targets, or name it in `covers` of the one that reaches it").toEqual(
    [],
  );
});

test("a corpus belongs to a target", () => {
  const known = targets.map(({ name }) => `${name}.txt`).toSorted();
  expect(readdirSync(corpusFolder).toSorted()).toEqual(known);
  for (const { name } of targets) expect(existsSync(join(corpusFolder, `${name}.txt`))).toBe(true);
});
