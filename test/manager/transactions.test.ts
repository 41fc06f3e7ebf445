// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import type { Connection } from "../../src/port/index.ts";
import { apdu, failureOf, stateOf, watched, world } from "./world.ts";

describe("transactions are a fair queue with event hand-off", () => {
  test("first come, first served", async () => {
    const { connect } = await world();
    const clients = await Promise.all(["a", "b", "c", "d"].map((name) => connect(name)));
    const order: string[] = [];
    const runs = clients.map(async (client, index) => {
      await client.beginTransaction();
      order.push(`begin ${index}`);
      await client.transmit(apdu);
      order.push(`end ${index}`);
      await client.endTransaction("leave");
    });
    await Promise.all(runs);
    expect(order).toEqual([0, 1, 2, 3].flatMap((index) => [`begin ${index}`, `end ${index}`]));
  });

  test("a holder that begins again at once goes to the end of the queue", async () => {
    const { connect } = await world();
    const [a, b, c] = [await connect("a"), await connect("b"), await connect("c")];
    await a.beginTransaction();
    const order: string[] = [];
    const later = [b.beginTransaction().then(() => order.push("b")), c.beginTransaction().then(() => order.push("c"))];
    await a.endTransaction("leave");
    const again = a.beginTransaction().then(() => order.push("a"));
    await later[0];
    await b.endTransaction("leave");
    await later[1];
    await c.endTransaction("leave");
    await again;
    expect(order).toEqual(["b", "c", "a"]);
  });

  test("the next holder runs the moment the lock is free, with no time passing and no timer", async () => {
    const { connect, manager, runtime } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    const waiting = b.beginTransaction();
    expect(await stateOf(waiting)).toBe("pending");
    await runtime.advance(1000);
    const before = runtime.clock.now();
    await a.endTransaction("leave");
    // Granted in the same call that freed it.
    expect((await manager.inspect()).readers[0]?.lock?.client.name).toBe("b");
    await waiting;
    expect(runtime.clock.now()).toBe(before);
  });

  test("nested begins by one connection count", async () => {
    const { connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    await a.beginTransaction();
    const waiting = b.beginTransaction();
    await a.endTransaction("leave");
    expect(await stateOf(waiting)).toBe("pending");
    await a.endTransaction("leave");
    expect(await stateOf(waiting)).toBe("fulfilled");
    expect((await failureOf(a.endTransaction("leave"))).code).toBe("not-transacted");
  });

  test.each([
    [["reset", "leave"], ["warm"]],
    [["leave", "reset"], ["warm"]],
    [["unpower", "reset"], ["cold"]],
    [["reset", "unpower", "leave"], ["cold"]],
    [["leave", "leave"], []],
  ] as const)("nested ends %j do the strongest to the card, once, when the last one ends", async (ends, resets) => {
    const { card, connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    for (const _ of ends) await a.beginTransaction();
    const before = card.resets.length;
    for (const [index, disposition] of ends.entries()) {
      expect(card.resets.length).toBe(before);
      await a.transmit(apdu);
      await a.endTransaction(disposition);
      if (index < ends.length - 1) expect(card.resets.length).toBe(before);
    }
    expect(card.resets.slice(before)).toEqual(resets);
    expect(await stateOf(b.beginTransaction())).toBe(resets.length > 0 ? "reset-card" : "fulfilled");
  });

  test("an eject that a nested end asks for comes with the last end, and a reader that cannot says so then", async () => {
    const { card, connect, reader, name, manager } = await world();
    const a = await connect("a");
    await a.beginTransaction();
    await a.beginTransaction();
    await a.endTransaction("eject");
    expect(await a.transmit(apdu)).toHaveLength(6);
    await a.endTransaction("reset");
    expect(manager.readers().find((one) => one.name === name)?.card).toBeUndefined();
    expect(card.resets).toHaveLength(1);
    reader.insert(card);

    const fixed = await world();
    const other = await fixed.addReader({ name: "Fixed", canEject: false });
    other.reader.insert(fixed.card);
    await fixed.runtime.settle();
    const context = await fixed.context("c");
    const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
    const [c, d] = [await context.connect(other.name, shared), await context.connect(other.name, shared)];
    await c.beginTransaction();
    await c.beginTransaction();
    await c.endTransaction("eject");
    expect((await failureOf(c.endTransaction("leave"))).code).toBe("cant-dispose");
    expect(await stateOf(d.beginTransaction())).toBe("fulfilled");
  });

  test.each(["windows", "pcsclite"] as const)(
    "what a nested end asked for is done when the connection, or its program, ends first (%s)",
    async (profile) => {
      const { card, connect, context, name, runtime } = await world({ profile });
      const [a, watcher] = [await connect("a"), await connect("b")];
      await a.beginTransaction();
      await a.beginTransaction();
      await a.endTransaction("unpower");
      await a.disconnect("leave");
      expect(card.resets).toEqual(["cold", "cold"]);
      expect((await failureOf(watcher.transmit(apdu))).code).toBe("reset-card");
      const program = await context("c");
      const c = await program.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
      await c.beginTransaction();
      await c.beginTransaction();
      await c.endTransaction("eject");
      await program.release();
      await runtime.settle();
      expect((await failureOf(connect("d"))).code).toBe(profile === "windows" ? "removed-card" : "no-smartcard");
    },
  );

  test("a reconnect that ends the transaction does what a nested end asked for", async () => {
    const { card, connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    await a.beginTransaction();
    await a.endTransaction("reset");
    await a.reconnect({ shareMode: "shared", preferredProtocols: ["t1"], initialization: "leave" });
    expect(card.resets).toEqual(["cold", "warm"]);
    expect((await failureOf(b.transmit(apdu))).code).toBe("reset-card");
    expect(await a.transmit(apdu)).toHaveLength(6);
  });

  test("a begin of the same connection that waited in the queue counts as nested once the first is granted", async () => {
    const { connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    const [first, second] = [b.beginTransaction(), b.beginTransaction()];
    await a.endTransaction("leave");
    await Promise.all([first, second]);
    const waiting = a.beginTransaction();
    await b.endTransaction("leave");
    expect(await stateOf(waiting)).toBe("pending");
    await b.endTransaction("leave");
    expect(await stateOf(waiting)).toBe("fulfilled");
  });

  test("a connect behind a transaction waits in the same queue", async () => {
    const { connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    const connecting = connect("c");
    expect(await stateOf(connecting)).toBe("pending");
    const begin = b.beginTransaction();
    await a.endTransaction("leave");
    await Promise.all([connecting, begin]);
  });

  test("an exclusive connect during another's transaction is refused at once and names the holder", async () => {
    const { connect } = await world();
    const a = await connect("a");
    await a.beginTransaction();
    const error = await failureOf(connect("b", "exclusive"));
    expect(error.code).toBe("sharing-violation");
    expect(error.message).toMatch(/a is in a transaction since 0 ms/);
    expect(error.details.holder).toMatchObject({ client: "a", shareMode: "shared", transaction: true });
  });

  test("a transmit, control, status or attribute to set outside the lock waits its turn", async () => {
    const { connect, card } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    const waiting = [
      b.transmit(apdu),
      b.control(0x42000d48, new Uint8Array()),
      b.status(),
      b.setAttribute(0x7fff0007, Uint8Array.of(1)),
      b.reconnect({ shareMode: "shared", preferredProtocols: ["t1"], initialization: "leave" }),
    ];
    for (const promise of waiting) expect(await stateOf(promise)).toBe("pending");
    await a.transmit(apdu);
    expect(card.commands.length).toBe(1);
    await a.endTransaction("leave");
    await Promise.all(waiting);
    expect(card.commands.length).toBe(2);
  });

  test("an attribute is read at once, also beside a transaction and during an exchange", async () => {
    for (const profile of ["windows", "pcsclite"] as const) {
      const { connect, reader } = await world({ profile });
      const [a, b] = [await connect("a"), await connect("b")];
      await a.beginTransaction();
      reader.hang(true);
      const exchange = a.transmit(apdu);
      for (const attribute of [0x0009_0303, 0x7fff_0003]) {
        for (const one of [a, b]) expect((await one.getAttribute(attribute)).length).toBeGreaterThan(1);
      }
      expect(await stateOf(exchange)).toBe("pending");
      reader.hang(false);
      await exchange;
    }
  });

  test("the pcsclite profile refuses a control beside a transaction at once, and one that a lock overtakes", async () => {
    const { connect, reader } = await world({ profile: "pcsclite" });
    const [a, b, c] = [await connect("a"), await connect("b"), await connect("c")];
    const calls = [() => c.control(0x42000d48, new Uint8Array()), () => c.setAttribute(0x7fff0007, Uint8Array.of(1))];
    for (const call of calls) {
      await a.beginTransaction();
      const error = await failureOf(call());
      expect(error).toMatchObject({ code: "sharing-violation", details: { holder: { client: "a" } } });
      // The holder's own goes on.
      await a.control(0x42000d48, new Uint8Array());
      await a.endTransaction("leave");
      // Behind a begin in the queue, which has the lock first.
      reader.hang(true);
      const exchange = a.transmit(apdu);
      const begun = b.beginTransaction();
      const late = failureOf(call());
      reader.hang(false);
      await Promise.all([exchange, begun]);
      expect(await late).toMatchObject({ code: "sharing-violation", details: { holder: { client: "b" } } });
      await b.endTransaction("leave");
      await call();
    }
  });

  test("only one exchange is under way at a time, also of one connection", async () => {
    const { connect, card, reader, runtime } = await world();
    const a = await connect("a");
    reader.slow(10);
    const all = Promise.all([1, 2, 3].map((p2) => a.transmit(Uint8Array.of(0, 0xb0, 0, p2))));
    await runtime.advance(10);
    expect(card.commands.map((command) => command[3])).toEqual([1]);
    await runtime.advance(20);
    await all;
    expect(card.commands.map((command) => command[3])).toEqual([1, 2, 3]);
  });

  test("ending a transaction of another connection, or none, is refused", async () => {
    for (const [profile, code] of [
      ["windows", "not-transacted"],
      ["pcsclite", "sharing-violation"],
    ] as const) {
      const { connect } = await world({ profile });
      const [a, b] = [await connect("a"), await connect("b")];
      expect((await failureOf(b.endTransaction("leave"))).code).toBe("not-transacted");
      await a.beginTransaction();
      expect((await failureOf(b.endTransaction("leave"))).code).toBe(code);
      await a.endTransaction("leave");
    }
  });

  test("the end of a transaction waits for the holder's own exchanges", async () => {
    const { connect, reader, runtime } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    reader.slow(10);
    await a.beginTransaction();
    const exchange = a.transmit(apdu);
    const end = a.endTransaction("leave");
    const waiting = b.beginTransaction();
    expect(await stateOf(waiting)).toBe("pending");
    await runtime.advance(10);
    expect(await stateOf(exchange)).toBe("fulfilled");
    expect(await stateOf(end)).toBe("fulfilled");
    expect(await stateOf(waiting)).toBe("fulfilled");
  });
});

describe("every wait ends", () => {
  test("a begin at its deadline, saying who holds the lock", async () => {
    const { connect, runtime } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    const waiting = watched(b.beginTransaction({ timeoutMs: 50 }));
    await runtime.advance(49);
    expect(await stateOf(waiting)).toBe("pending");
    await runtime.advance(1);
    const error = await failureOf(waiting);
    expect(error.code).toBe("timeout");
    expect(error.details.holder?.client).toBe("a");
  });

  test("a begin with a deadline of 0 takes a free lock and no other", async () => {
    const { connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction({ timeoutMs: 0 });
    expect((await failureOf(b.beginTransaction({ timeoutMs: 0 }))).code).toBe("timeout");
  });

  test("a begin, a connect and a status wait when their signal is aborted", async () => {
    const { connect, context, name } = await world();
    const [a, b, c] = [await connect("a"), await connect("b"), await context("c")];
    await a.beginTransaction();
    const controller = new AbortController();
    const { signal } = controller;
    const waits = [
      b.beginTransaction({ signal }),
      c.connect(name, { shareMode: "shared", preferredProtocols: ["t1"], signal }),
      c.getStatusChange([{ reader: name, flags: { present: true, inuse: true } }], { signal }),
    ];
    const waiting = waits.map((wait: Promise<unknown>) => watched(wait));
    controller.abort(new Error("enough"));
    for (const promise of waiting) {
      const error = await failureOf(promise);
      expect(error.code).toBe("cancelled");
      expect(error.cause).toEqual(new Error("enough"));
    }
  });

  test("when its context is released, and the lock goes on to the next", async () => {
    const { connect, context, name } = await world();
    const a = await connect("a");
    const contextB = await context("b");
    const b = await contextB.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
    const c = await connect("c");
    await a.beginTransaction();
    const waiting = watched(b.beginTransaction());
    const next = watched(c.beginTransaction());
    await contextB.release();
    expect(await stateOf(waiting)).toBe("cancelled");
    await a.endTransaction("leave");
    // B ended without disconnecting, so the card was reset first, and C is told.
    expect(await stateOf(next)).toBe("reset-card");
  });

  test("when the reader goes", async () => {
    const { connect, context, name, reader } = await world();
    const [a, b, c] = [await connect("a"), await connect("b"), await context("c")];
    await a.beginTransaction();
    const begin = watched(b.beginTransaction());
    const connecting = watched(c.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] }));
    reader.unplug();
    expect(await stateOf(begin)).toBe("reader-unavailable");
    expect(await stateOf(connecting)).toBe("reader-unavailable");
    expect((await failureOf(a.transmit(apdu))).code).toBe("reader-unavailable");
    await a.disconnect("reset");
  });

  test("when the card goes, which also frees the lock", async () => {
    const { connect, manager, reader } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    const begin = watched(b.beginTransaction());
    reader.remove();
    expect(await stateOf(begin)).toBe("removed-card");
    expect((await manager.inspect()).readers[0]?.lock).toBeUndefined();
  });
});

describe("a wait that only the waiter itself could end", () => {
  test("is refused at once where the client can do one thing at a time", async () => {
    const { context, name } = await world();
    const one = await context("one", true);
    const options = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
    const [a, b] = [await one.connect(name, options), await one.connect(name, options)];
    await a.beginTransaction();
    const error = await failureOf(b.beginTransaction());
    expect(error.code).toBe("sharing-violation");
    expect(error.details.holder?.client).toBe("one");
    expect((await failureOf(b.transmit(apdu))).code).toBe("sharing-violation");
    expect((await failureOf(one.connect(name, options))).code).toBe("sharing-violation");
    // With a deadline it ends by itself, and disconnecting never waits for oneself.
    expect((await failureOf(b.beginTransaction({ timeoutMs: 0 }))).code).toBe("timeout");
    await b.disconnect("reset");
    await a.endTransaction("leave");
  });

  test("is refused at once across two readers and two such clients", async () => {
    const { addReader, context, name, card } = await world();
    const other = await addReader({ name: "Other" });
    other.reader.insert(card);
    const options = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
    const [one, two] = [await context("one", true), await context("two", true)];
    const [oneHere, oneThere] = [await one.connect(name, options), await one.connect(other.name, options)];
    const [twoHere, twoThere] = [await two.connect(name, options), await two.connect(other.name, options)];
    await oneHere.beginTransaction();
    await twoThere.beginTransaction();
    const waiting = watched(oneThere.beginTransaction());
    expect((await failureOf(twoHere.beginTransaction())).code).toBe("sharing-violation");
    expect(await stateOf(waiting)).toBe("pending");
    await twoThere.endTransaction("leave");
    await waiting;
  });

  test("lasts where two independent tasks of one program may end it", async () => {
    const { context, name } = await world();
    const one = await context("one");
    const options = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
    const [a, b] = [await one.connect(name, options), await one.connect(name, options)];
    await a.beginTransaction();
    const waiting = b.beginTransaction();
    expect(await stateOf(waiting)).toBe("pending");
    await a.endTransaction("leave");
    await waiting;
  });
});

describe("an idle transaction", () => {
  test("of 5 s resets the card and ends, under the windows profile", async () => {
    const { connect, card, manager, runtime } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    const waiting = watched(b.beginTransaction());
    await runtime.advance(4999);
    expect(await stateOf(waiting)).toBe("pending");
    await runtime.advance(1);
    expect(card.resets).toEqual(["cold", "warm"]);
    expect(await stateOf(waiting)).toBe("reset-card");
    const error = await failureOf(a.endTransaction("leave"));
    expect(error.code).toBe("reset-card");
    expect(error.message).toContain("the transaction of a was idle for 5000 ms");
    expect((await manager.inspect()).readers[0]?.lock).toBeUndefined();
  });

  test("starts anew with each operation of the holder, and does not count during one", async () => {
    const { connect, card, reader, runtime } = await world();
    const a = await connect("a");
    await a.beginTransaction();
    for (let round = 0; round < 3; round++) {
      await runtime.advance(4000);
      await a.status();
    }
    reader.slow(20_000);
    const exchange = a.transmit(apdu);
    await runtime.advance(20_000);
    await exchange;
    await runtime.advance(4000);
    await a.endTransaction("leave");
    expect(card.resets).toEqual(["cold"]);
  });

  test.each([
    ["a nested begin", (a: Connection) => a.beginTransaction()],
    ["a nested end", (a: Connection) => a.endTransaction("leave")],
    ["a status", (a: Connection) => a.status()],
    ["a transmit", (a: Connection) => a.transmit(apdu)],
    ["a transmit that is refused", (a: Connection) => a.transmit(apdu, { protocol: "t0" }).catch(() => {})],
    ["a control", (a: Connection) => a.control(0x4200_0bad, new Uint8Array()).catch(() => {})],
    ["an attribute", (a: Connection) => a.getAttribute(0x7ffa_bcde).catch(() => {})],
    ["an attribute that is set", (a: Connection) => a.setAttribute(0x7ffa_bcde, new Uint8Array(1)).catch(() => {})],
    ["the count of exchanges", (a: Connection) => a.transmitCount()],
  ] as const)("starts anew with %s", async (_, use) => {
    const { connect, runtime } = await world();
    const a = await connect("a");
    await a.beginTransaction();
    await a.beginTransaction();
    await runtime.advance(3000);
    await use(a);
    await runtime.advance(4900);
    expect(await a.transmit(apdu)).toHaveLength(6);
    await runtime.advance(5100);
    expect((await failureOf(a.transmit(apdu))).code).toBe("reset-card");
  });

  test("starts anew with a reconnect that keeps the transaction", async () => {
    const { connect, runtime } = await world({ semantics: { reconnectEndsTransaction: false } });
    const a = await connect("a");
    await a.beginTransaction();
    await runtime.advance(3000);
    await a.reconnect({ shareMode: "shared", preferredProtocols: ["t1"], initialization: "leave" });
    await runtime.advance(4900);
    await a.endTransaction("leave");
  });

  test("lasts under the pcsclite profile, or with the limit turned off, or as long as configured", async () => {
    for (const options of [{ profile: "pcsclite" }, { semantics: { transactionIdleMs: undefined } }] as const) {
      const { connect, runtime } = await world(options);
      const a = await connect("a");
      await a.beginTransaction();
      await runtime.advance(3_600_000);
      await a.endTransaction("leave");
    }
    const { connect, runtime } = await world({ semantics: { transactionIdleMs: 100 } });
    const a = await connect("a");
    await a.beginTransaction();
    await runtime.advance(100);
    expect((await failureOf(a.endTransaction("leave"))).code).toBe("reset-card");
  });
});
