// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { SimulatedRuntime } from "../testing/runtime/index.ts";
import { PromisedWait, SmartCardError, Wait, type WaitSet } from "./index.ts";

const OPERATION = "status change";

function begun(options: { timeoutMs?: number; signal?: AbortSignal } = {}) {
  const { clock } = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const waits: WaitSet = new Set();
  const ends: string[] = [];
  const wait = new PromisedWait<string>(
    { clock, waits, operation: OPERATION, ended: () => void ends.push("ended") },
    options,
  );
  const outcome = wait.promise.then(
    (value) => value,
    (error: SmartCardError) => error.code,
  );
  return { clock, waits, ends, wait, outcome };
}

describe("a wait with a promise", () => {
  it("ends once, with what comes first, and leaves nothing behind", async () => {
    const stop = new AbortController();
    const { ends, outcome, wait, waits } = begun({ timeoutMs: 5, signal: stop.signal });
    expect([...waits].map((one) => one.operation)).toEqual([OPERATION]);
    wait.resolve("come");
    expect([waits.size, ends]).toEqual([0, ["ended"]]);
    wait.fail(new SmartCardError("cancelled", "late"));
    wait.resolve("again");
    stop.abort();
    expect(await outcome).toBe("come");
    expect(ends).toEqual(["ended"]);
  });

  it("fails where its context gives it up, and a later result has no effect", async () => {
    const { ends, outcome, wait, waits } = begun();
    for (const one of [...waits]) one.giveUp(new SmartCardError("service-stopped", "the end"));
    wait.resolve("late");
    expect(await outcome).toBe("service-stopped");
    expect([waits.size, ends]).toEqual([0, ["ended"]]);
  });

  it("is cancelled by its signal", async () => {
    const stop = new AbortController();
    const { outcome } = begun({ signal: stop.signal });
    stop.abort();
    expect(await outcome).toBe("cancelled");
  });
});

it("a wait that is over starts no deadline", () => {
  const { clock } = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  let errors = 0;
  const wait = new Wait({ clock, operation: OPERATION }, {}, () => errors++);
  wait.over();
  wait.startDeadline(0);
  wait.giveUp(new SmartCardError("cancelled", "late"));
  expect([wait.lasts, errors]).toEqual([false, 0]);
});
