// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { VirtualReader } from "../../src/cards/index.ts";
import { EmbeddedManager } from "../../src/manager/index.ts";
import type { PowerAction, Reader } from "../../src/pcsc/index.ts";
import { SimulatedRuntime } from "../../src/testing/index.ts";
import { apdu, EchoCard, failureOf, settle, watched, world } from "./world.ts";

test("a driver that keeps an aborted operation is given up, and not called again meanwhile", async () => {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime, limits: { operationMs: 1000, abortMs: 500 } });
  const inner = new VirtualReader({ clock: runtime.clock });
  const calls: string[] = [];
  // This driver answers no reset, and does not listen to its signal.
  const reader: Reader = {
    description: inner.description,
    open: (events) => inner.open(events),
    close: () => inner.close(),
    power: (action: PowerAction) => {
      calls.push(action);
      return new Promise(() => {});
    },
    setProtocol: (protocol, signal) => inner.setProtocol(protocol, signal),
    transmit: (command, protocol, signal) => inner.transmit(command, protocol, signal),
    control: (code, input, signal) => inner.control(code, input, signal),
    getAttribute: (attribute) => inner.getAttribute(attribute),
    setAttribute: (attribute, value) => inner.setAttribute(attribute, value),
  };
  const name = await manager.addReader(reader);
  inner.insert(new EchoCard());
  const context = await manager.establishContext();
  const connecting = failureOf(context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] }));

  await runtime.advance(2000);
  expect(calls).toEqual(["cold-reset"]);
  expect((await connecting).code).toBe("reader-unavailable");
  expect(await context.listReaders()).toEqual([]);
});

test("a reconnect whose reset is torn fails as a card does, while the driver gives the reset back", async () => {
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
