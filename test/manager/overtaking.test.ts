// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { type Protocol, type Reader, type ReaderEvents, SmartCardError } from "../../src/port/index.ts";
import { apdu, bytesOf, EchoCard, failureOf, settle, stateOf, watched, world } from "./world.ts";

// What may come before what has waited longer, and what may not. Rare constellations, that random histories
// (model.test.ts) meet now and then only.

const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
const anew = { ...shared, initialization: "leave" } as const;
const exclusive = { ...anew, shareMode: "exclusive" } as const;

describe("a connection that had to wait is refused where another one came first", () => {
  test("on connecting", async () => {
    const { connect, reader, runtime } = await world();
    const a = await connect("a");
    reader.slow(10);
    const exchange = a.transmit(apdu);
    await runtime.settle();
    await a.disconnect("leave");
    const [shared, alone] = [connect("b"), watched(connect("c", "exclusive"))];
    await runtime.advance(10);
    await Promise.all([exchange, shared]);
    expect((await failureOf(alone)).code).toBe("sharing-violation");
  });

  test("on reconnecting", async () => {
    const { connect, context, name, reader, runtime } = await world();
    const [a, contextB] = [await connect("a"), await context("b")];
    reader.slow(10);
    const exchange = a.transmit(apdu);
    const [other, alone] = [contextB.connect(name, shared), watched(a.reconnect(exclusive))];
    await runtime.advance(10);
    await Promise.all([exchange, other]);
    expect((await failureOf(alone)).code).toBe("sharing-violation");
    expect(a.shareMode).toBe("shared");
  });
});

describe("a holder's own calls take effect in their order", () => {
  test("a begin that follows an end in the same breath holds the lock that it was granted", async () => {
    for (const disposition of ["leave", "reset"] as const) {
      const { connect, card, manager } = await world();
      const a = await connect("a");
      await a.beginTransaction();
      await Promise.all([a.endTransaction(disposition), a.beginTransaction()]);
      expect((await manager.inspect()).readers[0]?.lock?.depth).toBe(1);
      expect(card.resets.length).toBe(disposition === "reset" ? 2 : 1);
    }
  });

  test("a begin that follows an end which waits for an exchange goes to the end of the queue", async () => {
    const { connect, card, reader, runtime } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    reader.slow(10);
    await a.beginTransaction();
    const exchange = a.transmit(apdu);
    const other = b.beginTransaction();
    const ended = a.endTransaction("leave");
    const again = watched(a.beginTransaction());
    await runtime.advance(10);
    await Promise.all([exchange, ended]);
    expect([await stateOf(other), await stateOf(again)]).toEqual(["fulfilled", "pending"]);
    await b.endTransaction("leave");
    await again;
    expect(card.resets).toEqual(["cold"]);
  });

  test("a begin that follows a reconnect in the same breath holds the lock that it was granted", async () => {
    const { connect, manager } = await world();
    const a = await connect("a");
    await a.beginTransaction();
    await Promise.all([a.reconnect(anew), a.beginTransaction()]);
    expect((await manager.inspect()).readers[0]?.lock?.depth).toBe(1);
  });

  test("those of a former holder keep their place in the queue", async () => {
    const { connect, card, reader, runtime } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    reader.slow(10);
    await a.beginTransaction();
    const calls = [
      a.transmit(apdu),
      // Ends the transaction, under the windows profile.
      a.reconnect(anew),
      a.transmit(Uint8Array.of(0, 1, 0, 0)),
      b.beginTransaction(),
      b.transmit(Uint8Array.of(0, 2, 0, 0)),
    ];
    await runtime.advance(30);
    await Promise.all(calls);
    expect(card.commands.map((command) => command[1])).toEqual([0xa4, 1, 2]);
  });

  test("an end that waits for an exchange is not cancelled", async () => {
    const { context, name, reader, runtime, manager } = await world();
    const contextA = await context("a");
    const a = await contextA.connect(name, shared);
    reader.slow(10);
    await a.beginTransaction();
    const calls = [a.transmit(apdu), a.endTransaction("leave")];
    await contextA.cancel();
    await runtime.advance(10);
    await Promise.all(calls);
    expect((await manager.inspect()).readers[0]?.lock).toBeUndefined();
  });

  test("disconnecting ends all that the connection waits for, and nothing else", async () => {
    const { connect } = await world();
    const [a, b, c] = [await connect("a"), await connect("b"), await connect("c")];
    await a.beginTransaction();
    const waits = [watched(b.beginTransaction()), watched(b.transmit(apdu)), c.beginTransaction()];
    await b.disconnect("leave");
    expect(await Promise.all(waits.map(stateOf))).toEqual(["invalid-handle", "invalid-handle", "pending"]);
    await a.endTransaction("leave");
    expect(await Promise.all(waits.map(stateOf))).toEqual(["invalid-handle", "invalid-handle", "fulfilled"]);
  });
});

describe("a removal", () => {
  test("ends the exchange under way, though the driver says nothing", async () => {
    const { manager, context } = await world();
    const reader = new SilentReader();
    const name = await manager.addReader(reader);
    reader.events?.inserted();
    await settle();
    const a = await (await context("a")).connect(name, shared);
    const exchange = watched(a.transmit(apdu));
    await settle();
    reader.events?.removed();
    expect(await stateOf(exchange)).toBe("removed-card");
    expect(reader.aborted).toBe(true);
  });

  test("clears what was pending for the card: the next one does not suffer for it", async () => {
    const { connect, card, context, name, reader, runtime } = await world({ profile: "pcsclite" });
    const direct = await (await context("direct")).connect(name, { shareMode: "direct", preferredProtocols: [] });
    const a = await connect("a");
    // A connection to the reader alone keeps its lock when the card goes.
    await direct.beginTransaction();
    const gone = a.disconnect("reset");
    expect(await stateOf(gone)).toBe("pending");
    reader.remove();
    expect(await stateOf(gone)).toBe("fulfilled");
    const next = new EchoCard();
    reader.insert(next);
    await runtime.settle();
    await direct.endTransaction("leave");
    await runtime.settle();
    expect([card.resets, next.resets]).toEqual([["cold"], ["cold"]]);
  });
});

/** A reader whose exchanges last until they are aborted. */
class SilentReader implements Reader {
  readonly description = {
    name: "Silent",
    id: "silent",
    vendor: "",
    product: "",
    type: "vendor",
    protocols: ["t1"],
    canEject: false,
  } as const;
  events: ReaderEvents | undefined;
  aborted = false;

  async open(events: ReaderEvents): Promise<void> {
    this.events = events;
  }

  async power(): Promise<Uint8Array> {
    return bytesOf("3B8180018080");
  }

  async setProtocol(): Promise<void> {}

  transmit(_command: Uint8Array, _protocol: Protocol, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        this.aborted = true;
        reject(new SmartCardError("cancelled", "the exchange was aborted"));
      });
    });
  }

  async control(): Promise<Uint8Array> {
    throw new SmartCardError("unsupported-feature", "the silent reader has no control codes");
  }

  getAttribute(): undefined {}

  setAttribute(): boolean {
    return false;
  }

  async close(): Promise<void> {}
}
