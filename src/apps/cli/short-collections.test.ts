// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { afterEach, expect, it, vi } from "vitest";

// Unit tests share their modules: what is replaced is loaded anew, before and after.
afterEach(() => {
  vi.doUnmock("node:v8");
  vi.resetModules();
});

/** How large the space of new objects becomes in a process where many of them live for a while, in MiB. */
function grownMiB(flags: readonly string[]): number {
  const program = `
    const { getHeapSpaceStatistics, setFlagsFromString } = require("node:v8");
    for (const flag of ${JSON.stringify(flags)}) setFlagsFromString(flag);
    let kept = [];
    for (let count = 0; count < 2_000_000; count++) {
      kept.push({ count });
      if (kept.length > 100_000) kept = [];
    }
    const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    console.log(space.space_size / 2 ** 20);`;
  const { stderr, stdout } = spawnSync(process.execPath, ["-e", program], { encoding: "utf8" });
  expect(stderr).toBe("");
  return Number(stdout);
}

it("the space of new objects does not grow", async () => {
  const flags: string[] = [];
  vi.doMock("node:v8", () => ({ setFlagsFromString: (flag: string) => flags.push(flag) }));
  vi.resetModules();
  const { keepCollectionsShort } = await import("./short-collections.ts");
  expect(grownMiB(flags)).toBeGreaterThan(8);
  keepCollectionsShort();
  expect(grownMiB(flags)).toBeLessThan(5);
});
