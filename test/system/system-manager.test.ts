// SPDX-License-Identifier: MIT

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SystemManager } from "../../src/platform/node/system/index.ts";
import { type Connection, type Context, PNP_NOTIFICATION, type ReaderStateReport } from "../../src/port/index.ts";
import { apdu, EchoCard, failureOf } from "../manager/world.ts";
import { clientLibrary } from "../peers/compile.ts";
import { describePeer } from "../peers/peers.ts";
import { FORBIDDEN, type ServedWorld, servedWorld } from "./served-world.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
const direct = { shareMode: "direct", preferredProtocols: [] } as const;

describePeer(clientLibrary, () => {
  let world: ServedWorld;
  let system: SystemManager;
  let context: Context;

  beforeAll(async () => {
    world = await servedWorld();
    system = world.system;
  });

  beforeEach(async () => {
    context = await system.establishContext();
    return async () => {
      if (await context.isValid()) await context.release();
    };
  });

  afterAll(() => world.end());

  const connect = (options = {}): Promise<Connection> => context.connect(world.name, { ...shared, ...options });

  /** What the context is told of a reader now. */
  async function now(reader = world.name): Promise<ReaderStateReport> {
    const [report] = await context.getStatusChange([{ reader }]);
    if (report === undefined) throw new Error("no report");
    return report;
  }

  describe("a context", () => {
    test("lists readers and groups, and compares names without regard to case", async () => {
      expect(await context.listReaders()).toEqual([world.name]);
      expect(await context.listReaders(["scard$allreaders"])).toEqual([world.name]);
      expect(await context.listReaders(["Others"])).toEqual([]);
      expect(await context.listReaderGroups()).toEqual(["SCard$DefaultReaders"]);
      const connection = await context.connect(world.name.toUpperCase(), shared);
      expect(connection.reader).toBe(world.name);
      expect((await now(world.name.toLowerCase())).flags.present).toBe(true);
      expect(await context.describeReader(world.name)).toMatchObject({ reader: world.name });
    });

    test("is of no use when it was released, nor are its connections", async () => {
      const connection = await connect();
      expect(await context.isValid()).toBe(true);
      const waiting = failureOf(context.getStatusChange([{ reader: world.name, flags: { present: true } }]));
      await context.release();
      expect((await waiting).code).toBe("cancelled");
      expect(await context.isValid()).toBe(false);
      expect((await failureOf(context.listReaders())).code).toBe("invalid-context");
      expect((await failureOf(context.release())).code).toBe("invalid-context");
      expect((await failureOf(connection.transmit(apdu))).code).toBe("invalid-context");
      expect((await failureOf(connection.disconnect("leave"))).code).toBe("invalid-context");
    });

    test("leaves nothing in the service when it is disposed of", async () => {
      await context.release();
      await expect.poll(() => world.sessions()).toBe(0);
      {
        await using mine = await system.establishContext();
        await using connection = await mine.connect(world.name, shared);
        await connection.beginTransaction();
        await mine.getStatusChange([{ reader: world.name }]);
        const waiting = failureOf(mine.getStatusChange([{ reader: PNP_NOTIFICATION }], { timeoutMs: 50 }));
        expect((await waiting).code).toBe("timeout");
        expect(world.sessions()).toBe(3);
      }
      await expect.poll(() => world.sessions()).toBe(0);
      const { clients, readers } = await world.inspect();
      expect(clients).toEqual([]);
      expect(readers[0]).toMatchObject({ connections: [], lock: undefined, queue: [] });
    });

    test("keeps one context of the library for the next connect", async () => {
      for (let count = 0; count < 5; count++) await (await connect()).disconnect("leave");
      expect(world.sessions()).toBe(2);
      const two = await Promise.all([connect(), connect()]);
      for (const connection of two) await connection.disconnect("leave");
      await expect.poll(() => world.sessions()).toBe(2);
    });
  });

  describe("connecting", () => {
    test("is refused as the service refuses it", async () => {
      const connection = await connect();
      expect((await failureOf(connect({ shareMode: "exclusive" }))).code).toBe("sharing-violation");
      expect(
        (await failureOf(connection.reconnect({ ...shared, shareMode: "direct", initialization: "eject" as "reset" })))
          .code,
      ).toBe("invalid-value");
      await connection.disconnect("leave");
      const alone = await connect({ shareMode: "exclusive" });
      expect((await failureOf(connect())).code).toBe("sharing-violation");
      expect((await failureOf(connect(direct))).code).toBe("sharing-violation");
      await alone.disconnect("leave");
      expect((await failureOf(context.connect("Nowhere", shared))).code).toBe("unknown-reader");
      expect((await failureOf(context.connect("N".repeat(200), shared))).code).toBe("unknown-reader");
      expect((await failureOf(connect({ preferredProtocols: ["raw"] }))).code).toBe("proto-mismatch");
      expect((await failureOf(connect({ preferredProtocols: [] }))).code).toBe("proto-mismatch");
      expect((await failureOf(connect({ shareMode: "together" }))).code).toBe("invalid-value");
      expect((await failureOf(connect({ timeoutMs: -1 }))).code).toBe("invalid-parameter");
    });

    test("to a reader that is not ours to use says so, and leaves the rest as it is", async () => {
      const { name } = await world.addReader(FORBIDDEN, new EchoCard());
      const refused = await failureOf(context.connect(name, shared));
      expect(refused).toMatchObject({ code: "security-violation", message: expect.stringContaining("access_card") });
      expect(await (await connect()).transmit(apdu)).toHaveLength(6);
      await world.manager.removeReader(name);
    });

    test("to the reader alone needs no card; to the card does", async () => {
      world.reader.remove();
      await context.getStatusChange([{ reader: world.name, flags: { present: true } }]);
      expect((await failureOf(connect())).code).toBe("no-smartcard");
      const connection = await connect(direct);
      expect(connection).toMatchObject({ shareMode: "direct", protocol: undefined });
      expect((await failureOf(connection.transmit(apdu))).code).toBe("proto-mismatch");
      expect(await connection.status()).toMatchObject({ state: "absent", protocol: undefined });
      await connection.disconnect("leave");
      world.reader.insert(world.card);
      await context.getStatusChange([{ reader: world.name, flags: { empty: true } }]);
    });
  });

  describe("a connection", () => {
    test("exchanges commands, short and extended", async () => {
      const connection = await connect();
      const before = await connection.transmitCount();
      expect(await connection.transmit(apdu)).toEqual(Uint8Array.of(...apdu, 0x90, 0x00));
      const long = new Uint8Array(4 + 3 + 65_535 - 7 - 2).fill(0x5a);
      long.set([0x00, 0xd6, 0x00, 0x00, 0x00, 0xff, 0xf6]);
      const answer = await connection.transmit(long);
      expect(answer).toEqual(Uint8Array.of(...long, 0x90, 0x00));
      expect(await connection.transmitCount()).toBe(before + 2);
      expect((await failureOf(connection.transmit(new Uint8Array(3)))).code).toBe("invalid-parameter");
      expect((await failureOf(connection.transmit(apdu, { protocol: "t0" }))).code).toBe("proto-mismatch");
      expect(await connection.transmitCount()).toBe(before + 2);
    });

    test("sends the original command, even if the caller changes its bytes", async () => {
      const connection = await connect();
      const command = apdu.slice();
      const answer = connection.transmit(command);
      command.fill(0xff);
      expect(await answer).toEqual(Uint8Array.of(...apdu, 0x90, 0x00));
    });

    test("tells its state, and the attributes and answers of the reader", async () => {
      const connection = await connect();
      const { eventCount } = await now();
      expect(await connection.status()).toEqual({
        reader: world.name,
        state: "specific",
        protocol: "t1",
        atr: (await now()).atr,
        eventCount,
      });
      const features = await connection.control(0x00310000 + 4 * 3400, new Uint8Array());
      expect(features).toEqual(await connection.control(0x42000000 + 3400, new Uint8Array()));
      expect(await connection.getAttribute(0x00090303)).toEqual((await now()).atr);
      expect((await failureOf(connection.getAttribute(0x00070001))).code).toBe("not-supported");
      expect((await failureOf(connection.setAttribute(0x00070001, apdu))).code).toBe("not-supported");
      expect((await failureOf(connection.control(0x42000000 + 7, apdu))).code).toBe("unsupported-feature");
    });

    test("is told that the card was reset, and goes on after a reconnect", async () => {
      const [one, two] = [await connect(), await connect()];
      await two.reconnect({ ...shared, initialization: "reset" });
      expect((await failureOf(one.transmit(apdu))).code).toBe("reset-card");
      expect((await failureOf(one.beginTransaction())).code).toBe("reset-card");
      expect((await failureOf(one.status())).code).toBe("reset-card");
      expect(await one.reconnect({ ...shared, initialization: "leave" })).toBe("t1");
      expect(await one.transmit(apdu)).toHaveLength(6);
    });

    test("is told that the card was removed", async () => {
      const connection = await connect();
      const waiting = context.getStatusChange([{ reader: world.name, flags: { present: true } }]);
      world.reader.remove();
      expect((await waiting)[0]?.flags).toMatchObject({ empty: true, changed: true });
      expect((await failureOf(connection.transmit(apdu))).code).toBe("removed-card");
      world.reader.insert(world.card);
      await context.getStatusChange([{ reader: world.name, flags: { empty: true } }]);
      expect((await failureOf(connection.transmit(apdu))).code).toBe("removed-card");
      await connection.reconnect({ ...shared, initialization: "leave" });
      expect(await connection.transmit(apdu)).toHaveLength(6);
    });

    test("is told that the reader is gone, and can be disconnected all the same", async () => {
      const { name } = await world.addReader("Passing", new EchoCard());
      const connection = await context.connect(name, shared);
      const waiting = context.getStatusChange([
        { reader: name, flags: { present: true } },
        { reader: PNP_NOTIFICATION },
      ]);
      await expect.poll(() => world.waiting()).toBe(1);
      await world.manager.removeReader(name);
      const [state] = await waiting;
      expect(state?.flags).toEqual({ unknown: true, unavailable: true, changed: true });
      expect((await failureOf(connection.transmit(apdu))).code).toBe("reader-unavailable");
      await connection.disconnect("reset");
      expect((await failureOf(context.connect(name, shared))).code).toBe("unknown-reader");
    });

    test("is over when it was disconnected", async () => {
      const connection = await connect();
      expect((await failureOf(connection.disconnect("burn" as "leave"))).code).toBe("invalid-value");
      await connection.disconnect("reset");
      for (const call of [
        connection.disconnect("leave"),
        connection.transmit(apdu),
        connection.status(),
        connection.beginTransaction(),
        connection.endTransaction("leave"),
        connection.transmitCount(),
        connection.reconnect({ ...shared, initialization: "leave" }),
      ]) {
        expect((await failureOf(call)).code).toBe("invalid-handle");
      }
    });
  });

  describe("a transaction", () => {
    test("nests, and is to be begun before it is ended", async () => {
      const connection = await connect();
      expect((await failureOf(connection.endTransaction("leave"))).code).toBe("not-transacted");
      await connection.beginTransaction();
      await connection.beginTransaction();
      await connection.endTransaction("leave");
      expect((await world.inspect()).readers[0]?.lock?.depth).toBe(1);
      await connection.endTransaction("leave");
      expect((await world.inspect()).readers[0]?.lock).toBeUndefined();
    });

    test("goes round in the order of the calls", async () => {
      const connections = [await connect(), await connect(), await connect(), await connect()];
      const order: number[] = [];
      await connections[0]?.beginTransaction();
      const turns = connections.slice(1).map(async (connection, index) => {
        await connection.beginTransaction();
        order.push(index);
        await connection.transmit(apdu);
        await connection.endTransaction("leave");
      });
      await connections[0]?.transmit(apdu);
      expect(order).toEqual([]);
      await connections[0]?.endTransaction("leave");
      await Promise.all(turns);
      expect(order).toEqual([0, 1, 2]);
    });

    test("of another program is waited for, in time", async () => {
      const other = await world.other();
      const connection = await connect();
      await other.beginTransaction();
      const waits = { timeoutMs: 30 };
      for (const call of [
        () => connection.beginTransaction(waits),
        () => connection.transmit(apdu, { ...waits, protocol: "t1" }),
        () => connection.status(waits),
        () => connection.control(0x42000000 + 3400, apdu, waits),
        () => connection.getAttribute(0x00090303, waits),
        () => connection.reconnect({ ...shared, initialization: "leave", ...waits }),
        () => connect(waits),
      ]) {
        expect((await failureOf(call())).code).toBe("timeout");
      }
      const controller = new AbortController();
      const aborted = failureOf(connection.beginTransaction({ signal: controller.signal }));
      controller.abort(new Error("no longer"));
      expect(await aborted).toMatchObject({ code: "cancelled", cause: new Error("no longer") });
      const cancelled = failureOf(connection.beginTransaction());
      const sent = connection.transmit(apdu);
      await context.cancel();
      expect((await cancelled).code).toBe("cancelled");
      expect((await failureOf(sent)).code).toBe("cancelled");
      const begun = connection.beginTransaction();
      await other.endTransaction("leave");
      await begun;
      await connection.endTransaction("leave");
    });

    test("that is granted after its caller has stopped waiting is released", async () => {
      const [first, second] = [await world.other(), await world.other()];
      const connection = await connect();
      await first.beginTransaction();
      // The library's status has its place before the second, and its begin, which comes when that is answered, behind.
      const controller = new AbortController();
      const given = failureOf(connection.beginTransaction({ signal: controller.signal }));
      await expect.poll(async () => (await world.inspect()).readers[0]?.queue.length).toBe(1);
      const secondBegins = second.beginTransaction();
      await first.endTransaction("leave");
      await secondBegins;
      controller.abort();
      expect((await given).code).toBe("cancelled");
      await second.endTransaction("leave");
      await first.beginTransaction();
      await first.endTransaction("leave");
      await expect.poll(async () => (await world.inspect()).readers[0]?.lock).toBeUndefined();
      expect(await connection.transmit(apdu)).toHaveLength(6);
    });

    test("is given back with its connection", async () => {
      const [one, two] = [await connect(), await connect()];
      await one.beginTransaction();
      const begun = two.beginTransaction();
      await one.disconnect("leave");
      await begun;
      await two.endTransaction("leave");
    });

    test("of the same context is no reason to wait for where only one thing is done at a time", async () => {
      const single = await system.establishContext({ oneAtATime: true });
      const [one, two] = [await single.connect(world.name, shared), await single.connect(world.name, shared)];
      await one.beginTransaction();
      expect((await failureOf(two.beginTransaction())).code).toBe("sharing-violation");
      expect((await failureOf(single.connect(world.name, shared))).code).toBe("sharing-violation");
      await single.release();
    });
  });

  describe("a wait for changes", () => {
    test("answers at once for unknown and ignored readers", async () => {
      expect(await context.getStatusChange([])).toEqual([]);
      expect(await context.getStatusChange([{ reader: world.name, flags: { ignore: true } }])).toEqual([
        { reader: world.name, flags: { ignore: true }, eventCount: 0, atr: new Uint8Array() },
      ]);
      expect((await now()).flags).toMatchObject({ present: true, changed: true });
      expect((await failureOf(context.getStatusChange([{ reader: "Nowhere" }]))).code).toBe("unknown-reader");
    });

    test("ends in time with the current states, at once without a time", async () => {
      const { eventCount, flags } = await now();
      for (const timeoutMs of [0, 40]) {
        const believed = { reader: world.name, flags, eventCount };
        const error = await failureOf(context.getStatusChange([believed], { timeoutMs }));
        expect(error.code).toBe("timeout");
        expect(error.details.readerStates).toMatchObject([
          { reader: world.name, flags: { present: true }, eventCount },
        ]);
      }
    });

    test("ends with its signal, and with a cancel of its context alone", async () => {
      const controller = new AbortController();
      const others = await system.establishContext();
      const believed = { reader: world.name, flags: { present: true } } as const;
      const aborted = failureOf(context.getStatusChange([believed], { signal: controller.signal }));
      const mine = failureOf(context.getStatusChange([believed]));
      const theirs = others.getStatusChange([believed]);
      controller.abort();
      expect((await aborted).code).toBe("cancelled");
      await context.cancel();
      expect((await mine).code).toBe("cancelled");
      world.reader.remove();
      expect((await theirs)[0]?.flags.empty).toBe(true);
      world.reader.insert(world.card);
      await others.getStatusChange([{ reader: world.name, flags: { empty: true } }]);
      await others.release();
    });

    test("tells of readers that come and go, whenever they do", async () => {
      const pnp = { reader: PNP_NOTIFICATION };
      const [, first] = await context.getStatusChange([{ reader: world.name }, pnp]);
      let eventCount = first?.eventCount ?? 0;
      for (let round = 0; round < 5; round++) {
        const waiting = context.getStatusChange([{ ...pnp, eventCount }]);
        // Before the library waits, while it begins to, and when it has begun.
        if (round % 2) await new Promise((resolve) => setImmediate(resolve));
        const { name } = await world.addReader(`Guest ${round}`);
        const [come] = await waiting;
        expect(come?.flags).toEqual({ changed: true });
        expect(await context.listReaders()).toContain(name);
        const leaving = context.getStatusChange([{ ...pnp, eventCount: come?.eventCount ?? 0 }]);
        await world.manager.removeReader(name);
        const [gone] = await leaving;
        eventCount = gone?.eventCount ?? 0;
        expect(await context.listReaders()).not.toContain(name);
      }
    });

    test("misses no change between two calls", async () => {
      let { eventCount, flags } = await now();
      for (let round = 0; round < 10; round++) {
        if (flags.present) world.reader.remove();
        else world.reader.insert(world.card);
        const [report] = await context.getStatusChange([{ reader: world.name, flags, eventCount }]);
        expect(report?.flags.present).toBe(flags.present ? undefined : true);
        expect(report?.eventCount).toBe((eventCount + 1) % 65_536);
        ({ eventCount, flags } = report ?? { eventCount: 0, flags: {} });
      }
    });

    test("costs one call of the library, however many there are, and holds up no exchange", async () => {
      const contexts = await Promise.all(Array.from({ length: 10 }, () => system.establishContext()));
      const believed = { reader: world.name, flags: { present: true } } as const;
      const waits = contexts.flatMap((each) => Array.from({ length: 5 }, () => each.getStatusChange([believed])));
      const connection = await connect();
      for (let count = 0; count < 20; count++) expect(await connection.transmit(apdu)).toHaveLength(6);
      expect(world.waiting()).toBe(1);
      // Each context, the connection, and the one that waits.
      expect(world.sessions()).toBe(10 + 1 + 1 + 1);
      await connection.disconnect("leave");
      world.reader.remove();
      for (const [report] of await Promise.all(waits)) expect(report?.flags.empty).toBe(true);
      world.reader.insert(world.card);
      await Promise.all(contexts.map((each) => each.release()));
      await context.getStatusChange([{ reader: world.name, flags: { empty: true } }]);
    });
  });

  test("many calls that wait for other programs leave a thread to the running ones", async () => {
    const guests = await Promise.all(["A", "B", "C", "D", "E"].map((name) => world.addReader(name, new EchoCard())));
    const program = await world.manager.client({ name: "other program" }).establishContext();
    const holders = await Promise.all(
      guests.map(async ({ name }) => {
        const holder = await program.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
        await holder.beginTransaction();
        return holder;
      }),
    );
    const connection = await connect();
    await connection.beginTransaction();
    const watching = failureOf(context.getStatusChange([{ reader: world.name, flags: { present: true } }]));
    // More connects that the service does not answer than there are threads.
    const waiting = guests.map(({ name }) => context.connect(name, shared));
    for (let count = 0; count < 10; count++) expect(await connection.transmit(apdu)).toHaveLength(6);
    expect(await context.listReaders()).toHaveLength(6);
    await connection.endTransaction("leave");
    await Promise.all(holders.map((holder) => holder.endTransaction("leave")));
    for (const connected of await Promise.all(waiting)) await connected.disconnect("leave");
    await context.cancel();
    expect((await watching).code).toBe("cancelled");
    await program.release();
    await Promise.all(guests.map(({ name }) => world.manager.removeReader(name)));
  });

  test("the service going away ends everything, and a new context is good when it is back", async () => {
    const connection = await connect();
    await connection.beginTransaction();
    const waiting = failureOf(context.getStatusChange([{ reader: world.name, flags: { present: true } }]));
    await world.kill();
    expect((await waiting).code).toBe("service-stopped");
    expect((await failureOf(connection.transmit(apdu))).code).toBe("service-stopped");
    expect((await failureOf(context.listReaders())).code).toBe("service-stopped");
    expect(await context.isValid()).toBe(false);
    expect((await failureOf(system.establishContext())).code).toBe("no-service");
    await world.start();
    expect((await failureOf(context.listReaders())).code).toBe("service-stopped");
    context = await system.establishContext();
    expect(await (await connect()).transmit(apdu)).toHaveLength(6);
  });
});
