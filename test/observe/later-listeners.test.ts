// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { type ObservedEvent, type ObservedOutcome, Observer } from "../../src/observe/calls/index.ts";
import type { Connection, ConnectOptions } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { apdu, EchoCard, settle } from "../manager/world.ts";

const shared: ConnectOptions = { shareMode: "shared", preferredProtocols: ["t1"] };
const verify = hexBytes("0020008104C0FFEE5E");
const selectPiv = hexBytes("00A4040009A00000030800001000");
const selectKeys = hexBytes("00A40000026F08");
const selectDirectory = hexBytes("00A40000022F00");
const readBinary = hexBytes("00B0000010");

/** A manager with a card that echoes, behind an observer. */
async function stage() {
  const runtime = new SimulatedRuntime({ settle });
  const observer = new Observer({ runtime });
  const { clock, random } = runtime;
  const manager = new EmbeddedManager({ runtime: { clock, random, trace: observer.trace } });
  const reader = new VirtualReader({ name: "Reader", clock });
  const name = await manager.addReader(reader);
  reader.insert(new EchoCard());
  await runtime.settle();
  const connect = async (program: string): Promise<Connection> => {
    const client = observer.observe(manager.client({ name: program }), { name: program });
    return (await client.establishContext()).connect(name, shared);
  };
  return { runtime, observer, connect };
}

/** The commands among events, with what of their responses is withheld. */
function exchanges(events: readonly ObservedEvent[]) {
  return events.flatMap((event) => (event.kind === "call" && event.exchange !== undefined ? [event.exchange] : []));
}

describe("a listener that is told later", () => {
  test("gets events when the answers are out, all that there are, in their order", async () => {
    const { connect, observer, runtime } = await stage();
    const seen: ObservedEvent[] = [];
    const done: number[] = [];
    observer.listenLater((event) => seen.push(event), { done: () => done.push(seen.length) });
    const [one, two] = [await connect("one"), await connect("two")];
    await one.transmit(selectPiv);
    await two.transmit(hexBytes("0087039B00"));
    await one.beginTransaction();
    await one.endTransaction("reset");
    await two.reconnect({ ...shared, initialization: "leave" });
    await two.transmit(verify);
    expect(seen).toEqual([]);
    await runtime.advance(50);
    expect(seen.map(({ number }) => number)).toEqual(seen.map((_, index) => index + 1));
    expect(exchanges(seen).map(({ application, name }) => [name, application])).toEqual([
      ["SELECT", "A00000030800001000"],
      ["PIV GENERAL AUTHENTICATE", "A00000030800001000"],
      ["VERIFY", undefined],
    ]);
    expect(JSON.stringify(seen)).not.toMatch(/C0 ?FF ?EE/);
    expect(done).toEqual([seen.length]);
  });

  test("one that is told at once makes no event come twice, and none out of order", async () => {
    const { connect, observer, runtime } = await stage();
    const later: ObservedEvent[] = [];
    observer.listenLater((event) => later.push(event));
    const connection = await connect("one");
    await connection.transmit(selectPiv);
    const now: ObservedEvent[] = [];
    const stop = observer.listen((event) => now.push(event));
    expect(exchanges(later)).toHaveLength(1);
    await connection.transmit(apdu);
    stop();
    await connection.transmit(apdu);
    await runtime.advance(50);
    expect(now).toHaveLength(1);
    expect(later.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
  });

  test("what there is no room for is dropped, the oldest first, and told; what it may have selected is not known", async () => {
    const { connect, observer, runtime } = await stage();
    const connection = await connect("one");
    const seen: ObservedEvent[] = [];
    let dropped = 0;
    observer.listenLater((event) => seen.push(event), { dropped: () => dropped++ });
    await connection.transmit(selectDirectory);
    await connection.transmit(readBinary);
    await runtime.advance(50);
    expect(exchanges(seen).at(-1)?.response?.withheldBytes).toBe(0);
    // Commands of 64 KiB, of which 4 MiB are kept: this SELECT is among those that are not.
    await connection.transmit(selectKeys);
    const long = new Uint8Array(65_000);
    long.set(hexBytes("00D6000000FDE1"));
    for (let count = 0; count < 40; count++) await connection.transmit(long);
    await connection.transmit(readBinary);
    await runtime.advance(50);
    expect(dropped).toBeGreaterThan(0);
    expect(seen.length + dropped).toBe(44);
    expect(seen[2]?.number).toBe(dropped + 3);
    expect(exchanges(seen).at(-1)?.response?.withheldBytes).toBe(5);
  });

  test("gets the bytes as they were, and nothing keeps them", async () => {
    const { connect, observer, runtime } = await stage();
    const connection = await connect("one");
    const raw: (Uint8Array | undefined)[] = [];
    observer.listenLater((event) => raw.push(...exchanges([event]).map((one) => one.raw?.command)), { raw: true });
    const command = Uint8Array.from(verify);
    const transmitted = connection.transmit(command);
    command.fill(0);
    const response = await transmitted;
    response.fill(0);
    await runtime.advance(50);
    expect(raw).toEqual([verify]);
  });

  test("one that has ended gets nothing more, and nothing waits any longer", async () => {
    const { connect, observer, runtime } = await stage();
    const connection = await connect("one");
    const seen: ObservedEvent[] = [];
    const stop = observer.listenLater((event) => seen.push(event));
    await connection.transmit(apdu);
    stop();
    expect(runtime.pendingTimers).toEqual([]);
    await runtime.advance(50);
    expect(seen).toEqual([]);
    expect(observer.isActive).toBe(false);
  });
});

describe("commands that nothing is told of", () => {
  test("one that waits when a listener comes may select another file", async () => {
    const { connect, observer, runtime } = await stage();
    const [holder, other] = [await connect("holder"), await connect("other")];
    await holder.beginTransaction();
    const waiting = other.transmit(selectKeys);
    await runtime.settle();
    const seen: ObservedEvent[] = [];
    observer.listen((event) => seen.push(event));
    await holder.transmit(selectDirectory);
    await holder.transmit(readBinary);
    await holder.endTransaction();
    await waiting;
    await holder.transmit(readBinary);
    expect(exchanges(seen).map((one) => one.response?.withheldBytes)).toEqual([7, 5, 5]);
    await holder.transmit(selectDirectory);
    await holder.transmit(readBinary);
    expect(exchanges(seen).at(-1)?.response?.withheldBytes).toBe(0);
  });
});

test("who counts gets what came of commands, and of their bytes the header alone", async () => {
  const { connect, observer } = await stage();
  const seen: ObservedOutcome[] = [];
  observer.listenToOutcomes((event) => seen.push(event));
  const connection = await connect("one");
  await connection.transmit(selectPiv);
  await connection.transmit(verify);
  expect(seen.map((event) => event.kind === "call" && [event.operation, event.exchange?.command.bytes])).toEqual([
    ["establish-context", undefined],
    ["connect", undefined],
    ["transmit", "00 A4 04 00"],
    ["transmit", "00 20 00 81"],
  ]);
  expect(seen.at(-1)).toMatchObject({ exchange: { commandBytes: 9, statusWord: 0x9000 } });
});
