// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { PcscliteServer } from "../../src/faces/pcsclite-server/index.ts";
import type { ConnectOptions } from "../../src/port/index.ts";
import type { ProtocolVersion } from "../../src/wire/pcsclite/index.ts";
import { EXTENSION_VERSION } from "../../src/wire/pcsclite/index.ts";
import { apdu, failureOf, world } from "../manager/world.ts";
import { u32, WireClient } from "../pcsclite/wire-client.ts";
import { joinedWorld } from "./in-memory.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
const exclusive = { ...shared, shareMode: "exclusive" } as const;
const mail = { name: "mail", pid: 7, uid: 1000 };

/** A world in which another program is connected already. */
async function occupied(how: ConnectOptions, options: Parameters<typeof joinedWorld>[0] = {}) {
  const joined = await joinedWorld(options);
  const other = await (await joined.manager.client(mail).establishContext()).connect(joined.name, how);
  await joined.runtime.advance(4200);
  return { ...joined, other, context: await joined.client.establishContext() };
}

describe("a refusal over our own daemon", () => {
  const versions: readonly ProtocolVersion[] = ["4:4", "4:5", "4:6"];

  test.each(versions)("says who holds the reader (%s)", async (newest) => {
    const { context, name } = await occupied(exclusive, { newest });
    for (const how of [shared, exclusive]) {
      const failure = await failureOf(context.connect(name.toUpperCase(), how));
      expect(failure.code).toBe("sharing-violation");
      const { heldMs, ...holder } = failure.details.holder ?? { heldMs: 0 };
      expect(holder).toEqual({ client: "mail", pid: 7, shareMode: "exclusive", transaction: false });
      expect(heldMs).toBeGreaterThanOrEqual(4200);
      expect(failure.message).toContain("mail (pid 7) is connected in exclusive mode since 4.2 s");
    }
    await context.release();
  });

  test("says who shares a reader that was asked for exclusively, at a connect and at a reconnect", async () => {
    const { context, name, other } = await occupied(shared);
    const holder = expect.objectContaining({ client: "mail", shareMode: "shared", transaction: false });
    expect((await failureOf(context.connect(name, exclusive))).details.holder).toEqual(holder);
    const connection = await context.connect(name, shared);
    const refused = await failureOf(connection.reconnect({ ...exclusive, initialization: "leave" }));
    expect(refused).toMatchObject({ code: "sharing-violation", details: { holder } });
    await other.disconnect("leave");
    expect(await connection.reconnect({ ...exclusive, initialization: "leave" })).toBe("t1");
  });

  test("cuts a name that has no room, between characters", async () => {
    const { client, manager, name } = await joinedWorld();
    const long = { name: `${"ä".repeat(200)}\u0000hidden`, pid: 8 };
    await (await manager.client(long).establishContext()).connect(name, exclusive);
    const failure = await failureOf((await client.establishContext()).connect(name, shared));
    expect(failure.details.holder).toMatchObject({ client: "ä".repeat(127), pid: 8 });
  });

  test("leaves out the pid where the daemon does not know it", async () => {
    const { client, manager, name } = await joinedWorld();
    await (await manager.client({ name: "unknown" }).establishContext()).connect(name, exclusive);
    const failure = await failureOf((await client.establishContext()).connect(name, shared));
    expect(Object.keys(failure.details.holder ?? {}).sort()).toEqual(["client", "heldMs", "shareMode", "transaction"]);
  });
});

describe("a wait over our own daemon that is given up", () => {
  test.each([1, 40, 300, 5000])("says who holds the card: %i ms", async (timeoutMs) => {
    const { context, name, other, runtime, timers } = await occupied(shared);
    const connection = await context.connect(name, shared);
    await other.beginTransaction();
    const waits = [
      failureOf(connection.beginTransaction({ timeoutMs })),
      failureOf(connection.transmit(apdu, { timeoutMs })),
      failureOf(context.connect(name, { ...shared, timeoutMs })),
    ];
    // The service is given 50 ms for its answer to a connect.
    await runtime.advance(Math.max(timeoutMs, 50));
    for (const failure of await Promise.all(waits)) {
      expect(failure).toMatchObject({
        code: "timeout",
        details: { reader: name, holder: { client: "mail", pid: 7, shareMode: "shared", transaction: true } },
      });
      expect(failure.message).toContain("mail (pid 7) is in a transaction since");
      expect(failure.details.holder?.heldMs).toBeGreaterThanOrEqual(timeoutMs - 1);
    }
    await other.endTransaction("leave");
    await context.release();
    expect(timers()).toEqual([]);
  });

  test("names no holder where there is none, and over pcscd", async () => {
    const { context, name, other, runtime } = await occupied(shared, { stock: true });
    const connection = await context.connect(name, shared);
    await other.beginTransaction();
    const wait = failureOf(connection.beginTransaction({ timeoutMs: 300 }));
    await runtime.advance(2000);
    expect((await wait).details).toEqual({ reader: name, operation: "begin transaction" });
  });
});

describe("a refusal over stock pcscd", () => {
  test.each(["4:4", "4:6"] as const)(
    "says what is known and no more, and nothing of ours is sent (%s)",
    async (newest) => {
      const { context, name } = await occupied(exclusive, { newest, stock: true });
      const failure = await failureOf(context.connect(name, shared));
      expect(failure.code).toBe("sharing-violation");
      expect(failure.message).toMatch(/another program uses the reader$/);
      expect(failure.details).toEqual({ reader: name, operation: "connect" });
      // A request that pcscd does not know would have ended the connection.
      expect(await context.listReaders()).toEqual([name]);
    },
  );
});

describe("a protocol mismatch", () => {
  test.each([false, true])("says what the card speaks since its last reset (stock: %s)", async (stock) => {
    const { context, manager, name, other } = await occupied({ ...shared, preferredProtocols: ["t1"] }, { stock });
    const within = (await manager.client(mail).establishContext()).connect(name, {
      ...shared,
      preferredProtocols: ["t0"],
    });
    expect(await failureOf(within)).toMatchObject({
      code: "proto-mismatch",
      details: { reader: name, protocol: "t1" },
    });
    const failure = await failureOf(context.connect(name, { ...shared, preferredProtocols: ["t0"] }));
    expect(failure).toMatchObject({ code: "proto-mismatch", details: { reader: name, protocol: "t1" } });
    expect(failure.message).toContain("the card speaks T=1 since its last reset; ask for T=1, or reset the card");
    const connection = await context.connect(name, shared);
    const again = { ...shared, preferredProtocols: ["t0"], initialization: "leave" } as const;
    const refused = await failureOf(connection.reconnect(again));
    expect(refused).toMatchObject({ code: "proto-mismatch", details: { protocol: "t1", operation: "reconnect" } });
    await other.disconnect("reset");
    await connection.disconnect("leave");
    expect((await context.connect(name, { ...shared, preferredProtocols: ["t0"] })).protocol).toBe("t0");
  });
});

describe("the card cache", () => {
  const card = "{50DD5230-BA8A-11D1-BF5D-0000F805F530}";
  const data = Uint8Array.of(1, 2, 3);

  test("of our daemon is one for all its clients", async () => {
    const { client, manager } = await joinedWorld({ pieceBytes: () => 7 });
    const [one, two] = [await client.establishContext(), await client.establishContext()];
    await one.cache?.write(card, 7, "Größe", data);
    expect(await two.cache?.read(card.toLowerCase(), 7, "Größe")).toEqual(data);
    const within = await manager.client(mail).establishContext();
    expect(await within.cache?.read(card, 7, "Größe")).toEqual(data);
    await within.cache?.write(card, 8, "Größe", new Uint8Array(65_536).fill(5));
    expect(await one.cache?.read(card, 8, "Größe")).toEqual(new Uint8Array(65_536).fill(5));
    await within.cache?.write(card, 8, "none", new Uint8Array());
    expect(await one.cache?.read(card, 8, "none")).toEqual(new Uint8Array());
  });

  test("answers over the wire as it answers within the process", async () => {
    const { client, manager } = await joinedWorld();
    const contexts = [await client.establishContext(), await manager.client(mail).establishContext()];
    const codes: string[][] = [];
    for (const [index, { cache }] of contexts.entries()) {
      if (cache === undefined) throw new Error("there is no cache");
      const name = `item ${index}`;
      await cache.write(card, 7, name, data);
      const failures = [
        cache.read(card, 7, "absent"),
        cache.read(card, 6, name),
        cache.read(card, 8, name),
        cache.read(card, 7, name),
        cache.read("no GUID", 7, name),
        cache.read(card, 7, ""),
        cache.read(card, 7, "x".repeat(256)),
        cache.read(card, 0.5, name),
        cache.write(card, 7, name, new Uint8Array(65_537)),
        cache.write(card, 7, name, new Uint8Array(65_549)),
        cache.write(card, 7, name, "text" as never),
        cache.write(card, 2 ** 32, name, data),
      ].map(failureOf);
      codes.push((await Promise.all(failures)).map(({ code }) => code));
    }
    expect(codes[0]).toEqual(codes[1]);
    expect(new Set(codes[0])).toEqual(
      new Set(["cache-item-not-found", "cache-item-stale", "invalid-parameter", "invalid-value", "cache-item-too-big"]),
    );
  });

  test("ends with its context", async () => {
    const { client } = await joinedWorld();
    const context = await client.establishContext();
    await context.release();
    const failure = await failureOf(context.cache?.read(card, 0, "x") ?? Promise.resolve());
    expect(failure.code).toBe("invalid-context");
  });

  test("over stock pcscd is one for this process", async () => {
    const { client, manager } = await joinedWorld({ stock: true });
    const [one, two] = [await client.establishContext(), await client.establishContext()];
    await one.cache?.write(card, 7, "x", data);
    expect(await two.cache?.read(card, 7, "x")).toEqual(data);
    const within = await manager.client(mail).establishContext();
    expect((await failureOf(within.cache?.read(card, 7, "x") ?? Promise.resolve())).code).toBe("cache-item-not-found");
  });
});

describe("the extension on the wire", () => {
  async function server() {
    const { manager, name, runtime } = await world({ profile: "pcsclite" });
    const server = new PcscliteServer({ runtime, manager });
    const open = (mayUse = true): WireClient => new WireClient(server, { name: "client" }, { mayUse: () => mayUse });
    const ask = async (client: WireClient, ...request: Parameters<WireClient["ask"]>): Promise<Uint8Array> => {
      client.ask(...request);
      await runtime.settle();
      return client.take();
    };
    return { ask, manager, name, open };
  }
  const offer = { kind: "version", major: 4, minor: 6, extension: EXTENSION_VERSION } as const;
  const establish = { kind: "establish-context", scope: 2 } as const;

  test("a client that offers nothing gets nothing, and its requests of ours end the session", async () => {
    const { ask, name, open } = await server();
    const client = open();
    expect(u32(await ask(client, { ...offer, extension: 0 }), 8)).toBe(0);
    const handle = u32(await ask(client, establish), 4);
    expect(await ask(client, { kind: "holder", handle, reader: name })).toHaveLength(0);
    expect(client.closedWith).toContain("no request has the number");
  });

  test("a newer offer is answered with our version, and an offer with a version that we refuse with the refusal", async () => {
    const { ask, open } = await server();
    const client = open();
    expect(u32(await ask(client, { ...offer, extension: 200 }), 8)).toBe(0x5343_4100 + EXTENSION_VERSION);
    expect(u32(await ask(open(), { ...offer, minor: 9 }), 8)).toBe(0x8010_001e);
  });

  test("access rules count: who may not use a reader is not told of it, and who has no context of nothing", async () => {
    const { ask, manager, name, open } = await server();
    await (await manager.client(mail).establishContext()).connect(name, exclusive);
    const client = open(false);
    await ask(client, offer);
    expect(u32(await ask(client, { kind: "holder", handle: 5, reader: name }), -4)).toBe(0x8010_0003);
    const key = { context: 5, card: new Uint8Array(16), freshness: 0, name: "x" };
    expect(u32(await ask(client, { kind: "read-cache", ...key }), 32)).toBe(0x8010_0003);
    const handle = u32(await ask(client, establish), 4);
    const answer = await ask(client, { kind: "holder", handle, reader: name });
    expect([u32(answer, -4), u32(answer, 132)]).toEqual([0x8010_006a, 0]);
    const admitted = open();
    await ask(admitted, offer);
    const own = u32(await ask(admitted, establish), 4);
    const told = await ask(admitted, { kind: "holder", handle: own, reader: name });
    expect([u32(told, -4), u32(told, 132), u32(told, 144)]).toEqual([0, 1, 7]);
    const unheld = await ask(admitted, { kind: "holder", handle: own, reader: "no such reader" });
    expect([u32(unheld, -4), u32(unheld, 132)]).toEqual([0, 0]);
  });
});
