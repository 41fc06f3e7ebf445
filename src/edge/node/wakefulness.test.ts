// SPDX-License-Identifier: MIT

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Wakefulness } from "./wakefulness.ts";

/** Processor time that this process has used in a while, in milliseconds. */
async function busyMs(elapsedMs: number): Promise<number> {
  const before = process.cpuUsage();
  await sleep(elapsedMs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

test("the loop is awake for a while after something has happened, and asleep when nothing has for long", async () => {
  const wakefulness = new Wakefulness(60);
  const asleep = await busyMs(200);
  wakefulness.stir();
  wakefulness.stir();
  const awake = await busyMs(200);
  const asleepAgain = await busyMs(200);
  new Wakefulness(0).stir();
  const turnedOff = await busyMs(200);
  expect(awake).toBeGreaterThan(asleep + 15);
  expect(asleepAgain).toBeLessThan(awake);
  expect(turnedOff).toBeLessThan(awake);
});
