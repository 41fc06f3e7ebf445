// SPDX-License-Identifier: MIT

// What Microsoft's pages say of direct connections, of the state of a card, and of a service that has stopped.

import { describe, expect, test } from "vitest";
import type { Connection, Protocol } from "../../src/port/index.ts";
import { apdu, failureOf, stateOf, watched, world } from "./world.ts";

/** T=0 first and T=1 as well: ISO/IEC 7816-3:2006, 8.2.3. */
const BOTH = "3B80800102";
const direct = (...preferredProtocols: Protocol[]) => ({ shareMode: "direct", preferredProtocols }) as const;
const shared = (...preferredProtocols: Protocol[]) => ({ shareMode: "shared", preferredProtocols }) as const;

/** What a program has done with the card just before. */
const pasts: Readonly<Record<string, readonly Protocol[]>> = { nothing: [], "T=0": ["t0"], "T=1": ["t1"] };

describe.each(["windows", "pcsclite"] as const)("a direct connection (%s)", (profile) => {
  const wishes: readonly (readonly Protocol[])[] = [["t0"], ["t1"], ["t0", "t1"], ["raw"], []];

  /** On Windows what it asks for; with pcsc-lite what the card speaks, which is what was left behind. */
  const outcomeOf = (index: number, past: readonly Protocol[]): string => {
    const asked = ["t0", "t1", "t1", "not-ready", "none"][index] ?? "";
    return profile === "windows" ? asked : (past[0] ?? "none");
  };

  test.each(Object.entries(pasts))("has the profile's result after any earlier use: %s", async (_, past) => {
    const { card, context, name } = await world({ profile, atr: BOTH });
    const a = await context("a");
    for (const [index, wish] of wishes.entries()) {
      if (past.length > 0) {
        const before = await a.connect(name, shared(...past)).catch(async () => {
          // The last direct connection has left the card in another protocol.
          const fresh = await a.connect(name, direct());
          await fresh.disconnect("reset");
          return a.connect(name, shared(...past));
        });
        await before.disconnect("leave");
      }
      const made = await a.connect(name, direct(...wish)).catch((error: { code: string }) => error.code);
      const come = typeof made === "string" ? made : (made.protocol ?? "none");
      expect([wish, come]).toEqual([wish, outcomeOf(index, past)]);
      if (typeof made === "string") continue;
      const { protocol, state } = await made.status();
      expect([protocol, state]).toEqual(come === "none" ? [undefined, "negotiable"] : [come, "specific"]);
      if (come !== "none") expect((await made.transmit(apdu)).length).toBeGreaterThan(1);
      else expect((await failureOf(made.transmit(apdu))).code).toBe("proto-mismatch");
      await made.disconnect("leave");
    }
    expect(card.powered).toBe(true);
  });

  test("never says SPECIFIC without a protocol, in every state of the card", async () => {
    const { connect, name, context, runtime } = await world({ profile });
    const b = await (await context("b")).connect(name, direct());
    expect(await b.status()).toMatchObject({ state: "negotiable", protocol: undefined });
    if (profile === "pcsclite") await (await connect("a")).transmit(apdu);
    await runtime.advance(10_000);
    expect(await b.status()).toMatchObject({ state: "negotiable", protocol: undefined });
  });
});

describe("a direct connection beside others", () => {
  test("has their protocol with pcsc-lite, and keeps its own through a reconnect", async () => {
    const { connect, context, name } = await world({ profile: "pcsclite" });
    const a = await connect("a");
    const b = await (await context("b")).connect(name, direct());
    expect(b.protocol).toBe("t1");
    expect(await b.status()).toMatchObject({ state: "specific", protocol: "t1" });
    expect(await a.reconnect({ ...direct(), initialization: "leave" })).toBe("t1");
  });

  test("does not reset the card under them", async () => {
    const semantics = { directSharing: "shared" } as const;
    const { card, context, name } = await world({ semantics, atr: BOTH });
    const other = await (await context("a")).connect(name, shared("t0"));
    const b = await context("b");
    expect((await failureOf(b.connect(name, direct("t1")))).code).toBe("proto-mismatch");
    expect((await b.connect(name, direct("t0", "t1"))).protocol).toBe("t0");
    expect(card.resets).toEqual(["cold"]);
    expect((await other.transmit(apdu)).length).toBeGreaterThan(1);
  });
});

describe.each(["windows", "pcsclite"] as const)("the state of a card (%s)", (profile) => {
  test("is SWALLOWED without power, NEGOTIABLE after a reset, SPECIFIC with a protocol, ABSENT without a card", async () => {
    const { connect, context, name, reader, runtime } = await world({ profile });
    const a = await connect("a");
    expect(await a.status()).toMatchObject({ state: "specific", protocol: "t1" });
    await a.disconnect("unpower");
    const b = await (await context("b")).connect(name, direct());
    expect(await b.status()).toMatchObject({ state: "swallowed", protocol: undefined });
    await b.reconnect({ ...shared("t1"), initialization: "reset" });
    expect(await b.status()).toMatchObject({ state: "specific", protocol: "t1" });
    await b.disconnect("leave");
    await runtime.advance(6000);
    const c = await (await context("c")).connect(name, direct());
    expect((await c.status()).state).toBe("swallowed");
    reader.remove();
    expect((await c.status()).state).toBe("absent");
    await c.disconnect("leave");
  });
});

describe("a service that has stopped", () => {
  const calls: Readonly<Record<string, (connection: Connection) => Promise<unknown>>> = {
    begin: (connection) => connection.beginTransaction(),
    end: (connection) => connection.endTransaction("leave"),
    status: (connection) => connection.status(),
    transmit: (connection) => connection.transmit(apdu),
    control: (connection) => connection.control(0x4200_0d48, new Uint8Array()),
    "get attribute": (connection) => connection.getAttribute(0x0009_0303),
    "set attribute": (connection) => connection.setAttribute(0x7fff_0007, Uint8Array.of(1)),
    count: (connection) => connection.transmitCount(),
    reconnect: (connection) => connection.reconnect({ ...shared("t1"), initialization: "leave" }),
    disconnect: (connection) => connection.disconnect("leave"),
  };

  test.each(["shared", "exclusive", "direct"] as const)("says so to every call on a card (%s)", async (mode) => {
    const { connect, manager } = await world();
    const connection = await connect("a", mode);
    await manager.close();
    for (const [name, call] of Object.entries(calls)) {
      expect([name, (await failureOf(call(connection))).code]).toEqual([name, "service-stopped"]);
    }
    await connection[Symbol.asyncDispose]();
  });

  test("says so to every call on a context, and to one whose card was reset or removed before", async () => {
    const { connect, context, manager, name, reader } = await world();
    const a = await context("a");
    const [gone, other] = [await connect("b"), await connect("c")];
    await other.disconnect("reset");
    expect((await failureOf(gone.status())).code).toBe("reset-card");
    reader.remove();
    await manager.close();
    const onContext = {
      list: () => a.listReaders(),
      groups: () => a.listReaderGroups(),
      describe: () => a.describeReader(name),
      wait: () => a.getStatusChange([{ reader: name }]),
      connect: () => a.connect(name, shared("t1")),
      cancel: () => a.cancel(),
      release: () => a.release(),
    };
    for (const [call, run] of Object.entries(onContext)) {
      expect([call, (await failureOf(run())).code]).toEqual([call, "service-stopped"]);
    }
    expect(await a.isValid()).toBe(false);
    expect((await failureOf(gone.status())).code).toBe("service-stopped");
    // What was ended in good order is what it was.
    expect((await failureOf(other.status())).code).toBe("invalid-handle");
  });

  test("says so to every wait and exchange that was under way", async () => {
    const { card, connect, context, manager, name, runtime } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    card.process = () => new Promise<Uint8Array>(() => {}) as never;
    const exchange = watched(a.transmit(apdu));
    const c = await context("c");
    const pending: Promise<unknown>[] = [b.beginTransaction(), b.transmit(apdu), c.connect(name, shared("t1"))];
    const waits = pending.map((call) => watched(call));
    const closing = manager.close();
    await runtime.advance(60_000);
    await closing;
    for (const wait of waits) expect(await stateOf(wait)).toBe("service-stopped");
    expect(await stateOf(exchange)).toBe("service-stopped");
  });
});
