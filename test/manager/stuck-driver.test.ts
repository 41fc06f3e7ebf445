// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import type { PowerAction, Reader } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { apdu, EchoCard, failureOf, settle, stateOf, watched, world } from "./world.ts";

/** A driver with power of another kind. */
function powered(inner: VirtualReader, power: Reader["power"]): Reader {
  return {
    description: inner.description,
    open: (events) => inner.open(events),
    close: () => inner.close(),
    power,
    setProtocol: (protocol, signal) => inner.setProtocol(protocol, signal),
    transmit: (command, protocol, signal) => inner.transmit(command, protocol, signal),
    control: (code, input, signal) => inner.control(code, input, signal),
    getAttribute: (attribute) => inner.getAttribute(attribute),
    setAttribute: (attribute, value) => inner.setAttribute(attribute, value),
  };
}

/** A driver that answers no reset, and does not listen to its signal. */
function neverPowering(inner: VirtualReader, called: (action: PowerAction) => void): Reader {
  return powered(inner, (action) => {
    called(action);
    return new Promise(() => {});
  });
}

test("a driver that keeps an aborted operation is given up and closed, and nothing else is asked of it", async () => {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime, limits: { operationMs: 1000, abortMs: 500 } });
  const inner = new VirtualReader({ clock: runtime.clock });
  const calls: string[] = [];
  const close = inner.close.bind(inner);
  inner.close = () => {
    calls.push("close");
    return close();
  };
  const reader = neverPowering(inner, (action) => calls.push(action));
  const name = await manager.addReader(reader);
  inner.insert(new EchoCard());
  const context = await manager.establishContext();
  const connecting = failureOf(context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] }));

  await runtime.advance(2000);
  expect(calls).toEqual(["cold-reset", "close"]);
  expect((await connecting).code).toBe("reader-unavailable");
  expect(await context.listReaders()).toEqual([]);
});

test("no timer outlives a reader whose driver never gives its operation back", async () => {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime, limits: { operationMs: 60_000, abortMs: 500 } });
  const inner = new VirtualReader({ clock: runtime.clock });
  await manager.addReader(neverPowering(inner, () => {}));
  inner.insert(new EchoCard());
  await runtime.settle();
  inner.unplug();
  await runtime.advance(1000);
  expect(runtime.pendingTimers).toEqual([]);
});

test("a reconnect whose reset is aborted fails as a card does, while the driver gives the reset back", async () => {
  const { context, name, reader, runtime } = await world({ limits: { operationMs: 1000 } });
  const connection = await (await context("program")).connect(name, {
    shareMode: "shared",
    preferredProtocols: ["t1"],
  });
  reader.hang(true);
  const reconnecting = failureOf(
    connection.reconnect({ shareMode: "shared", preferredProtocols: ["t1"], initialization: "reset" }),
  );
  await runtime.advance(1000);
  expect((await reconnecting).code).toBe("unresponsive-card");
});

test("an interrupted reset without a waiting client is not retried, which would block the reader", async () => {
  const { context, name, reader, runtime } = await world({ limits: { operationMs: 1000 } });
  const terms = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
  const connection = await (await context("program")).connect(name, terms);
  reader.hang(true);
  const reconnecting = failureOf(connection.reconnect({ ...terms, initialization: "reset" }));
  await runtime.advance(1000);
  expect((await reconnecting).code).toBe("unresponsive-card");

  const other = await context("other");
  const connecting = failureOf(other.connect(name, { ...terms, timeoutMs: 500 }));
  await runtime.advance(1000);
  expect((await connecting).code).toBe("unresponsive-card");
  reader.hang(false);
  await other.connect(name, terms);
});

test("a context that has all the waits it may have can still end its transaction", async () => {
  const { connect, reader, runtime } = await world({ limits: { waitsPerContext: 1 } });
  const connection = await connect("program");
  await connection.beginTransaction();
  reader.slow(10);
  const calls = [connection.transmit(apdu), watched(connection.status()), connection.endTransaction("leave")];
  await runtime.advance(100);
  expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual([
    "fulfilled",
    "fulfilled",
    "fulfilled",
  ]);
});

test("a card that answers again is told of before its protocol is agreed on", async () => {
  const { context, name, reader, runtime } = await world({ empty: true });
  reader.mute(true);
  reader.insert(new EchoCard());
  await runtime.settle();
  const program = await context("program");
  const [mute] = await program.getStatusChange([{ reader: name }]);
  expect(mute?.flags.mute).toBe(true);

  // The reset takes a second, and so does the PPS after it.
  reader.mute(false);
  reader.slow(1000);
  const changing = program.getStatusChange(mute === undefined ? [] : [mute]);
  const other = await context("other");
  const connecting = watched(other.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] }));
  await runtime.advance(1500);
  expect(await stateOf(changing)).toBe("fulfilled");
  expect(await stateOf(connecting)).toBe("pending");
});

test("a card that does not answer loses its power once, however often that is asked for", async () => {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime });
  const inner = new VirtualReader({ clock: runtime.clock });
  const actions: PowerAction[] = [];
  const reader = powered(inner, (action, signal) => {
    actions.push(action);
    return inner.power(action, signal);
  });
  const name = await manager.addReader(reader);
  inner.mute(true);
  inner.insert(new EchoCard());
  await runtime.settle();
  const context = await manager.establishContext();
  const unpower = async (): Promise<void> => {
    const direct = await context.connect(name, { shareMode: "direct", preferredProtocols: [] });
    await direct.disconnect("unpower");
  };
  await unpower();
  await unpower();
  expect(actions).toEqual(["cold-reset", "power-down"]);

  // A further reset may have given it power again.
  await failureOf(context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] }));
  await unpower();
  expect(actions).toEqual(["cold-reset", "power-down", "cold-reset", "power-down"]);
});

describe("what goes in the last moment of a connect", () => {
  const terms = { shareMode: "shared", preferredProtocols: ["t1"] } as const;

  test("is noticed where it is the reader", async () => {
    const { connect, context, name, reader } = await world();
    const connection = await connect("first");
    const connecting = failureOf((await context("second")).connect(name, terms));
    const reconnecting = failureOf(connection.reconnect({ ...terms, initialization: "leave" }));
    reader.unplug();
    expect((await connecting).code).toBe("reader-unavailable");
    expect((await reconnecting).code).toBe("reader-unavailable");
  });

  test("is noticed where it is the card", async () => {
    const { connect, context, name, reader } = await world();
    await connect("first");
    const connecting = failureOf((await context("second")).connect(name, terms));
    reader.remove();
    expect((await connecting).code).toBe("removed-card");
  });

  test("is noticed by a reconnect", async () => {
    const { connect, reader } = await world();
    const connection = await connect("first");
    const reconnecting = failureOf(connection.reconnect({ ...terms, initialization: "leave" }));
    reader.unplug();
    expect((await reconnecting).code).toBe("reader-unavailable");
    expect((await failureOf(connection.status())).code).toBe("reader-unavailable");
  });
});

test("a command does not reach the card that was put in when it was about to be sent", async () => {
  const { connect, reader } = await world();
  const connection = await connect("program");
  const sending = failureOf(connection.transmit(apdu));
  const another = new EchoCard();
  reader.insert(another);
  expect((await sending).code).toBe("removed-card");
  expect(another.commands).toEqual([]);
});

test("a driver that hangs keeps the end of the service for its limit only, and other cards are left in good order", async () => {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime, limits: { closeMs: 3000 } });
  const [hanging, other] = ["a", "b"].map((id) => new VirtualReader({ clock: runtime.clock, id, name: id }));
  for (const reader of [hanging, other]) {
    reader?.insert(new EchoCard());
    if (reader !== undefined) await manager.addReader(reader);
  }
  for (const client of ["first", "second"]) {
    for (const reader of manager.readers()) {
      const context = await manager.client({ name: client }).establishContext();
      await context.connect(reader.name, { shareMode: "shared", preferredProtocols: ["t1"] });
    }
  }
  hanging?.hang(true);
  const closing = watched(manager.close());
  const again = watched(manager.close());
  await runtime.advance(2999);
  expect(await stateOf(closing)).toBe("pending");
  expect(runtime.events.some(({ kind, reader }) => kind === "card-reset" && reader === "b")).toBe(true);
  await runtime.advance(1);
  expect(await stateOf(closing)).toBe("fulfilled");
  expect(await stateOf(again)).toBe("fulfilled");
});

test("a card that is powered for one connection was reset for the other, which ended with a reset that it did not answer", async () => {
  const { connect, reader } = await world({ profile: "windows" });
  const first = await connect("first");
  await first.beginTransaction();
  reader.mute(true);
  await first.endTransaction("reset");
  reader.mute(false);
  await connect("second");
  expect((await failureOf(first.transmit(apdu))).code).toBe("reset-card");
  await first.reconnect({ shareMode: "shared", preferredProtocols: ["t1"], initialization: "leave" });
  expect(await first.transmit(apdu)).toHaveLength(6);
});

test("a call of a connection that does not use the card is not told of a reset while it waits", async () => {
  const { connect, context, name, runtime } = await world({ profile: "pcsclite" });
  // Before a protocol is agreed on, and therefore without one.
  const direct = await (await context("direct")).connect(name, { shareMode: "direct", preferredProtocols: [] });
  const holder = await connect("holder");
  await holder.beginTransaction();
  const sending = failureOf(direct.transmit(apdu));
  await runtime.settle();
  await holder.endTransaction("reset");
  expect((await sending).code).toBe("proto-mismatch");
});
