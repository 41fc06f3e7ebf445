// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { apdu, EchoCard, settle, stateOf, watched, world } from "./world.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
const anew = { ...shared, initialization: "leave" } as const;

describe("what a gone program left under way", () => {
  test("an interrupted exchange resets the card and tells all connections, under either profile", async () => {
    for (const profile of ["windows", "pcsclite"] as const) {
      const { card, connect, manager, name, reader, runtime } = await world({ profile });
      const client = manager.client({ name: "mortal" });
      const a = await (await client.establishContext()).connect(name, shared);
      const b = await connect("b");
      reader.hang(true);
      const exchange = watched(a.transmit(apdu));
      await runtime.settle();
      const ended = client.end();
      await runtime.advance(5000);
      reader.hang(false);
      await ended;
      expect(await stateOf(exchange)).toBe("cancelled");
      expect(await stateOf(watched(b.transmit(apdu)))).toBe("reset-card");
      await b.reconnect(anew);
      await b.transmit(apdu);
      expect(card.resets).toEqual(["cold", "warm"]);
    }
  });

  test("a connect that hangs is aborted like an exchange", async () => {
    const { connect, manager, name, reader, runtime } = await world();
    await (await connect("first")).disconnect("unpower");
    const client = manager.client({ name: "mortal" });
    const context = await client.establishContext();
    reader.hang(true);
    const connecting = watched(context.connect(name, shared));
    await runtime.settle();
    await client.end();
    await runtime.advance(4999);
    expect(await stateOf(connecting)).toBe("pending");
    await runtime.advance(1);
    reader.hang(false);
    expect(await stateOf(connecting)).not.toBe("pending");
    await (await connect("next")).transmit(apdu);
  });
});

test("the limit of a context's waits holds for every wait", async () => {
  const { connect, context, name } = await world({ limits: { waitsPerContext: 2 } });
  const a = await connect("a");
  const b = await (await context("b")).connect(name, shared);
  await a.beginTransaction();
  const waits = [b.beginTransaction(), b.transmit(apdu), b.status()].map((wait: Promise<unknown>) => watched(wait));
  expect(await Promise.all(waits.map(stateOf))).toEqual(["pending", "pending", "server-too-busy"]);
});

test("an end that waits for an exchange ends at once when the lock is lost, and does not wait for strangers", async () => {
  const { connect, reader, runtime } = await world();
  const [a, b] = [await connect("a"), await connect("b")];
  reader.slow(10);
  await a.beginTransaction();
  const calls = [a.transmit(apdu), a.reconnect(anew), a.endTransaction("leave")].map((call: Promise<unknown>) =>
    watched(call),
  );
  const other = b.beginTransaction();
  await runtime.advance(10);
  await other;
  expect(await Promise.all(calls.map(stateOf))).toEqual(["fulfilled", "fulfilled", "not-transacted"]);
});

test("a card that is pulled while it is being reset stays without power", async () => {
  const { clock } = new SimulatedRuntime({ settle });
  const [reader, card] = [new VirtualReader({ clock }), new EchoCard()];
  reader.insert(card);
  await reader.open({ inserted: () => {}, removed: () => {}, lost: () => {} });
  const reset = watched(reader.power("cold-reset", new AbortController().signal));
  reader.remove();
  expect(await stateOf(reset)).toBe("removed-card");
  expect([reader.powered, card.powered]).toEqual([false, false]);
});

describe("those that end together give each other nothing", () => {
  const cases: readonly ["the service" | "a program", "service-stopped" | "cancelled"][] = [
    ["the service", "service-stopped"],
    ["a program", "cancelled"],
  ];
  test.each(cases)("when %s ends, what waits ends with %s, and no command reaches the card", async (what, code) => {
    const { card, manager, name, runtime } = await world({ profile: "pcsclite" });
    const client = manager.client({ name: "mortal" });
    const [holder, waiting] = await Promise.all([client.establishContext(), client.establishContext()]);
    // A direct connection leaves the card as it is: nothing happens between its end and the next turn.
    const lock = await holder.connect(name, { ...shared, shareMode: "direct", preferredProtocols: [] });
    const other = await waiting.connect(name, shared);
    await lock.beginTransaction();
    const exchange = watched(other.transmit(apdu));
    const begin = watched(other.beginTransaction());
    await (what === "the service" ? manager.close() : client.end());
    await runtime.settle();
    expect(await stateOf(exchange)).toBe(code);
    expect(await stateOf(begin)).toBe(code);
    expect(card.commands).toEqual([]);
    expect(runtime.events.filter(({ kind }) => kind === "lock-granted")).toHaveLength(1);
  });
});
