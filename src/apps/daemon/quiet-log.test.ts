// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { type Log, silentLog } from "./log.ts";
import { quietLog } from "./quiet-log.ts";

function quiet() {
  const runtime = new SimulatedRuntime({ settle: async () => {}, seed: 1 });
  const lines: { level: string; message: string; details: unknown }[] = [];
  const log: Log = {
    ...silentLog,
    writes: () => true,
    write: (level, message, details) => lines.push({ level, message, details }),
  };
  return { runtime, lines, write: quietLog(log, runtime.clock) };
}

it("writes ten lines of a kind in ten seconds, and tells how many were left out", async () => {
  const { lines, runtime, write } = quiet();
  for (let count = 0; count < 1000; count++) write("warn", `a client was cut off: it left ${count} bytes unread`);
  write("warn", "something else");
  expect(lines).toHaveLength(11);
  await runtime.advance(10_000);
  expect(lines.slice(11)).toEqual([
    {
      level: "warn",
      message: "lines like an earlier one were left out",
      details: expect.objectContaining({ lines: 990 }),
    },
  ]);
  write("warn", "a client was cut off: it left 5 bytes unread");
  expect(lines).toHaveLength(13);
  await runtime.advance(10_000);
  expect(lines).toHaveLength(13);
});

it("has a bound for kinds that clients invent", async () => {
  const { lines, runtime, write } = quiet();
  for (let count = 0; count < 1000; count++) write("warn", `kind ${"x".repeat(count)}`);
  expect(lines.length).toBeLessThanOrEqual(64 + 10);
  expect(runtime.pendingTimers.length).toBeLessThanOrEqual(65);
});

it("writes all that is asked for by its level", () => {
  const { lines, write } = quiet();
  for (let count = 0; count < 100; count++) write("debug", "a client has connected");
  expect(lines).toHaveLength(100);
});
