// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import {
  type Context,
  type ErrorCode,
  type ReaderEvent,
  type ReaderWatch,
  type ResourceManager,
  SmartCardError,
  watchLimits,
  watchReaders,
} from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { EchoCard, settle } from "./world.ts";

/** A service that can go and come back, and what a watch over it tells. */
function world() {
  const runtime = new SimulatedRuntime({ settle });
  const opened: Context[] = [];
  let service = new EmbeddedManager({ runtime });
  let failure: ErrorCode | undefined;
  const manager: ResourceManager = {
    clock: runtime.clock,
    async establishContext() {
      if (failure !== undefined) throw new SmartCardError(failure, "the service is away");
      const context = await service.establishContext();
      opened.push(context);
      return context;
    },
  };
  const lose = async (code: ErrorCode = "no-service"): Promise<void> => {
    failure = code;
    await service.close();
  };
  const serve = (): EmbeddedManager => {
    failure = undefined;
    service = new EmbeddedManager({ runtime });
    return service;
  };
  const reader = async (name: string, hasCard = false): Promise<VirtualReader> => {
    const made = new VirtualReader({ name, id: name, clock: runtime.clock });
    if (hasCard) made.insert(new EchoCard());
    await service.addReader(made);
    await runtime.settle();
    return made;
  };
  /** What has come since the last call. */
  const listen = (watch: ReaderWatch) => {
    const told: ReaderEvent[] = [];
    const end = (async () => {
      for await (const event of watch) told.push(event);
      return "ended";
    })().catch((error: unknown) => error);
    const heard = async (): Promise<string[]> => {
      await runtime.settle();
      return told.splice(0).map(brief);
    };
    return { end, heard };
  };
  const openContexts = async (): Promise<number> =>
    (await Promise.all(opened.map((context) => context.isValid()))).filter(Boolean).length;
  return { runtime, manager, lose, serve, reader, listen, openContexts, service: () => service };
}

function brief(event: ReaderEvent): string {
  const where = "reader" in event ? ` ${event.reader}` : "";
  const how = "initial" in event && event.initial ? ", initial" : "";
  return `${event.kind}${where}${how}`;
}

const state = ["reader-arrived A, initial", "card-inserted A, initial", "reader-arrived B, initial", "state-complete"];

describe("watchReaders", () => {
  test("tells the state first, with ATRs, then everything that happens", async () => {
    const { listen, manager, reader, service } = world();
    const a = await reader("A", true);
    const b = await reader("B");
    const { heard } = listen(watchReaders(manager));
    expect(await heard()).toEqual(state);
    a.remove();
    expect(await heard()).toEqual(["card-removed A"]);
    const watch = watchReaders(manager);
    b.insert(new EchoCard());
    expect((await heard())[0]).toBe("card-inserted B");
    await heard();
    await reader("C", true);
    expect(await heard()).toEqual(["reader-arrived C", "card-inserted C"]);
    const events = [await watch.next(), await watch.next(), await watch.next()].map(({ value }) => value);
    expect(events.at(-1)).toMatchObject({ kind: "card-inserted", reader: "B", state: { flags: { present: true } } });
    expect(events.at(-1)).toHaveProperty("atr", new EchoCard().reset("cold"));
    await service().removeReader("C");
    expect(await heard()).toEqual(["card-removed C", "reader-gone C"]);
    await watch.return();
  });

  test("says that the state is complete without any reader, and misses none that comes then", async () => {
    const { listen, manager, reader } = world();
    const { heard } = listen(watchReaders(manager));
    expect(await heard()).toEqual(["state-complete"]);
    await reader("A", true);
    expect(await heard()).toEqual(["reader-arrived A", "card-inserted A"]);
  });

  test("tells who comes into use", async () => {
    const { listen, manager, reader } = world();
    await reader("A", true);
    const { heard } = listen(watchReaders(manager));
    await heard();
    const context = await manager.establishContext();
    const connection = await context.connect("A", { shareMode: "exclusive", preferredProtocols: ["t0", "t1"] });
    expect(await heard()).toEqual(["state-changed A"]);
    await connection.disconnect();
    expect(await heard()).toEqual(["state-changed A"]);
  });

  test("a swap between two looks is a removal and an insertion", async () => {
    const { manager, reader } = world();
    const a = await reader("A", true);
    const watch = watchReaders(manager);
    for (let count = 0; count < 3; count++) await watch.next();
    a.remove();
    a.insert(new EchoCard());
    expect([await watch.next(), await watch.next()].map(({ value }) => value && brief(value))).toEqual([
      "card-removed A",
      "card-inserted A",
    ]);
  });

  test("arrivals and departures balance across losses of the service", async () => {
    const { listen, lose, manager, openContexts, reader, runtime, serve } = world();
    await reader("A", true);
    await reader("B");
    const { heard } = listen(watchReaders(manager));
    expect(await heard()).toEqual(state);
    for (let round = 0; round < 3; round++) {
      await lose();
      expect(await heard()).toEqual(["card-removed A", "reader-gone A", "reader-gone B", "service-lost"]);
      await runtime.advance(60_000);
      expect(await heard()).toEqual([]);
      serve();
      await reader("A", true);
      await reader("B");
      await runtime.advance(watchLimits.lastTryMs);
      expect(await heard()).toEqual(["service-back", ...state]);
      expect(await openContexts()).toBe(1);
    }
  });

  test("a service that is not there at the start is lost, and looked for ever less often", async () => {
    const { listen, lose, manager, reader, runtime, serve } = world();
    await lose();
    const { heard } = listen(watchReaders(manager));
    await runtime.advance(60_000);
    expect(await heard()).toEqual(["service-lost"]);
    serve();
    await reader("A");
    await runtime.advance(watchLimits.lastTryMs);
    expect(await heard()).toEqual(["service-back", "reader-arrived A, initial", "state-complete"]);
  });

  test("what no waiting helps against ends it with that failure, once", async () => {
    const { lose, manager, runtime } = world();
    await lose("security-violation");
    const watch = watchReaders(manager);
    await expect(watch.next()).rejects.toMatchObject({ code: "security-violation" });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    expect(runtime.pendingTimers).toEqual([]);
  });

  test("ends on its signal, on return, and on the manager's close, and leaves nothing behind", async () => {
    const { listen, manager, openContexts, reader, runtime, service } = world();
    await reader("A", true);
    const controller = new AbortController();
    const signalled = listen(watchReaders(manager, { signal: controller.signal }));
    const returned = watchReaders(manager);
    for (let count = 0; count < 3; count++) await returned.next();
    const waiting = returned.next();
    const closed = listen(watchReaders(service()));
    await runtime.settle();
    controller.abort("enough");
    expect(await signalled.end).toBe("ended");
    await returned.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await openContexts()).toBe(0);
    await service().close();
    expect(await closed.end).toBe("ended");
    expect(runtime.pendingTimers).toEqual([]);
    const late = listen(watchReaders(manager, { signal: controller.signal }));
    expect([await late.end, await late.heard()]).toEqual(["ended", []]);
  });

  test("ends while the service is away, and while a context is opened", async () => {
    const { listen, lose, manager, runtime } = world();
    await lose();
    const watch = watchReaders(manager);
    const away = listen(watch);
    await runtime.settle();
    await watch.return();
    expect(await away.end).toBe("ended");
    const controller = new AbortController();
    const signalled = listen(watchReaders(manager, { signal: controller.signal }));
    const opening = listen(
      watchReaders(
        { clock: runtime.clock, establishContext: () => new Promise(() => {}) },
        { signal: controller.signal },
      ),
    );
    await runtime.settle();
    controller.abort();
    expect([await signalled.end, await opening.end]).toEqual(["ended", "ended"]);
    expect(await away.heard()).toEqual(["service-lost"]);
    expect(runtime.pendingTimers).toEqual([]);
  });

  test("each iteration has its own state", async () => {
    const { manager, reader } = world();
    await reader("A");
    const watch = watchReaders(manager);
    for (let round = 0; round < 2; round++) {
      const seen: string[] = [];
      for await (const event of watch) {
        seen.push(brief(event));
        if (event.kind === "state-complete") break;
      }
      expect(seen).toEqual(["reader-arrived A, initial", "state-complete"]);
    }
  });

  test("keeps a limited number of events for a slow consumer, and the state in the end is right", async () => {
    const { manager, reader, runtime, service } = world();
    const a = await reader("A");
    const watch = watchReaders(manager);
    await watch.next();
    for (let round = 0; round < 4 * watchLimits.maxEvents; round++) {
      a.insert(new EchoCard());
      await runtime.settle();
      a.remove();
      await runtime.settle();
    }
    a.insert(new EchoCard());
    await runtime.settle();
    const seen: string[] = [];
    let last: ReaderEvent | undefined;
    for (let isOver = false; !isOver; ) {
      const next = await Promise.race([watch.next(), runtime.settle().then(() => undefined)]);
      if (next?.value === undefined) isOver = true;
      else {
        const { value } = next;
        last = value;
        seen.push(value.kind);
      }
    }
    expect(seen.length).toBeLessThan(watchLimits.maxEvents + 10);
    const cards = seen.filter((kind) => kind.startsWith("card-"));
    expect(cards.every((kind, index) => kind === (index % 2 === 0 ? "card-inserted" : "card-removed"))).toBe(true);
    expect(cards.length % 2).toBe(1);
    expect(last).toMatchObject({ reader: "A", state: { flags: { present: true } } });
    await service().close();
  });

  test("refuses an invalid manager, an invalid signal, and a misspelt option", () => {
    const { manager } = world();
    const wrong = (run: () => unknown) => expect(run).toThrow(SmartCardError);
    wrong(() => watchReaders({} as ResourceManager));
    wrong(() => watchReaders(manager, { signal: "now" } as object));
    wrong(() => watchReaders(manager, { sgnal: undefined } as object));
    wrong(() => watchReaders({ establishContext: manager.establishContext }));
  });
});
