// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type Koffi, loadKoffi } from "../koffi/index.ts";
import { freeDescriptors } from "./descriptor-limit.ts";
import { keepFreedMemory, loadMemoryReturn } from "./memory-return.ts";

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

/** Page faults of this process so far that needed no reading: minflt, the eighth field of proc_pid_stat(5) after the name. */
function pageFaults(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[7]);
}

const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };

it.skipIf(header.glibcVersionRuntime === undefined)("memory that was freed is there for what comes next", () => {
  expect(keepFreedMemory()).toBe(true);
  const library = loadKoffi().load(null);
  const [malloc, free] = [library.func("size_t malloc(size_t size)"), library.func("void free(size_t address)")];
  const memset = library.func("size_t memset(size_t address, int value, size_t size)");
  const size = 100_000;
  const round = (): number => {
    const before = pageFaults();
    const blocks = Array.from({ length: 60 }, () => malloc(size));
    for (const block of blocks) memset(block, 1, size);
    for (const block of blocks.toReversed()) free(block);
    return pageFaults() - before;
  };
  round();
  // 60 blocks have 1,465 pages, and had to be got from the system again each time.
  expect(Math.min(...Array.from({ length: 5 }, round))).toBeLessThan(700);
});

it("another C library keeps what it likes", () => {
  const missing = (): never => {
    throw new Error("no such function");
  };
  expect(keepFreedMemory(() => ({ load: () => ({ func: missing }) }) as unknown as Koffi)).toBe(false);
});
