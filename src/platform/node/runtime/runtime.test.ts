// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { nodeClock, nodeRuntime } from "./runtime.ts";

describe("the system's randomness", () => {
  test("gives as many bytes as asked for, and never the same again", () => {
    const { random } = nodeRuntime();
    const seen = new Set<string>();
    for (const length of [8, 16, 1000, 1024, 5000, 8, 1020, 8]) {
      const bytes = random.bytes(length);
      expect(bytes.length).toBe(length);
      expect(bytes.some((byte) => byte !== 0)).toBe(true);
      seen.add(bytes.toString());
    }
    expect(seen.size).toBe(8);
    expect(random.bytes(0).length).toBe(0);
  });
});

describe("the clock", () => {
  test("fires once, not before its time, and not at all when it was cancelled", async () => {
    const start = nodeClock.now();
    const fired: string[] = [];
    const cancel = nodeClock.schedule(1, "never", () => fired.push("never"));
    cancel();
    await new Promise<void>((resolve) => {
      nodeClock.schedule(5, "soon", () => {
        fired.push("soon");
        resolve();
      });
      expect(fired).toEqual([]);
    });
    expect(fired).toEqual(["soon"]);
    expect(nodeClock.now() - start).toBeGreaterThanOrEqual(4);
  });

  test("does not take a delay of weeks for none", async () => {
    let fired = false;
    const cancel = nodeClock.schedule(2 ** 32, "in seven weeks", () => {
      fired = true;
    });
    await new Promise<void>((resolve) => nodeClock.schedule(5, "soon", resolve));
    cancel();
    expect(fired).toBe(false);
  });
});
