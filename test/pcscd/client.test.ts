// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { attributes, ioctls, PNP_NOTIFICATION, type ReaderStateQuery } from "../../src/port/index.ts";
import type { ProtocolVersion } from "../../src/wire/pcsclite/index.ts";
import { apdu, EchoCard, failureOf, stateOf } from "../manager/world.ts";
import { joinedWorld } from "./in-memory.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
const versions: readonly ProtocolVersion[] = ["4:4", "4:5", "4:6"];

describe.each(versions)("over a service of %s", (newest) => {
  test("tells of the readers, and which version was agreed on", async () => {
    const { client, name } = await joinedWorld({ newest });
    expect((await client.probe()).version).toBe(newest);
    expect(await client.probe({ measureTable: true })).toMatchObject({ version: newest, tableEntries: 16 });
    const context = await client.establishContext({ scope: "system" });
    expect(await context.listReaders()).toEqual([name]);
    expect(await context.listReaders(["SCard$AllReaders"])).toEqual([name]);
    expect(await context.listReaders(["Others"])).toEqual([]);
    expect(await context.listReaderGroups()).toEqual(["SCard$DefaultReaders"]);
    const [report] = await context.getStatusChange([{ reader: name.toUpperCase() }]);
    expect(report).toMatchObject({ flags: { present: true, changed: true }, eventCount: 2 });
    expect(encodeHex(report?.atr ?? new Uint8Array())).toBe("3B8180018080");
  });

  test("is told of a card that goes, and of readers that come", async () => {
    const { client, name, reader, addReader, runtime, timers } = await joinedWorld({ newest });
    const context = await client.establishContext();
    const card = context.getStatusChange([{ reader: name, flags: { present: true }, eventCount: 2 }]);
    const readers = context.getStatusChange([{ reader: PNP_NOTIFICATION }]);
    await runtime.settle();
    expect([await stateOf(card), await stateOf(readers)]).toEqual(["pending", "pending"]);
    reader.remove();
    await runtime.settle();
    expect(await card).toMatchObject([{ flags: { empty: true, changed: true }, eventCount: 3 }]);
    expect(await stateOf(readers)).toBe("pending");
    await addReader({ name: "Second" });
    await runtime.settle();
    const [pnp] = await readers;
    expect(pnp?.flags).toEqual({ changed: true });
    expect(await context.listReaders()).toEqual([name, "Second"]);
    await context.release();
    expect(timers()).toEqual([]);
  });

  test("uses a card", async () => {
    const { client, name, connections } = await joinedWorld({ newest });
    const context = await client.establishContext();
    const card = await context.connect(name, shared);
    expect(card).toMatchObject({ reader: name, protocol: "t1", shareMode: "shared" });
    await card.beginTransaction();
    expect(encodeHex(await card.transmit(apdu, { protocol: "t1" }))).toBe("00A400009000");
    await card.endTransaction("leave");
    expect(await card.transmitCount()).toBe(1);
    expect(await card.status()).toMatchObject({ reader: name, state: "specific", protocol: "t1", eventCount: 2 });
    expect(await card.reconnect({ ...shared, preferredProtocols: ["t1"], initialization: "reset" })).toBe("t1");
    expect(encodeHex(await card.getAttribute(attributes["atr-string"].value))).toBe("3B8180018080");
    await card.control(ioctls["get-feature-request"].windows, new Uint8Array());
    await card.disconnect("leave");
    expect((await failureOf(card.transmit(apdu))).code).toBe("invalid-handle");
    await context.release();
    expect((await failureOf(context.listReaders())).code).toBe("invalid-context");
    expect(await context.isValid()).toBe(false);
    expect(connections()).toBe(0);
  });
});

describe("a context", () => {
  test("uses a card while it waits for changes, and several cards at once", async () => {
    const { client, name, addReader, runtime } = await joinedWorld();
    const second = await addReader({ name: "Second" });
    second.reader.insert(new EchoCard());
    const context = await client.establishContext();
    const waiting = context.getStatusChange([{ reader: name, flags: { present: true }, eventCount: 2 }]);
    await runtime.settle();
    const [one, two] = await Promise.all([context.connect(name, shared), context.connect("second", shared)]);
    expect(two.reader).toBe("Second");
    await one.beginTransaction();
    const answers = await Promise.all([one.transmit(apdu), two.transmit(apdu), two.status()]);
    expect(answers[0]).toEqual(answers[1]);
    expect(await stateOf(waiting)).toBe("pending");
    await context.cancel();
    expect((await failureOf(waiting)).code).toBe("cancelled");
    await one.transmit(apdu);
  });

  test("uses the wire connection of a card that was disconnected for the next one", async () => {
    const { client, name, dialled } = await joinedWorld();
    const context = await client.establishContext();
    for (let round = 0; round < 5; round++) await (await context.connect(name, shared)).disconnect("leave");
    expect(dialled()).toBe(2);
  });

  test("lets a wire connection go whose card the service has kept", async () => {
    const { client, name, reader, addReader, connections } = await joinedWorld();
    const second = await addReader({ name: "Second" });
    second.reader.insert(new EchoCard());
    const context = await client.establishContext();
    const card = await context.connect(name, { ...shared, timeoutMs: 0 });
    expect(connections()).toBe(2);
    reader.unplug();
    await card.disconnect("reset");
    await context.connect("Second", shared);
    expect(connections()).toBe(2);
  });

  test("reads a reader's device, and only its name where another program has it exclusively", async () => {
    const { client, name, runtime } = await joinedWorld();
    const context = await client.establishContext();
    expect(await context.describeReader(name)).toMatchObject({ reader: name, vendor: "scard" });
    expect((await failureOf(context.describeReader("No such reader"))).code).toBe("unknown-reader");
    const alone = await context.connect(name, { ...shared, shareMode: "exclusive" });
    expect(await context.describeReader(name)).toMatchObject({ reader: name, systemName: name, vendor: undefined });
    await alone.disconnect("leave");
    const holder = await context.connect(name, shared);
    await holder.beginTransaction();
    const waiting = context.describeReader(name);
    await runtime.advance(6000);
    expect(await waiting).toMatchObject({ reader: name });
    await holder.transmit(apdu);
  });

  test("says which states there are when the time is up, with no time as well", async () => {
    const { client, name, runtime } = await joinedWorld();
    const context = await client.establishContext();
    const queries: ReaderStateQuery[] = [{ reader: name, flags: { present: true }, eventCount: 2 }];
    const now = await failureOf(context.getStatusChange(queries, { timeoutMs: 0 }));
    expect([now.code, now.details.readerStates?.[0]?.flags]).toEqual(["timeout", { present: true }]);
    const later = failureOf(context.getStatusChange(queries, { timeoutMs: 500 }));
    await runtime.advance(499);
    expect(await stateOf(later)).toBe("pending");
    await runtime.advance(1);
    expect((await later).details.readerStates).toHaveLength(1);
    expect((await failureOf(context.getStatusChange(queries, { timeoutMs: -1 }))).code).toBe("invalid-parameter");
    expect((await failureOf(context.getStatusChange([{ reader: "No such reader" }]))).code).toBe("unknown-reader");
  });

  test("ends a wait by its signal, before it begins and at any moment after", async () => {
    const { client, name, runtime } = await joinedWorld();
    const context = await client.establishContext();
    const queries: ReaderStateQuery[] = [{ reader: name, flags: { present: true }, eventCount: 2 }];
    for (let steps = 0; steps < 12; steps++) {
      const controller = new AbortController();
      const waiting = failureOf(context.getStatusChange(queries, { signal: controller.signal }));
      for (let step = 0; step < steps; step++) await Promise.resolve();
      controller.abort("enough");
      expect(await waiting).toMatchObject({ code: "cancelled", cause: "enough" });
      await runtime.settle();
    }
    const signal = AbortSignal.abort("before");
    expect((await failureOf(context.getStatusChange(queries, { signal }))).cause).toBe("before");
  });

  test("misses nothing where a wait begins in the moment in which the last one ends", async () => {
    const { client, name, reader, card, runtime } = await joinedWorld();
    const context = await client.establishContext();
    for (let steps = 0; steps < 40; steps++) {
      const [now] = await context.getStatusChange([{ reader: name }]);
      const believed = { reader: name, flags: now?.flags ?? {}, eventCount: now?.eventCount ?? 0 };
      const controller = new AbortController();
      const first = failureOf(context.getStatusChange([believed], { signal: controller.signal }));
      await runtime.settle();
      controller.abort();
      for (let step = 0; step < steps; step++) await Promise.resolve();
      const second = context.getStatusChange([believed]);
      await runtime.settle();
      if (reader.card === undefined) reader.insert(card);
      else reader.remove();
      await runtime.settle();
      await runtime.settle();
      expect([(await first).code, await stateOf(second)]).toEqual(["cancelled", "fulfilled"]);
    }
  });

  test("that does one thing at a time is not left waiting for itself", async () => {
    const { client, name, runtime } = await joinedWorld();
    const context = await client.establishContext({ oneAtATime: true });
    const holder = await context.connect(name, shared);
    const other = await context.connect(name, shared);
    await holder.beginTransaction();
    for (const call of [
      () => other.beginTransaction(),
      () => other.transmit(apdu),
      () => context.connect(name, shared),
    ]) {
      const refused = failureOf(call());
      // The service holds a request for a second before it refuses.
      await runtime.advance(1100);
      expect((await refused).code).toBe("sharing-violation");
    }
    await holder.endTransaction("leave");
    await other.transmit(apdu);
  });
});

describe("a connection", () => {
  test("is told of a reset, a removal and an unplugged reader", async () => {
    const { client, name, reader, runtime, card: inserted } = await joinedWorld();
    const context = await client.establishContext();
    const [mine, yours] = [await context.connect(name, shared), await context.connect(name, shared)];
    await yours.reconnect({ ...shared, initialization: "reset" });
    expect((await failureOf(mine.transmit(apdu))).code).toBe("reset-card");
    expect(await mine.reconnect({ ...shared, initialization: "leave" })).toBe("t1");
    await mine.transmit(apdu);
    reader.remove();
    await runtime.settle();
    expect((await failureOf(mine.transmit(apdu))).code).toBe("removed-card");
    reader.insert(inserted);
    await runtime.settle();
    await mine.reconnect({ ...shared, initialization: "leave" });
    reader.unplug();
    await runtime.settle();
    for (const call of [mine.transmit(apdu), mine.status(), mine.beginTransaction()]) {
      expect((await failureOf(call)).code).toBe("reader-unavailable");
    }
    await mine.disconnect("reset");
  });

  test("says of arguments what is wrong with them, before the service is asked", async () => {
    const { client, name } = await joinedWorld();
    const context = await client.establishContext();
    const card = await context.connect(name, shared);
    expect((await failureOf(card.transmit(new Uint8Array(3)))).code).toBe("invalid-parameter");
    expect((await failureOf(card.transmit(apdu, { protocol: "t0" }))).code).toBe("proto-mismatch");
    expect((await failureOf(card.disconnect("burn" as never))).code).toBe("invalid-value");
    expect((await failureOf(card.setAttribute(1, new Uint8Array(265)))).code).toBe("invalid-parameter");
    expect((await failureOf(card.control(1, new Uint8Array(70_000)))).code).toBe("invalid-parameter");
    expect((await failureOf(card.endTransaction("leave"))).code).toBe("not-transacted");
    expect((await failureOf(card.getAttribute(0x7fff_ffff))).code).toBe("not-supported");
    const none = { ...shared, preferredProtocols: [] };
    expect((await failureOf(context.connect(name, none))).code).toBe("proto-mismatch");
    expect((await failureOf(context.connect("No such reader", shared))).code).toBe("unknown-reader");
    await card.transmit(apdu);
  });

  test("sends the command as it was when the call was made", async () => {
    const { client, name, card } = await joinedWorld();
    const connection = await (await client.establishContext()).connect(name, shared);
    const command = apdu.slice();
    const first = connection.transmit(command);
    const second = connection.transmit(command);
    command.fill(0xff);
    await Promise.all([first, second]);
    expect(card.commands.slice(-2)).toEqual([apdu, apdu]);
  });
});
