// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { freeDescriptors } from "./descriptor-limit.ts";
import { loadMemoryReturn } from "./memory-return.ts";

it("what is garbage goes back", { timeout: 120_000 }, async () => {
  const giveBack = loadMemoryReturn();
  let garbage: Uint8Array[] | undefined = Array.from({ length: 100 }, () => new Uint8Array(1_000_000));
  const before = process.memoryUsage().arrayBuffers;
  expect(garbage.length).toBe(100);
  garbage = undefined;
  await Promise.resolve();
  giveBack();
  // It is swept in the background.
  await expect.poll(() => process.memoryUsage().arrayBuffers, { timeout: 60_000 }).toBeLessThan(before - 50_000_000);
});

it.skipIf(process.platform !== "linux")("the system tells how many descriptors are free", () => {
  const free = freeDescriptors();
  expect(free === undefined || free > 0).toBe(true);
});
