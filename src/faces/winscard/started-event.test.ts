// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { type Context, type ErrorCode, type ResourceManager, SmartCardError } from "../../port/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { INFINITE } from "./constants.ts";
import { WinSCard } from "./winscard.ts";

/** A service that is not there until it is started, and counts how often it was asked. */
function service(code: ErrorCode = "no-service") {
  const runtime = new SimulatedRuntime({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
  const state = { started: false, asked: 0, open: 0 };
  const context = { release: async () => void state.open-- } as unknown as Context;
  const manager: ResourceManager = {
    establishContext: async () => {
      state.asked++;
      if (!state.started) throw new SmartCardError(code, "no service");
      state.open++;
      return context;
    },
  };
  const api = new WinSCard({ defaultManager: () => manager, clock: runtime.clock });
  return { runtime, state, manager, api };
}

/** What a promise has come to so far: nothing, "done", or the code of its failure. */
function outcome(promise: Promise<unknown>): { readonly now: string | undefined } {
  const seen: { now: string | undefined } = { now: undefined };
  promise.then(
    () => {
      seen.now = "done";
    },
    (failure: unknown) => {
      seen.now = failure instanceof SmartCardError ? failure.code : String(failure);
    },
  );
  return seen;
}

describe("the event of the manager's start", () => {
  it("does not wait where the manager is there, and leaves no context behind", async () => {
    const { runtime, state, api } = service();
    state.started = true;
    const { event } = await api.SCardAccessStartedEvent();
    await event.wait({ timeoutMs: 0 });
    await event.wait();
    expect([state, runtime.pendingTimers]).toEqual([{ started: true, asked: 2, open: 0 }, []]);
  });

  it("looks again after 100 ms, 200 ms and so on, 5 s at most", async () => {
    const { runtime, state, api } = service();
    const { event } = await api.SCardAccessStartedEvent();
    const waiting = outcome(event.wait({ timeoutMs: INFINITE }));
    const asked: number[] = [];
    for (const pauseMs of [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 4999]) {
      await runtime.advance(pauseMs);
      asked.push(state.asked);
    }
    expect(asked).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 9]);
    state.started = true;
    expect(waiting.now).toBeUndefined();
    await runtime.advance(1);
    expect([waiting.now, state.open, runtime.pendingTimers]).toEqual(["done", 0, []]);
  });

  it("gives up at its deadline, having looked once more", async () => {
    const { runtime, state, api } = service("service-stopped");
    const { event } = await api.SCardAccessStartedEvent();
    const waiting = outcome(event.wait({ timeoutMs: 150 }));
    await runtime.advance(149);
    expect(waiting.now).toBeUndefined();
    await runtime.advance(1);
    expect([waiting.now, state.asked, runtime.pendingTimers]).toEqual(["timeout", 3, []]);
    await expect(event.wait({ timeoutMs: 0 })).rejects.toMatchObject({ code: "timeout" });
  });

  it("is given up with the signal, before and in the wait, and nothing stays on the signal", async () => {
    const { runtime, api } = service();
    const { event } = await api.SCardAccessStartedEvent();
    const giver = new AbortController();
    const waiting = event.wait({ signal: giver.signal });
    await runtime.settle();
    giver.abort("enough");
    await expect(waiting).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    await expect(event.wait({ signal: giver.signal })).rejects.toMatchObject({ code: "cancelled" });
    expect(runtime.pendingTimers).toEqual([]);
  });

  it("is one for all, and ends its waits when the last one gives it back", async () => {
    const { runtime, api } = service();
    const first = await api.SCardAccessStartedEvent();
    const second = await api.SCardAccessStartedEvent();
    expect(first.event).toBe(second.event);
    const waits = [outcome(first.event.wait()), outcome(second.event.wait())];
    await runtime.settle();
    await api.SCardReleaseStartedEvent();
    await runtime.settle();
    expect(waits.map(({ now }) => now)).toEqual([undefined, undefined]);
    await api.SCardReleaseStartedEvent();
    await runtime.settle();
    expect([waits.map(({ now }) => now), runtime.pendingTimers]).toEqual([["cancelled", "cancelled"], []]);
    await expect(first.event.wait()).rejects.toMatchObject({ code: "invalid-handle" });
    await api.SCardReleaseStartedEvent();
    expect((await api.SCardAccessStartedEvent()).event).not.toBe(first.event);
  });

  it.each(["server-too-busy", "security-violation", "no-memory"] as const)(
    "takes a manager that refuses with %s for one that has started",
    async (code) => {
      const { api } = service(code);
      const { event } = await api.SCardAccessStartedEvent();
      await expect(event.wait()).resolves.toBeUndefined();
    },
  );

  it("does not hide what else is wrong", async () => {
    const { api } = service("invalid-value");
    const { event } = await api.SCardAccessStartedEvent();
    await expect(event.wait()).rejects.toMatchObject({ code: "invalid-value" });
    const broken = new WinSCard({ defaultManager: () => Promise.reject(new TypeError("a bug")) });
    await expect((await broken.SCardAccessStartedEvent()).event.wait()).rejects.toThrow(TypeError);
  });

  it("needs a clock where it has to wait, and says so", async () => {
    const { manager, state } = service();
    const api = new WinSCard({ defaultManager: () => manager });
    const { event } = await api.SCardAccessStartedEvent();
    await expect(event.wait()).rejects.toMatchObject({ code: "unsupported-feature" });
    await expect(event.wait()).rejects.toThrow(/new WinSCard\(\{ clock, … \}\)/);
    state.started = true;
    await expect(event.wait()).resolves.toBeUndefined();
  });
});
