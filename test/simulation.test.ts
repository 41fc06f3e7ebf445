// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { HistoryEvent } from "../simulation/events.ts";
import { runHistory } from "../simulation/history.ts";
import { mutants } from "../simulation/mutants.ts";
import { type Edition, makePlan, type Plan } from "../simulation/plan.ts";

const seeds: { readonly name: string; readonly seed: number; readonly edition: Edition }[] = JSON.parse(
  readFileSync(new URL("../simulation/seeds.json", import.meta.url), "utf8"),
);

async function timelineOf(plan: Plan): Promise<string[]> {
  const lines: string[] = [];
  await runHistory(plan, { tell: (line) => lines.push(line) });
  return lines;
}

describe("histories in which something was wrong once", () => {
  test.each(seeds)("$name (seed $seed)", async ({ edition, seed }) => {
    expect((await runHistory(makePlan(seed, edition))).violation).toBeUndefined();
  });
});

test("always the same two hundred histories hold", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    expect((await runHistory(makePlan(seed))).violation, `npm run simulate -- --seed ${seed}`).toBeUndefined();
  }
});

test("a seed gives the same timeline each time, and another seed another", async () => {
  const timeline = await timelineOf(makePlan(7));
  expect(timeline.length).toBeGreaterThan(100);
  expect(await timelineOf(makePlan(7))).toEqual(timeline);
  expect(await timelineOf(makePlan(8))).not.toEqual(timeline);
});

test("a seed of the first edition means what it always meant: nothing that came later is in its plan", () => {
  const { aheadBytes, cardPipe, clients, driftPpm, events, limits, pipe } = makePlan(7, 1);
  expect([aheadBytes, driftPpm, limits.queriesPerWait, limits.rememberedReaders]).toEqual([262_144, 0, 4097, 1024]);
  expect(cardPipe).toEqual(pipe);
  for (const client of clients) expect(client).toMatchObject({ oneAtATime: false, keepsStale: false, version: "4:6" });
  expect(
    makePlan(7, 2).events.filter((event) => events.some((one) => isEqual(one, event))).length,
  ).toBeGreaterThanOrEqual(events.length);
});

function isEqual(one: HistoryEvent, other: HistoryEvent): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The same history with the wall clock as it should be. */
function withoutJumps(plan: Plan): Plan {
  // An event that does nothing in place of each jump: what comes next comes when it came.
  const events = plan.events.map((event) => (event.act === "jump" ? { ...event, ms: 0 } : event));
  return { ...plan, driftPpm: 0, events };
}

test("nothing but the wall clock itself tells that it jumped: no wait, deadline or limit moves", async () => {
  const jumping = Array.from({ length: 400 }, (_, index) => makePlan(index + 1)).filter(
    ({ driftPpm, events }) => driftPpm !== 0 && events.some(({ act }) => act === "jump"),
  );
  expect(jumping.length).toBeGreaterThan(20);
  for (const plan of jumping.slice(0, 15)) {
    const isNews = (line: string): boolean => !/ jump ms=/.test(line);
    const steady = await timelineOf(withoutJumps(plan));
    expect((await timelineOf(plan)).filter(isNews), `seed ${plan.seed}`).toEqual(steady.filter(isNews));
  }
});

test.each(mutants)("a mutant has its place in the code: $name", ({ also, file, search }) => {
  const source = readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8");
  for (const text of also === undefined ? [search] : [search, also.search]) expect(source.split(text)).toHaveLength(2);
});
