// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { type ReaderEvent, watchReaders } from "../../src/port/index.ts";
import { apdu, EchoCard, failureOf, stateOf } from "../manager/world.ts";
import { joinedWorld } from "./in-memory.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;

describe("when the service goes away", () => {
  test.each(["stop", "kill"] as const)("(%s) every wait says so, and so does every call after it", async (how) => {
    const { client, name, runtime, connections, stop, kill, connect } = await joinedWorld();
    const context = await client.establishContext();
    const card = await context.connect(name, shared);
    const second = await context.connect(name, shared);
    const holder = await connect("other program");
    await holder.beginTransaction();
    const waits = [
      context.getStatusChange([{ reader: name, flags: { present: true }, eventCount: 2 }]),
      card.beginTransaction(),
      second.transmit(apdu),
      context.connect(name, shared),
    ].map((wait) => failureOf(wait));
    await runtime.advance(2000);
    const gone = how === "stop" ? stop() : kill();
    await runtime.advance(200);
    expect((await Promise.all(waits)).map(({ code }) => code)).toEqual(Array(4).fill("service-stopped"));
    for (const call of [context.listReaders(), context.connect(name, shared), card.transmit(apdu), card.status()]) {
      expect((await failureOf(call)).code).toBe("service-stopped");
    }
    expect(await context.isValid()).toBe(false);
    expect((await failureOf(client.establishContext())).code).toBe("no-service");
    await holder.endTransaction("leave");
    await runtime.advance(10_000);
    await gone;
    expect(connections()).toBe(0);
    await card[Symbol.asyncDispose]();
    await context[Symbol.asyncDispose]();
  });

  test("waitForService finds it again, with longer and longer pauses", async () => {
    const { client, runtime, kill, start, dialled, timers } = await joinedWorld();
    kill();
    const waiting = client.waitForService();
    await runtime.advance(60_000);
    expect(await stateOf(waiting)).toBe("pending");
    // 50, 100, … 3200, and then every 5 s at the most and 3.75 s at the least.
    expect(dialled()).toBeGreaterThan(60_000 / 5000 + 6);
    expect(dialled()).toBeLessThan(60_000 / 3750 + 10);
    start();
    await runtime.advance(5000);
    expect(await waiting).toEqual({ version: "4:6", releases: "2.5.0 on" });
    expect(timers()).toEqual([]);
  });

  test("waitForService ends by its deadline, which tells the last failure, and by its signal", async () => {
    const { client, runtime, kill, refuse, start, timers } = await joinedWorld();
    kill();
    const late = failureOf(client.waitForService({ timeoutMs: 700 }));
    const controller = new AbortController();
    const aborted = failureOf(client.waitForService({ signal: controller.signal }));
    await runtime.advance(700);
    expect(await late).toMatchObject({ code: "timeout", cause: { code: "no-service" } });
    controller.abort("enough");
    expect(await aborted).toMatchObject({ code: "cancelled", cause: "enough" });
    expect(timers()).toEqual([]);
    start();
    refuse();
    expect((await failureOf(client.waitForService())).code).toBe("security-violation");
  });

  test("who watches the readers is told that the service is lost, then back, and goes on", async () => {
    const { client, name, reader, addReader, runtime, kill, start, timers } = await joinedWorld();
    const events: string[] = [];
    const controller = new AbortController();
    const describeEvent = (event: ReaderEvent): string =>
      "reader" in event ? `${event.kind} ${event.reader}` : event.kind;
    const watching = (async () => {
      for await (const event of watchReaders(client, { signal: controller.signal })) events.push(describeEvent(event));
    })();
    const expectEvents = async (...expected: string[]): Promise<void> => {
      await runtime.advance(20_000);
      expect(events.splice(0)).toEqual(expected);
    };
    const state = [`reader-arrived ${name}`, `card-inserted ${name}`, "state-complete"];
    const gone = [`card-removed ${name}`, `reader-gone ${name}`];
    await expectEvents(...state);
    reader.remove();
    await expectEvents(`card-removed ${name}`);
    const second = await addReader({ name: "Second" });
    await expectEvents("reader-arrived Second");
    second.reader.unplug();
    await expectEvents("reader-gone Second");
    reader.insert(new EchoCard());
    await expectEvents(`card-inserted ${name}`);
    for (let round = 0; round < 3; round++) {
      kill();
      await expectEvents(...gone, "service-lost");
      start();
      await expectEvents("service-back", ...state);
    }
    kill();
    start();
    await expectEvents(...gone, "service-lost", "service-back", ...state);
    controller.abort();
    await watching;
    await runtime.settle();
    expect(timers()).toEqual([]);
  });

  test("a watcher that finds no reader misses none that comes meanwhile", async () => {
    for (let steps = 0; steps < 60; steps += 3) {
      const { client, reader, addReader, runtime } = await joinedWorld({ newest: steps % 2 ? "4:4" : "4:6" });
      reader.unplug();
      await runtime.settle();
      const controller = new AbortController();
      const events = watchReaders(client, { signal: controller.signal });
      const first = events.next().then(({ value }) => (value?.kind === "state-complete" ? events.next() : value));
      for (let step = 0; step < steps; step++) await Promise.resolve();
      await addReader({ name: "Second" });
      await runtime.settle();
      await runtime.settle();
      expect(await stateOf(first)).toBe("fulfilled");
      controller.abort();
    }
  });

  test("a watcher that begins before there is a service is told when there is one", async () => {
    const { client, name, runtime, kill, start } = await joinedWorld();
    kill();
    const events: string[] = [];
    const controller = new AbortController();
    const watching = (async () => {
      for await (const { kind } of watchReaders(client, { signal: controller.signal })) events.push(kind);
    })();
    await runtime.advance(10_000);
    start();
    await runtime.advance(10_000);
    const expected = ["service-lost", "service-back", "reader-arrived", "card-inserted", "state-complete"];
    expect([events, name]).toEqual([expected, name]);
    controller.abort();
    await watching;
  });
});

describe("a service that refuses", () => {
  test("says by hanging up that we may not use it, and the message says what to allow", async () => {
    const { client, refuse, connections } = await joinedWorld();
    refuse();
    const failure = await failureOf(client.establishContext());
    expect(failure.code).toBe("security-violation");
    expect(failure.message).toContain("org.debian.pcsc-lite.access_pcsc");
    expect(connections()).toBe(0);
  });

  test("has no room for more, where it has admitted us before", async () => {
    const { client, name, refuse } = await joinedWorld();
    const context = await client.establishContext();
    refuse();
    expect((await failureOf(context.connect(name, shared))).code).toBe("server-too-busy");
    expect(await context.listReaders()).toEqual([name]);
  });
});
