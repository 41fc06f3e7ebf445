// SPDX-License-Identifier: MIT

// Waits of the entries that keep this machine's time, on the timers that test runners put in the place of Node's. jest's are
// those of vitest (sinon's); docs/guide/testing.md has a test on jest itself.

import { performance } from "node:perf_hooks";
import { mock } from "node:test";
import { setImmediate as realTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { embeddedManager, softwareCard, virtualReader } from "../../src/entry/embedded.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { pcsclite } from "../../src/entry/pcsclite-compat.ts";
import type { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import type { Connection, ConnectOptions, Context } from "../../src/port/index.ts";

const shared: ConnectOptions = { shareMode: "shared", preferredProtocols: ["t0", "t1"] };
const select = Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00);

interface FakeTimers {
  readonly install: () => void;
  readonly remove: () => void;
  readonly advance: (ms: number) => Promise<unknown>;
}

const runners: Readonly<Record<string, FakeTimers>> = {
  vitest: {
    install: () => vi.useFakeTimers(),
    remove: () => vi.useRealTimers(),
    advance: (ms) => vi.advanceTimersByTimeAsync(ms),
  },
  "vitest, which replaces all that it can": {
    install: () => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "Date", "performance"] }),
    remove: () => vi.useRealTimers(),
    advance: (ms) => vi.advanceTimersByTimeAsync(ms),
  },
  "vitest, which replaces setTimeout alone": {
    install: () => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }),
    remove: () => vi.useRealTimers(),
    advance: (ms) => vi.advanceTimersByTimeAsync(ms),
  },
  "node:test": {
    install: () => mock.timers.enable({ apis: ["setTimeout"] }),
    remove: () => mock.timers.reset(),
    advance: async (ms) => {
      await realTurn();
      mock.timers.tick(ms);
      await realTurn();
    },
  },
};

describe.each(Object.entries(runners))("on the fake timers of %s", (_, timers) => {
  let manager: EmbeddedManager;
  let context: Context;
  let other: Connection;

  beforeEach(async () => {
    // Some real time has passed before: fake clocks begin anew.
    timers.install();
    manager = embeddedManager();
    const reader = virtualReader({ name: "Desk" });
    reader.insert(await softwareCard("demo"));
    await manager.addReader(reader);
    context = await manager.establishContext();
    other = await (await manager.client({ name: "other" }).establishContext()).connect("Desk", shared);
  });

  afterEach(async () => {
    await manager.close();
    timers.remove();
  });

  /** Whether a call is over when so much fake time has passed, and not before. */
  async function endsAfter(ms: number, call: Promise<unknown>): Promise<unknown> {
    let outcome: unknown;
    const over = call.then(
      () => {
        outcome = "ok";
      },
      (error) => {
        outcome = error.code ?? error;
      },
    );
    await timers.advance(ms - 1);
    expect(outcome).toBeUndefined();
    await timers.advance(1);
    await over;
    return outcome;
  }

  test("a wait for a change ends at its deadline, again and again", async () => {
    for (const timeoutMs of [10_000, 1, 50, 3_600_000, 2]) {
      const waiting = context.getStatusChange([{ reader: "Desk", flags: { present: true, inuse: true } }], {
        timeoutMs,
      });
      expect(await endsAfter(timeoutMs, waiting)).toBe("timeout");
    }
  });

  test("waits for a turn end at their deadlines", async () => {
    const connection = await context.connect("Desk", shared);
    await other.beginTransaction();
    expect(await endsAfter(300, connection.beginTransaction({ timeoutMs: 300 }))).toBe("timeout");
    expect(await endsAfter(300, context.connect("Desk", { ...shared, timeoutMs: 300 }))).toBe("timeout");
    await other.transmit(select);
    await other.endTransaction("leave");
  });

  test("a transaction in which nothing happens is ended by the idle limit", async () => {
    await other.beginTransaction();
    await other.transmit(select);
    if (globalThis.performance !== performance) {
      // The limit begins anew, which a clock that has been replaced says as well.
      await timers.advance(3_000);
      await other.transmit(select);
    }
    await timers.advance(3_000);
    expect((await manager.inspect()).readers[0]?.lock).toBeDefined();
    await timers.advance(3_000);
    // Where performance is real, so is the time between the begin and the transmit, and the limit goes on for as long.
    await timers.advance(3_000);
    expect((await manager.inspect()).readers[0]?.lock).toBeUndefined();
    await expect(other.transmit(select)).rejects.toMatchObject({ code: "reset-card" });
  });

  test("waits for a service that is not there end at their deadlines", async () => {
    const absent = pcscdManager({ socket: "/nowhere/scard.comm" });
    const late = expect(absent.waitForService({ timeoutMs: 20_000 })).rejects.toMatchObject({ code: "timeout" });
    let isOver = false;
    late.finally(() => {
      isOver = true;
    });
    // Between two tries is real input and output, which has no time of the timers.
    while (!isOver) {
      await timers.advance(1_000);
      await realTurn();
    }
    await late;
  });

  test("the packages' events come without any time", async () => {
    const pcsc = pcsclite({ manager });
    const name = await new Promise<string>((resolve) => pcsc.once("reader", (reader) => resolve(reader.name)));
    expect(name).toBe("Desk");
    pcsc.close();
  });
});

test("a timer from before the fake ones is ended by its maker, and theirs after them", async () => {
  const { nodeClock } = await import("../../src/platform/node/runtime/index.ts");
  const fired: string[] = [];
  const endReal = nodeClock.schedule(20, "real", () => fired.push("real"));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  endReal();
  const endFake = nodeClock.schedule(20, "fake", () => fired.push("fake"));
  const before = nodeClock.now();
  vi.useRealTimers();
  endFake();
  await new Promise<void>((resolve) => void nodeClock.schedule(60, "both have passed", resolve));
  expect(fired).toEqual([]);
  expect(nodeClock.now()).toBeGreaterThanOrEqual(before + 60);
});
