// SPDX-License-Identifier: MIT

// The mistakes that callers make, on the managers that need nothing of the machine.

import { expect, test } from "vitest";
import { world } from "../manager/world.ts";
import { joinedWorld } from "../pcscd/in-memory.ts";
import { faultsOf, timeless } from "./judge.ts";
import { mistakes } from "./mistakes.ts";

test("there are more than a hundred, and no two have the same name", () => {
  expect(mistakes.length).toBeGreaterThan(100);
  expect(new Set(mistakes.map(({ what }) => what)).size).toBe(mistakes.length);
});

test.each(["windows", "pcsclite"] as const)("the embedded manager, as %s is", async (profile) => {
  const { manager, name, runtime } = await world({ profile });
  const look = async (): Promise<unknown> => [timeless(await manager.inspect()), runtime.pendingTimers];
  expect(await faultsOf({ manager, reader: name, look })).toEqual([]);
});

test("our service through our client", async () => {
  // Nothing is kept for the next connect, so that what is left can be told from it.
  const { client, manager, name, runtime, timers } = await joinedWorld({ limits: { spareLines: 0 } });
  const look = async (): Promise<unknown> => {
    await runtime.settle();
    return [timeless(await manager.inspect()), timers()];
  };
  expect(await faultsOf({ manager: client, reader: name, look })).toEqual([]);
});
