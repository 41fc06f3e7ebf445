// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import type { Clock } from "../../../port/index.ts";
import { DeferredTasks } from "./deferred-tasks.ts";

/** Tasks that each take as long as the test says, and an event loop that it turns. */
function tasks() {
  let now = 0;
  const turns: (() => void)[] = [];
  const clock: Clock = {
    now: () => now,
    wallTime: () => 0,
    schedule: () => () => {},
    breathe: () => new Promise((resolve) => turns.push(resolve)),
  };
  const made = new DeferredTasks(clock);
  const done: number[] = [];
  const add = (name: number, takesMs: number): void =>
    made.add(() => {
      now += takesMs;
      done.push(name);
    });
  const turn = async (): Promise<void> => {
    for (const resolve of turns.splice(0)) resolve();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { add, done, turn, turns };
}

it("are done at once while they take little", () => {
  const { add, done, turns } = tasks();
  for (const name of [1, 2, 3]) add(name, 0.01);
  expect([done, turns.length]).toEqual([[1, 2, 3], 0]);
});

it("of a thousand that come at once a few are done in each turn of the event loop, in their order", async () => {
  const { add, done, turn } = tasks();
  for (let name = 0; name < 1000; name++) add(name, 0.1);
  expect(done).toHaveLength(3);
  let turns = 0;
  for (; done.length < 1000; turns++) {
    const before = done.length;
    await turn();
    expect(done.length - before).toBeLessThanOrEqual(3);
  }
  expect(turns).toBeGreaterThan(300);
  expect(done).toEqual(Array.from({ length: 1000 }, (_, name) => name));
});
