// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { addFailure, type CorpusEntry, readCorpus, writeCorpus } from "./corpus.ts";
import { BlockProfiler, Coverage } from "./coverage.ts";
import { Dice, piecesOf } from "./dice.ts";
import { examine, shrink, watchRejections } from "./examine.ts";
import { fuzz, minimise } from "./fuzz.ts";
import { mutate } from "./mutate.ts";
import { type FuzzTarget, must, mustBeAlike, mustEqual } from "./target.ts";

function targetOf(run: FuzzTarget["run"], more: Partial<FuzzTarget> = {}): FuzzTarget {
  return { name: "toy", about: "", covers: [], measures: [], maxBytes: 100, run, ...more };
}

const hexOf = (inputs: readonly Uint8Array[]): string[] => inputs.map((input) => encodeHex(input));

describe("what is wrong with an input", () => {
  const claimed: Uint8Array[] = [];
  test.each<[string, FuzzTarget["run"], string | undefined]>([
    ["nothing", () => {}, undefined],
    ["a throw", () => must(false, "it is so"), "Violation: it is so"],
    ["a rejection", async () => must(false, "it is so"), "Violation: it is so"],
    [
      "a rejection with anything",
      () => Promise.reject(undefined),
      "a value that is not an Error was thrown: undefined",
    ],
    [
      "an unhandled rejection",
      async () => {
        void Promise.reject(new Error("lost"));
      },
      "an unhandled rejection: Error: lost",
    ],
    ["memory that an input claims", () => void claimed.push(new Uint8Array(50_000_000)), "memory grew by"],
  ])("%s", async (_, run, message) => {
    const unwatch = watchRejections();
    onTestFinished(unwatch);
    const found = await examine(targetOf(run), new Uint8Array(3));
    if (message === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(message);
  });

  test("is shown in the shortest input that has it", async () => {
    const target = targetOf((input) => must(!input.includes(0x42), "it holds 42"));
    const failing = new Dice(1).bytes(200);
    failing[123] = 0x42;
    expect(await shrink(target, failing)).toEqual(Uint8Array.of(0x42));
  });
});

test("the same seed and corpus give the same inputs, another seed gives others", async () => {
  const fed = async (seed: number): Promise<string[]> => {
    const inputs: Uint8Array[] = [];
    const target = targetOf((input) => void inputs.push(input), { generate: (dice) => dice.bytes(4) });
    const corpus: CorpusEntry[] = [{ bytes: Uint8Array.of(1, 2, 3), origin: "written", why: "" }];
    await fuzz(target, { seed, limit: { runs: 200 }, corpus });
    return hexOf(inputs);
  };
  const inputs = await fed(1);
  expect(inputs).toHaveLength(201);
  expect(new Set(inputs).size).toBeGreaterThan(100);
  expect(await fed(1)).toEqual(inputs);
  expect(await fed(2)).not.toEqual(inputs);
});

test("no input is longer than its target takes, and mutation leaves its parent alone", () => {
  const dice = new Dice(7);
  const parent = Uint8Array.from({ length: 90 }, (_, index) => index);
  for (let count = 0; count < 2000; count++) {
    expect(mutate(parent, [parent], { maxBytes: 100 }, dice).length).toBeLessThanOrEqual(100);
  }
  expect(parent).toEqual(Uint8Array.from({ length: 90 }, (_, index) => index));
});

test("pieces make the whole", () => {
  const bytes = new Dice(3).bytes(500);
  expect(Uint8Array.from(piecesOf(bytes).flatMap((piece) => [...piece]))).toEqual(bytes);
  expect(piecesOf(bytes).length).toBeGreaterThan(10);
  expect(() => mustEqual(bytes, bytes.slice(1), "bytes")).toThrow("bytes: ");
  expect(() => mustBeAlike({ a: undefined }, {}, "values")).toThrow("values: ");
});

describe("guided by what V8 counts", () => {
  // As scripts/fuzz.js does: what is optimised is not counted.
  beforeAll(() => setFlagsFromString("--no-opt"));
  afterAll(() => setFlagsFromString("--opt"));

  /** Three bytes, one after the other: all at once, chance finds them once in a million inputs or so. */
  const source = `(input) => {
    if (input[0] === 0x7f) if (input[1] === 0x80) if (input[2] === 0xfe) throw new Error("found");
  }`;
  const search = async (guided: boolean): Promise<{ found: boolean; runs: number }> => {
    const profiler = new BlockProfiler();
    profiler.start();
    onTestFinished(() => profiler.stop());
    const filename = `toy-${guided}`;
    const run = new Script(source, { filename }).runInThisContext() as FuzzTarget["run"];
    const guide = new Coverage(profiler, (url) => url === filename);
    const corpus: CorpusEntry[] = [{ bytes: new Uint8Array(4), origin: "written", why: "" }];
    const options = { seed: 1, limit: { runs: 8000 }, corpus, ...(guided && { guide }) };
    const { failure, runs } = await fuzz(targetOf(run, { maxBytes: 8 }), options);
    return { found: failure?.message.includes("found") === true, runs };
  };

  test("an input is found that chance does not find", async () => {
    expect(await search(true)).toMatchObject({ found: true });
    expect(await search(false)).toMatchObject({ found: false });
  });

  test("blocks are told apart, and the corpus is cut down to those that reach different ones", async () => {
    const profiler = new BlockProfiler();
    profiler.start();
    onTestFinished(() => profiler.stop());
    const filename = "toy-blocks";
    const run = new Script("(input) => { if (input[0] === 1) { return; } for (const _ of input) { input[0] = 1; } }", {
      filename,
    }).runInThisContext() as FuzzTarget["run"];
    const guide = (): Coverage => new Coverage(profiler, (url) => url === filename);
    const entry = (origin: CorpusEntry["origin"], ...bytes: number[]): CorpusEntry => {
      return { bytes: Uint8Array.from(bytes), origin, why: "why" };
    };
    const written = entry("written", 5);
    const kept = await minimise(
      targetOf(run),
      [entry("found", 1, 1), written, entry("found", 6), entry("found", 1), entry("failed", 9)],
      guide(),
    );
    expect(kept.map(({ bytes, origin }) => `${origin} ${encodeHex(bytes)}`)).toEqual([
      "written 05",
      "failed 09",
      "found 01",
    ]);
  });
});

test("a corpus is written as it is read, and failures join it once", () => {
  const folder = mkdtempSync(join(tmpdir(), "scard-corpus-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const entries: CorpusEntry[] = [
    { bytes: Uint8Array.of(0x3b, 0, 0, 0, 0, 0, 0, 0, 0x61), origin: "written", why: "A card: its source" },
    { bytes: new Uint8Array(0), origin: "written", why: "A card: its source" },
    { bytes: new TextEncoder().encode('{"readers": []}'), origin: "written", why: "A file" },
    { bytes: new Dice(1).bytes(40), origin: "found", why: "" },
  ];
  writeCorpus(folder, "toy", entries);
  const read = (): string[] => readCorpus(folder, "toy").map(({ bytes, origin }) => `${origin} ${encodeHex(bytes)}`);
  expect(read()).toEqual(entries.map(({ bytes, origin }) => `${origin} ${encodeHex(bytes)}`));
  addFailure(folder, "toy", Uint8Array.of(7), "it threw\nhere");
  addFailure(folder, "toy", Uint8Array.of(7), "it threw");
  expect(read().slice(2, 4)).toEqual([`written ${encodeHex(entries[2]?.bytes ?? new Uint8Array(0))}`, "failed 07"]);
  expect(read()).toHaveLength(5);
  expect(readCorpus(folder, "none")).toEqual([]);
});
