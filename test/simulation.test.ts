// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runHistory } from "../simulation/history.ts";
import { makePlan } from "../simulation/plan.ts";

const seeds: { readonly name: string; readonly seed: number }[] = JSON.parse(
  readFileSync(new URL("../simulation/seeds.json", import.meta.url), "utf8"),
);

async function timelineOf(seed: number): Promise<string[]> {
  const lines: string[] = [];
  await runHistory(makePlan(seed), { tell: (line) => lines.push(line) });
  return lines;
}

describe("histories in which something was wrong once", () => {
  test.each(seeds)("$name (seed $seed)", async ({ seed }) => {
    expect((await runHistory(makePlan(seed))).violation).toBeUndefined();
  });
});

test("always the same two hundred histories hold", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    expect((await runHistory(makePlan(seed))).violation, `npm run simulate -- --seed ${seed}`).toBeUndefined();
  }
}, 60_000);

test("a seed gives the same timeline each time, and another seed another", async () => {
  const timeline = await timelineOf(7);
  expect(timeline.length).toBeGreaterThan(100);
  expect(await timelineOf(7)).toEqual(timeline);
  expect(await timelineOf(8)).not.toEqual(timeline);
});
