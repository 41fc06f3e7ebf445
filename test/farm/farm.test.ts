// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import type { FarmManagerOptions } from "../../src/managers/farm/index.ts";
import { type Connection, type Context, PNP_NOTIFICATION, type ResourceManager } from "../../src/port/index.ts";
import { stateOf } from "../manager/world.ts";
import { clientKeys, type FarmWorld, farmWorld, HOST, keysOf, times } from "./farm-world.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
const apdu = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x05, 0xca, 0xfe, 0xca, 0xfe, 0x01);

/** Lets simulated time pass until something has settled. */
async function played<T>(world: FarmWorld, work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  work.then(over, over);
  while (!isOver) await world.runtime.advance(5);
  return work;
}

async function contextOf(world: FarmWorld, manager: ResourceManager): Promise<Context> {
  const context = await played(world, manager.establishContext());
  await played(world, context.listReaders());
  return context;
}

async function connected(world: FarmWorld, name = "alice"): Promise<{ context: Context; card: Connection }> {
  const context = await contextOf(world, world.client(name));
  return { context, card: await played(world, context.connect(world.farmName, shared)) };
}

const codeOf = (world: FarmWorld, work: Promise<unknown>): Promise<unknown> =>
  played(
    world,
    work.then(
      () => "ok",
      (error: { code?: string }) => error.code,
    ),
  );

describe("a client and a host of a farm", () => {
  test("exchange commands, and the broker sees none of their bytes", async () => {
    const world = await farmWorld();
    const { card } = await connected(world);
    expect(card.reader).toBe("desk/Reader");
    expect(await played(world, card.transmit(apdu))).toEqual(Uint8Array.of(...apdu, 0x90, 0x00));
    expect((await played(world, card.status())).reader).toBe("desk/Reader");
    const seen = world.broker.seen.map(({ data }) => encodeHex(data)).join(" ");
    expect(seen).not.toContain("CAFECAFE");
    expect(seen).not.toContain(encodeHex(new TextEncoder().encode("program")));
    expect(seen).not.toContain(encodeHex(new TextEncoder().encode("Reader")));
    expect(encodeHex(world.card.commands[0] ?? new Uint8Array())).toContain("CAFECAFE");
  });

  test("wait for each other in the order in which they came, and see who holds the card", async () => {
    const world = await farmWorld();
    const [first, second, third] = [await connected(world), await connected(world, "bob"), await connected(world)];
    await played(world, first.card.beginTransaction());
    const order: string[] = [];
    const waits = [
      second.card.beginTransaction().then(() => order.push("second")),
      world.runtime.advance(50).then(() => third.card.beginTransaction().then(() => order.push("third"))),
    ];
    await world.runtime.advance(3000);
    expect(order).toEqual([]);
    expect(world.manager.holderOf("Reader")).toMatchObject({ client: "program@alice", pid: 7, transaction: true });
    await played(world, first.card.endTransaction());
    await played(world, waits[0] as Promise<unknown>);
    await world.runtime.advance(3000);
    expect(order).toEqual(["second"]);
    await played(world, second.card.endTransaction());
    await played(world, Promise.all(waits));
    expect(order).toEqual(["second", "third"]);
  });

  test("carry commands and responses of all lengths", async () => {
    const world = await farmWorld();
    const { card } = await connected(world);
    for (const length of [5, 261, 4096, 65_000]) {
      const command = new Uint8Array(length).fill(7);
      expect((await played(world, card.transmit(command))).length).toBe(length + 2);
    }
  });

  test("tell of readers and cards that come and go, without asking again and again", async () => {
    const world = await farmWorld({ empty: true });
    const context = await contextOf(world, world.client("alice"));
    const wait = context.getStatusChange([{ reader: world.farmName, flags: { empty: true } }]);
    await world.runtime.advance(1000);
    const quiet = world.broker.seen.length;
    await world.runtime.advance(600);
    // At most one beat of each side in each session.
    expect(world.broker.seen.length - quiet).toBeLessThan(10);
    world.reader.insert(world.card);
    expect((await played(world, wait))[0]?.flags).toMatchObject({ present: true, changed: true });
    const arrival = context.getStatusChange([{ reader: PNP_NOTIFICATION }]);
    await world.runtime.advance(100);
    await world.addReader({ name: "Second" });
    expect((await played(world, arrival))[0]?.flags).toEqual({ changed: true });
    expect(await played(world, context.listReaders())).toEqual(["desk/Reader", "desk/Second"]);
  });

  test("end: all that the client had is given back, and its card is reset", async () => {
    const world = await farmWorld();
    const { card, context } = await connected(world);
    await played(world, card.beginTransaction());
    const resets = world.card.resets.length;
    await played(world, context.release());
    await world.runtime.advance(100);
    expect(world.manager.holderOf("Reader")).toBeUndefined();
    expect(world.card.resets.length).toBe(resets + 1);
    expect(world.agent.sessions).toBe(0);
  });
});

describe("a network that fails", () => {
  test("a client that vanishes loses its lock after the silence, and its card is reset", async () => {
    const world = await farmWorld();
    const { card } = await connected(world);
    const next = await connected(world, "bob");
    await played(world, card.beginTransaction());
    const waits = next.card.beginTransaction();
    const resets = world.card.resets.length;
    world.broker.cut("alice");
    await world.runtime.advance(times.silenceMs - 500);
    expect(await stateOf(waits)).toBe("pending");
    await world.runtime.advance(1000);
    expect(world.card.resets.length).toBe(resets + 1);
    // Who waited is told of the reset, as on one machine.
    expect(await codeOf(world, waits)).toBe("reset-card");
    expect(await codeOf(world, card.transmit(apdu))).toBe("service-stopped");
  });

  test("a host that vanishes takes its readers with it, ends waits and handles, and comes again", async () => {
    const world = await farmWorld();
    const { card, context } = await connected(world);
    const wait = context.getStatusChange([{ reader: world.farmName, flags: { present: true } }]);
    await world.runtime.advance(100);
    world.broker.cut(HOST);
    expect((await played(world, wait))[0]?.flags).toMatchObject({ unknown: true, changed: true });
    expect(await codeOf(world, card.transmit(apdu))).toBe("service-stopped");
    expect(await played(world, context.listReaders())).toEqual([]);
    expect(await codeOf(world, context.connect(world.farmName, shared))).toBe("reader-unavailable");
    world.broker.mend(HOST);
    await world.runtime.advance(10_000);
    expect(await played(world, context.listReaders())).toEqual([world.farmName]);
    const again = await played(world, context.connect(world.farmName, shared));
    expect(await codeOf(world, again.transmit(apdu))).toBe("ok");
  });

  test.each(["in", "out"])(
    "a message that is lost on the way %s ends the session, and no command is sent twice",
    async (way) => {
      const world = await farmWorld();
      const { card } = await connected(world);
      await played(world, card.transmit(apdu));
      let lost = 0;
      world.broker.meddle = (subject, data) => {
        // The next long one: a command or its answer, and not a beat.
        const isIt = lost === 0 && subject.startsWith(`scard.test.${way}.`) && data.length > 40;
        if (isIt) lost++;
        return isIt ? [] : [data];
      };
      expect(await codeOf(world, card.transmit(Uint8Array.of(0, 0x20, 0, 0x81)))).toBe("service-stopped");
      expect(lost).toBe(1);
      const verifies = world.card.commands.filter(([, instruction]) => instruction === 0x20).length;
      expect(verifies).toBe(way === "in" ? 0 : 1);
    },
  );

  test("a host that stops tells its clients at once", async () => {
    const world = await farmWorld();
    const { card, context } = await connected(world);
    await played(world, world.agent.close());
    expect(await codeOf(world, card.transmit(apdu))).toBe("service-stopped");
    expect(await played(world, context.listReaders())).toEqual([]);
    expect(await codeOf(world, (await contextOf(world, world.client("bob"))).connect(world.farmName, shared))).toBe(
      "reader-unavailable",
    );
  });
});

describe("a broker that meddles", () => {
  test("messages that are repeated, changed or invented are passed over, and the session goes on", async () => {
    const world = await farmWorld();
    const { card } = await connected(world);
    world.broker.meddle = (subject, data) => {
      if (!/^scard\.test\.(in|out)\./.test(subject)) return [data];
      const changed = data.slice();
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
      const later = data.slice();
      later[7] = 0xff;
      return [changed, later, new Uint8Array(5), new Uint8Array(100_000), data, data, changed];
    };
    const before = world.card.commands.length;
    for (let count = 0; count < 5; count++) expect(await codeOf(world, card.transmit(apdu))).toBe("ok");
    expect(world.card.commands.length - before).toBe(5);
  });

  test("a first message that is sent again opens nothing that can be used", async () => {
    const world = await farmWorld();
    await connected(world);
    const hello = world.broker.seen.find(({ subject }) => subject.includes(".hello."));
    const sessions = world.agent.sessions;
    const eve = world.broker.bus("eve");
    if (hello === undefined) throw new Error("no hello");
    const again = eve.request(hello.subject, hello.data, 500);
    expect((await played(world, again)).kind).toBe("late");
    const other = hello.data.slice();
    other[1] = (other[1] ?? 0) ^ 1;
    const answer = await played(world, eve.request(hello.subject, other, 500));
    expect(answer).toEqual({ kind: "answer", data: Uint8Array.of(1, 1) });
    expect(world.agent.sessions).toBe(sessions);
  });

  test.each([
    ["nothing", new Uint8Array(0), 0],
    ["another version", Uint8Array.of(9, 1, 2, 3), 0],
    ["too little", Uint8Array.of(1, 2), 1],
    ["too much", new Uint8Array(100_000).fill(1), 1],
    ["noise", new Uint8Array(200).fill(1), 1],
  ])("%s in place of a first message is refused", async (_, data, why) => {
    const world = await farmWorld();
    const answer = await played(world, world.broker.bus("eve").request("scard.test.hello.desk.alice", data, 500));
    expect(answer).toEqual({ kind: "answer", data: Uint8Array.of(1, why) });
    expect(world.agent.sessions).toBe(0);
  });
});

describe("who may use what", () => {
  async function away(options: Partial<FarmManagerOptions>, name = "alice"): Promise<string> {
    const world = await farmWorld();
    const context = await contextOf(world, world.client(name, options));
    expect(await played(world, context.listReaders())).toEqual([]);
    const error = await played(
      world,
      context.connect(world.farmName, shared).then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    );
    expect(world.agent.sessions).toBe(0);
    return String(error);
  }

  test("a client that the host does not know sees no reader", async () => {
    expect(await away({}, "eve")).toContain('it does not know the client "eve" with this key');
  });

  test("a client with another key sees no reader", async () => {
    expect(await away({ keys: clientKeys.eve as never })).toContain('it does not know the client "alice"');
  });

  test("a host with another key is not believed", async () => {
    const hosts = [{ name: HOST, publicKey: keysOf(9).publicKey }];
    // The host cannot read what is meant for another one.
    expect(await away({ hosts })).toContain("it does not know the client");
  });

  test("a client of another farm does not reach the host", async () => {
    expect(await away({ farm: "other" })).toContain("no program listens there");
  });

  test("readers that a client may not use are not there: they are not listed, and wake no wait", async () => {
    const world = await farmWorld();
    world.grants[0] = { ...(world.grants[0] as (typeof world.grants)[0]), readers: ["second*"] };
    const context = await contextOf(world, world.client("alice"));
    expect(await played(world, context.listReaders())).toEqual([]);
    const wait = context.getStatusChange([{ reader: PNP_NOTIFICATION }]);
    await world.runtime.advance(100);
    world.reader.remove();
    await world.addReader({ name: "Third" });
    await world.runtime.advance(1000);
    expect(await stateOf(wait)).toBe("pending");
    // As a name that no reader has.
    const refusals = [world.farmName, "desk/Nothing"].map((name) => codeOf(world, context.connect(name, shared)));
    expect(new Set(await played(world, Promise.all(refusals))).size).toBe(1);
    await world.addReader({ name: "Second" });
    await played(world, wait);
    expect(await played(world, context.listReaders())).toEqual(["desk/Second"]);
  });

  test("a right that is taken away ends the sessions of the client, and of no other", async () => {
    const world = await farmWorld();
    const [alice, bob] = [await connected(world), await connected(world, "bob")];
    world.grants.shift();
    world.agent.review();
    expect(await codeOf(world, alice.card.transmit(apdu))).toBe("service-stopped");
    expect(await codeOf(world, bob.card.transmit(apdu))).toBe("ok");
  });

  test.each([
    ["farm", { farm: "a.b" }],
    ["client", { client: "*" }],
    ["host", { hosts: [{ name: "Desk", publicKey: keysOf(1).publicKey }] }],
    ["host", { hosts: [{ name: "desk", publicKey: new Uint8Array(31) }] }],
  ])("a wrong name or key of the %s is refused", async (_, options) => {
    const world = await farmWorld();
    expect(() => world.client("alice", options)).toThrow(expect.objectContaining({ code: "invalid-parameter" }));
  });
});
