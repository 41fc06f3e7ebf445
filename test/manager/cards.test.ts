// SPDX-License-Identifier: MIT

import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { type Connection, type Context, type Disposition, SmartCardError } from "../../src/port/index.ts";
import { apdu, EchoCard, failureOf, settle, stateOf, watched, world } from "./world.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
const anew = { ...shared, initialization: "leave" } as const;

describe("dispositions", () => {
  test("leave does nothing to the card", async () => {
    const { connect, card } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    await a.endTransaction("leave");
    await a.disconnect("leave");
    await b.transmit(apdu);
    expect(card.resets).toEqual(["cold"]);
  });

  test("reset is warm, unpower is cold, at the end of a transaction", async () => {
    const { connect, card } = await world();
    const a = await connect("a");
    for (const disposition of ["reset", "unpower"] as const) {
      await a.beginTransaction();
      await a.endTransaction(disposition);
    }
    expect(card.resets).toEqual(["cold", "warm", "cold"]);
    // The one that did it goes on without reconnecting.
    await a.transmit(apdu);
  });

  test("reset and unpower at disconnect; the last unpower leaves the card off", async () => {
    const { connect, card, manager } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.disconnect("reset");
    expect(card.resets).toEqual(["cold", "warm"]);
    await b.disconnect("unpower");
    expect(card.powered).toBe(false);
    expect((await manager.inspect()).readers[0]?.card?.powered).toBe(false);
  });

  test("eject empties the slot, and all clients learn of the removal", async () => {
    const { connect, manager, reader } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    await a.endTransaction("eject");
    expect(reader.card).toBeUndefined();
    expect((await manager.inspect()).readers[0]?.card).toBeUndefined();
    expect((await failureOf(b.transmit(apdu))).code).toBe("removed-card");
    expect((await failureOf(a.status())).code).toBe("removed-card");
  });

  test("eject where the reader cannot is an error on Windows and nothing with pcsc-lite; the lock is free either way", async () => {
    for (const profile of ["windows", "pcsclite"] as const) {
      const { addReader, context, runtime } = await world({ profile });
      const { reader, name } = await addReader({ name: "Fixed", canEject: false });
      reader.insert(new EchoCard());
      await runtime.settle();
      const a = await (await context("a")).connect(name, shared);
      const b = await (await context("b")).connect(name, shared);
      await a.beginTransaction();
      const ended = a.endTransaction("eject");
      if (profile === "windows") expect((await failureOf(ended)).code).toBe("cant-dispose");
      else await ended;
      await b.beginTransaction({ timeoutMs: 0 });
      await b.endTransaction("leave");
      const gone = b.disconnect("eject");
      if (profile === "windows") expect((await failureOf(gone)).code).toBe("cant-dispose");
      else await gone;
      expect((await failureOf(b.status())).code).toBe("invalid-handle");
    }
  });

  test.each(["windows", "pcsclite"] as const)(
    "a pending ejection that is impossible does not spare the card the reset of a program that is gone (%s)",
    async (profile) => {
      const { addReader, context, runtime } = await world({ profile });
      const { reader, name } = await addReader({ name: "Fixed", canEject: false });
      reader.insert(new EchoCard());
      await runtime.settle();
      const program = await context("a");
      const a = await program.connect(name, shared);
      const b = await (await context("b")).connect(name, shared);
      await a.beginTransaction();
      await a.beginTransaction();
      await a.endTransaction("eject");
      await program.release();
      expect((await failureOf(b.transmit(apdu))).code).toBe("reset-card");
    },
  );

  describe.each(["windows", "pcsclite"] as const)("nested ends ask for a reset and an ejection (%s)", (profile) => {
    const ways: Readonly<Record<string, (one: Connection, program: Context) => Promise<unknown>>> = {
      end: (one) => one.endTransaction("leave"),
      reconnect: (one) => one.reconnect(anew),
      disconnect: (one) => one.disconnect("leave"),
      release: (_, program) => program.release(),
    };

    // With pcsc-lite a reconnect leaves the transaction as it is.
    const ending = Object.entries(ways).filter(([way]) => way !== "reconnect" || profile === "windows");

    test.each(
      ending.flatMap(([way, end]) => [
        { way, end, canEject: false },
        { way, end, canEject: true },
      ]),
    )("the reset happens where the ejection cannot: $way, canEject $canEject", async ({ end, way, canEject }) => {
      const { addReader, context, runtime } = await world({ profile });
      const { reader, name } = await addReader({ name: "Jammed", canEject });
      const stuck = async (): Promise<never> => {
        throw new SmartCardError("comm-error", "the card is stuck");
      };
      Object.defineProperty(reader, "eject", { value: stuck });
      const card = new EchoCard();
      reader.insert(card);
      await runtime.settle();
      const program = await context("a");
      const one = await program.connect(name, shared);
      const other = await (await context("b")).connect(name, shared);
      for (let depth = 0; depth < 3; depth++) await one.beginTransaction();
      await one.endTransaction("reset");
      await one.endTransaction("eject");
      expect(card.resets).toEqual(["cold"]);
      const outcome = await end(one, program).then(
        () => "ok",
        (error: SmartCardError) => error.code,
      );
      const failure = canEject ? "comm-error" : profile === "windows" ? "cant-dispose" : "ok";
      expect(outcome).toBe(way === "release" ? "ok" : failure);
      expect(card.resets).toEqual(["cold", "warm"]);
      expect((await failureOf(other.transmit(apdu))).code).toBe("reset-card");
    });
  });

  test.each(["reset", "unpower"] as const)(
    "%s of a card that does not answer leaves the lock free, and says so to who uses the card next",
    async (disposition) => {
      const { connect, reader } = await world();
      const [a, b] = [await connect("a"), await connect("b")];
      await a.beginTransaction();
      reader.mute(true);
      await a.endTransaction(disposition);
      expect((await failureOf(a.endTransaction("leave"))).code).toBe("not-transacted");
      expect((await failureOf(a.transmit(apdu))).code).toBe("unresponsive-card");
      expect((await failureOf(b.beginTransaction())).code).toBe("reset-card");
      const again = { shareMode: "shared", preferredProtocols: ["t1"], initialization: "leave" } as const;
      expect((await failureOf(b.reconnect(again))).code).toBe("unresponsive-card");
      reader.mute(false);
      await b.reconnect(again);
      await b.beginTransaction();
      await b.endTransaction("leave");
    },
  );

  test("a bad disposition is refused and changes nothing", async () => {
    const { connect, card, manager } = await world();
    const a = await connect("a");
    await a.beginTransaction();
    const bad = "burn" as Disposition;
    expect((await failureOf(a.endTransaction(bad))).code).toBe("invalid-value");
    const error = await failureOf(a.disconnect(bad));
    expect(error.code).toBe("invalid-value");
    expect(error.message).toContain('"burn"');
    expect(error.message).toContain('"leave", "reset", "unpower" or "eject"');
    const [reader] = (await manager.inspect()).readers;
    expect(reader?.lock?.depth).toBe(1);
    expect(reader?.connections.length).toBe(1);
    expect(card.resets).toEqual(["cold"]);
    await a.endTransaction("leave");
  });

  test("of a connection outside the lock waits for the lock, and comes before the next turn", async () => {
    const { connect, card } = await world();
    const [a, b, c] = [await connect("a"), await connect("b"), await connect("c")];
    await a.beginTransaction();
    const waiting = watched(c.beginTransaction());
    const gone = b.disconnect("reset");
    expect((await failureOf(b.status())).code).toBe("invalid-handle");
    expect(await stateOf(gone)).toBe("pending");
    await a.transmit(apdu);
    expect(card.resets).toEqual(["cold"]);
    await a.endTransaction("leave");
    await gone;
    expect(card.resets).toEqual(["cold", "warm"]);
    expect(await stateOf(waiting)).toBe("reset-card");
  });
});

describe("every other connection learns of a reset or removal exactly once", () => {
  test("of a reset: each call fails until it reconnects, none after", async () => {
    const { connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    await a.endTransaction("reset");
    for (const call of [() => b.transmit(apdu), () => b.status(), () => b.beginTransaction()]) {
      const error = await failureOf(call());
      expect(error.code).toBe("reset-card");
      expect(error.message).toContain("a ended its transaction with reset");
    }
    await b.reconnect(anew);
    await b.transmit(apdu);
    await b.beginTransaction();
    await b.endTransaction("leave");
    // Two resets before it looks are one notice.
    await a.reconnect({ ...anew, initialization: "reset" });
    await a.reconnect({ ...anew, initialization: "unpower" });
    expect((await failureOf(b.transmit(apdu))).code).toBe("reset-card");
    await b.reconnect(anew);
    await b.transmit(apdu);
    await a.transmit(apdu);
  });

  test("of a reset while it waits: the wait ends at once, and the lock goes on", async () => {
    const { connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    const waiting = watched(b.beginTransaction());
    await a.endTransaction("reset");
    expect(await stateOf(waiting)).toBe("reset-card");
    await b.reconnect(anew);
    await b.beginTransaction({ timeoutMs: 0 });
    await b.endTransaction("leave");
  });

  test("reset concerns its own caller under the pcsclite profile", async () => {
    const { connect } = await world({ profile: "pcsclite" });
    const a = await connect("a");
    await a.beginTransaction();
    await a.endTransaction("reset");
    expect((await failureOf(a.transmit(apdu))).code).toBe("reset-card");
  });

  test("of a removal, also when another card is in by then", async () => {
    const { connect, reader, runtime } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    reader.insert(new EchoCard());
    await runtime.settle();
    for (const connection of [a, b]) {
      expect((await failureOf(connection.transmit(apdu))).code).toBe("removed-card");
      await connection.reconnect(anew);
      await connection.transmit(apdu);
    }
  });

  test("of a removal in the middle of an exchange", async () => {
    const { connect, reader, runtime } = await world();
    const a = await connect("a");
    reader.slow(100);
    const exchange = watched(a.transmit(apdu));
    await runtime.advance(50);
    reader.remove();
    expect(await stateOf(exchange)).toBe("removed-card");
    expect((await failureOf(a.reconnect(anew))).code).toBe("removed-card");
  });

  test("during an exchange ends that as the profile says, and every later call with removed-card", async () => {
    for (const [profile, code] of [
      ["windows", "removed-card"],
      ["pcsclite", "no-smartcard"],
    ] as const) {
      const { connect, reader } = await world({ profile });
      const [a, b] = [await connect("a"), await connect("b")];
      reader.hang(true);
      const [exchange, queued] = [failureOf(a.transmit(apdu)), failureOf(b.transmit(apdu))];
      await settle();
      reader.remove();
      expect((await exchange).code).toBe(code);
      expect((await queued).code).toBe("removed-card");
      for (const one of [a, b]) {
        expect((await failureOf(one.transmit(apdu))).code).toBe("removed-card");
        expect((await failureOf(one.status())).code).toBe("removed-card");
      }
    }
  });

  test("control, attributes and disconnect work without reconnecting", async () => {
    const { connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.reconnect({ ...anew, initialization: "reset" });
    await b.control(0x42000d48, new Uint8Array());
    expect((await b.getAttribute(0x00090303)).length).toBeGreaterThan(1);
    await b.disconnect("leave");
  });
});

describe("a client that ends without disconnecting", () => {
  test("has its card reset, its lock freed and its waits ended", async () => {
    const { manager, name, card, connect } = await world();
    const client = manager.client({ name: "mortal", pid: 7 });
    const context = await client.establishContext();
    const a = await context.connect(name, shared);
    const b = await connect("b");
    const wait = watched(context.getStatusChange([{ reader: name, flags: { present: true, inuse: true } }]));
    await a.beginTransaction();
    const next = watched(b.beginTransaction());
    await client.end();
    expect(card.resets).toEqual(["cold", "warm"]);
    expect(await stateOf(wait)).toBe("cancelled");
    expect(await stateOf(next)).toBe("reset-card");
    const error = await failureOf(b.status());
    expect(error.message).toContain("mortal ended without disconnecting");
    await b.reconnect(anew);
    await b.beginTransaction({ timeoutMs: 0 });
    expect((await failureOf(context.listReaders())).code).toBe("invalid-context");
    expect((await failureOf(client.establishContext())).code).toBe("invalid-context");
    expect((await failureOf(a.transmit(apdu))).code).toBe("invalid-handle");
    expect((await manager.inspect()).clients.map(({ client: { name: who } }) => who)).toEqual(["b"]);
  });

  test("that disconnected properly leaves the card alone", async () => {
    const { manager, name, card } = await world();
    const client = manager.client({ name: "proper" });
    const a = await (await client.establishContext()).connect(name, shared);
    await a.disconnect("leave");
    await client.end();
    expect(card.resets).toEqual(["cold"]);
  });

  test("does not disturb the transaction of another, whose card is reset right after it", async () => {
    const { manager, name, card, connect } = await world();
    const client = manager.client({ name: "mortal" });
    await (await client.establishContext()).connect(name, shared);
    const [b, c] = [await connect("b"), await connect("c")];
    await b.beginTransaction();
    const next = watched(c.beginTransaction());
    await client.end();
    await b.transmit(apdu);
    expect(card.resets).toEqual(["cold"]);
    await b.endTransaction("leave");
    expect(await stateOf(next)).toBe("reset-card");
    expect(card.resets).toEqual(["cold", "warm"]);
  });

  test("has its card reset only where it held a transaction, under the pcsclite profile", async () => {
    for (const transacted of [false, true]) {
      const { manager, name, card } = await world({ profile: "pcsclite" });
      const client = manager.client({ name: "mortal" });
      const a = await (await client.establishContext()).connect(name, shared);
      if (transacted) await a.beginTransaction();
      await client.end();
      expect(card.resets).toEqual(transacted ? ["cold", "warm"] : ["cold"]);
    }
  });

  test("in the middle of an exchange lets it end, but not for ever", async () => {
    const { manager, name, card, connect, reader, runtime } = await world();
    for (const stuck of [false, true]) {
      const client = manager.client({ name: "mortal" });
      const a = await (await client.establishContext()).connect(name, shared);
      const b = await connect("b");
      if (stuck) reader.hang(true);
      else reader.slow(1000);
      await a.beginTransaction();
      const exchange = watched(a.transmit(apdu));
      await runtime.settle();
      const ended = client.end();
      const next = watched(b.beginTransaction());
      await runtime.advance(500);
      expect(await stateOf(next)).toBe("pending");
      await runtime.advance(4500);
      reader.hang(false);
      reader.slow(0);
      await runtime.settle();
      await ended;
      expect(await stateOf(exchange)).toBe(stuck ? "cancelled" : "fulfilled");
      expect(await stateOf(next)).toBe("reset-card");
      await b.disconnect("leave");
    }
    expect(card.resets.filter((kind) => kind === "warm").length).toBe(2);
  });
});

describe("power", () => {
  test("the card is powered down a while after its last connection has gone, and up for the next", async () => {
    const { connect, card, runtime } = await world();
    const a = await connect("a");
    await a.disconnect("leave");
    await runtime.advance(4999);
    expect(card.powered).toBe(true);
    const b = await connect("b");
    await runtime.advance(10_000);
    expect(card.powered).toBe(true);
    await b.disconnect("leave");
    await runtime.advance(5000);
    expect(card.powered).toBe(false);
    const c = await connect("c");
    await c.transmit(apdu);
    expect(card.resets).toEqual(["cold", "cold"]);
  });

  test("nothing is left when all clients have gone: no timer, no connection, no power", async () => {
    const { connect, card, manager, runtime } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    const waiting = watched(b.beginTransaction({ timeoutMs: 60_000 }));
    await a.disconnect("reset");
    expect(await stateOf(waiting)).toBe("reset-card");
    await b.disconnect("leave");
    await runtime.advance(5000);
    expect(runtime.pendingTimers).toEqual([]);
    expect(card.powered).toBe(false);
    await manager.close();
    expect(runtime.pendingTimers).toEqual([]);
  });
});

describe("cards and readers that misbehave", () => {
  test("a mute card is reported, refused, and usable again once it answers", async () => {
    const { connect, context, name, reader, runtime } = await world({ empty: true });
    reader.mute(true);
    reader.insert(new EchoCard());
    await runtime.settle();
    const [report] = await (await context("w")).getStatusChange([{ reader: name }]);
    expect(report?.flags).toMatchObject({ present: true, mute: true });
    expect((await failureOf(connect("a"))).code).toBe("unresponsive-card");
    reader.mute(false);
    await (await connect("a")).transmit(apdu);
  });

  test("a card with an invalid ATR is refused as unsupported", async () => {
    const { connect } = await world({ atr: "00FF00" });
    expect((await failureOf(connect("a"))).code).toBe("unsupported-card");
  });

  test("an exchange that never ends is aborted at the ceiling, and the card serves again after a reset", async () => {
    const { connect, reader, runtime } = await world({ limits: { operationMs: 1000 } });
    const a = await connect("a");
    reader.hang(true);
    const exchange = watched(a.transmit(apdu));
    await runtime.advance(999);
    expect(await stateOf(exchange)).toBe("pending");
    await runtime.advance(1);
    expect(await stateOf(exchange)).toBe("waited-too-long");
    reader.hang(false);
    await a.reconnect({ ...anew, initialization: "reset" });
    await a.transmit(apdu);
  });
});

describe("a reader as a device", () => {
  test("is described without a connection, also while a program has it exclusively", async () => {
    const { addReader, connect, context } = await world();
    const { name } = await addReader({ name: "Second", id: "virtual:second", serial: "0042" });
    await connect("holder", "exclusive");
    const program = await context("program");
    expect(await program.describeReader(name.toUpperCase())).toMatchObject({
      reader: name,
      systemName: "virtual:second",
      instanceId: "virtual:second",
      serial: "0042",
      channelId: 0x00f0_0000,
    });
    expect((await program.describeReader("Reader")).serial).toBeUndefined();
  });

  test("that is not there is unknown-reader", async () => {
    const { context } = await world();
    expect((await failureOf((await context("program")).describeReader("none"))).code).toBe("unknown-reader");
  });
});

describe("a reader whose answers are of another realm", () => {
  test("answers bytes all the same, as with an environment of a test runner", async () => {
    const { card, connect } = await world();
    const connection = await connect("a");
    card.process = () => runInNewContext("Uint8Array.of(0x61, 0x62, 0x90, 0x00)");
    expect(await connection.transmit(apdu)).toEqual(Uint8Array.of(0x61, 0x62, 0x90, 0x00));
  });
});
