// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { ReaderWatch } from "../../src/faces/compat/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { type ResourceManager, SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { EchoCard, settle } from "../manager/world.ts";

/** A watch over a service that can go and come back, and what it has told. */
function watched() {
  const runtime = new SimulatedRuntime({ settle });
  const told: string[] = [];
  const tries: number[] = [];
  let service: ResourceManager | undefined;
  const watch = new ReaderWatch(
    {
      dialect: "pcsclite",
      clock: runtime.clock,
      manager: async () => {
        tries.push(runtime.clock.now());
        if (service === undefined) throw new SmartCardError("no-service", "nothing listens");
        return service;
      },
    },
    {
      arrived: ({ reader, flags }) => told.push(`${reader} arrived ${flags.present ? "with a card" : "empty"}`),
      changed: ({ reader, flags }) => told.push(`${reader} ${flags.present ? "full" : "empty"}`),
      left: (reader) => told.push(`${reader} left`),
      failed: ({ code }) => told.push(code),
    },
  );
  let over = false;
  const start = (): void =>
    void watch.run().then(() => {
      over = true;
    });
  const serve = (): EmbeddedManager => {
    const manager = new EmbeddedManager({ runtime });
    service = manager;
    return manager;
  };
  const stopService = async (manager: EmbeddedManager): Promise<void> => {
    service = undefined;
    await manager.close();
  };
  const heard = async (): Promise<string[]> => {
    await runtime.settle();
    return told.splice(0);
  };
  const reader = (name: string): VirtualReader => new VirtualReader({ name, clock: runtime.clock });
  return { runtime, watch, start, tries, serve, stopService, heard, reader, isOver: () => over };
}

test("without a service it says so once, and asks ever less often, up to every five seconds", async () => {
  const { heard, isOver, runtime, start, tries, watch } = watched();
  start();
  await runtime.advance(60_000);
  expect(await heard()).toEqual(["no-service"]);
  const pauses = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
  expect(pauses.slice(0, 9)).toEqual([50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  expect(tries.length).toBeLessThan(20);
  watch.stop();
  await runtime.settle();
  expect(isOver()).toBe(true);
  expect(runtime.pendingTimers).toEqual([]);
});

test("it finds a service that starts later, loses it, and finds it again", async () => {
  const { heard, reader, runtime, serve, start, stopService, watch } = watched();
  start();
  await runtime.advance(1_000);
  expect(await heard()).toEqual(["no-service"]);
  const first = serve();
  await first.addReader(reader("A"));
  await runtime.advance(5_000);
  expect(await heard()).toEqual(["A arrived empty"]);
  await stopService(first);
  expect(await heard()).toEqual(["A left", "service-stopped"]);
  await runtime.advance(1_000);
  // It is the same outage.
  expect(await heard()).toEqual([]);
  const second = serve();
  const b = reader("B");
  b.insert(new EchoCard());
  await second.addReader(b);
  await runtime.advance(5_000);
  expect(await heard()).toEqual(["B arrived with a card"]);
  watch.stop();
  await runtime.settle();
  expect(runtime.pendingTimers).toEqual([]);
});

test("a card that was swapped between two looks has gone and come", async () => {
  const { heard, reader, runtime, serve, start } = watched();
  const manager = serve();
  start();
  const a = reader("A");
  await manager.addReader(a);
  await runtime.advance(100);
  a.insert(new EchoCard());
  await runtime.settle();
  await heard();
  a.remove();
  a.insert(new EchoCard());
  await runtime.advance(100);
  expect((await heard()).slice(0, 2)).toEqual(["A empty", "A full"]);
});

test("it goes on with the readers that it knows when it looks for no new ones, until they are ignored or gone", async () => {
  const { heard, isOver, reader, runtime, serve, start, watch } = watched();
  const manager = serve();
  start();
  const [a, b] = [reader("A"), reader("B")];
  for (const one of [a, b]) await manager.addReader(one);
  await runtime.advance(100);
  expect(await heard()).toEqual(["A arrived empty", "B arrived empty"]);
  watch.stopDiscovery();
  await manager.addReader(reader("C"));
  a.insert(new EchoCard());
  await runtime.settle();
  expect((await heard())[0]).toBe("A full");
  watch.ignore("A");
  await runtime.settle();
  a.remove();
  expect(await heard()).toEqual([]);
  expect(isOver()).toBe(false);
  b.unplug();
  expect(await heard()).toEqual(["B left"]);
  expect(isOver()).toBe(true);
  expect(runtime.pendingTimers).toEqual([]);
});

test("a reader that was ignored is told of again when it has been away", async () => {
  const { heard, reader, runtime, serve, start, watch } = watched();
  const manager = serve();
  start();
  await manager.addReader(reader("A"));
  await runtime.advance(100);
  watch.ignore("A");
  await heard();
  await manager.addReader(reader("B"));
  expect(await heard()).toEqual(["B arrived empty"]);
  await manager.removeReader("A");
  expect(await heard()).toEqual([]);
  await manager.addReader(reader("A"));
  expect(await heard()).toEqual(["A arrived empty"]);
});
