// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import type { Connection } from "../../src/port/index.ts";
import { apdu, failureOf, stateOf } from "../manager/world.ts";
import { joinedWorld } from "./in-memory.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;

async function contended() {
  const joined = await joinedWorld();
  // Another program, which does not come through our client.
  const other = await joined.connect("other program");
  await other.beginTransaction();
  const context = await joined.client.establishContext();
  const connect = async (): Promise<Connection> => {
    await other.endTransaction("leave");
    const connection = await context.connect(joined.name, shared);
    await other.beginTransaction();
    return connection;
  };
  return { ...joined, other, context, connect };
}

describe("while another program has a transaction", () => {
  test("calls wait, and run in the order in which they were made", async () => {
    const { connect, other, runtime } = await contended();
    const cards = [await connect(), await connect(), await connect(), await connect()];
    const order: number[] = [];
    const turns = cards.map(async (card, index) => {
      await card.beginTransaction();
      order.push(index);
      await card.transmit(apdu);
      await card.endTransaction("leave");
    });
    // Far longer than the service holds a request: all were refused by then, and ask again.
    await runtime.advance(5000);
    expect(order).toEqual([]);
    await other.endTransaction("leave");
    await runtime.advance(1000);
    await Promise.all(turns);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test("a new call does not overtake refused ones, and the holder of the transaction does not wait", async () => {
    const { connect, other, runtime } = await contended();
    const [first, second, third] = [await connect(), await connect(), await connect()];
    const order: string[] = [];
    const begun = first.beginTransaction().then(() => order.push("first begins"));
    const sent = second.transmit(apdu).then(() => order.push("second sends"));
    await runtime.advance(1500);
    const late = third.transmit(apdu).then(() => order.push("third sends"));
    await other.endTransaction("leave");
    await runtime.advance(200);
    await begun;
    await first.beginTransaction();
    await first.transmit(apdu, { protocol: "t1", timeoutMs: 1000 }).then(() => order.push("first sends"));
    await first.endTransaction("leave");
    await first.endTransaction("leave").then(() => order.push("first ends"));
    await runtime.advance(200);
    await Promise.all([sent, late]);
    expect(order).toEqual(["first begins", "first sends", "first ends", "second sends", "third sends"]);
  });

  test("the next of ours goes on in the moment in which one of ours has finished", async () => {
    const { connect, other, runtime } = await contended();
    const [first, second] = [await connect(), await connect()];
    await other.endTransaction("leave");
    await first.beginTransaction();
    const waiting = second.beginTransaction();
    await runtime.advance(10_000);
    expect(await stateOf(waiting)).toBe("pending");
    await first.endTransaction("leave");
    await runtime.settle();
    await runtime.settle();
    expect(await stateOf(waiting)).toBe("fulfilled");
  });

  test.each([0, 1, 300, 1020, 3000])(
    "a wait that began %i ms ago ends by deadline, signal or cancel, and leaves no lock",
    async (ms) => {
      const { connect, context, other, runtime } = await contended();
      const [first, second, third] = [await connect(), await connect(), await connect()];
      const controller = new AbortController();
      const waits = [
        first.beginTransaction({ timeoutMs: ms }),
        second.transmit(apdu, { protocol: "t1", signal: controller.signal }),
        third.status(),
      ].map((wait) => failureOf(wait));
      await runtime.advance(ms);
      controller.abort("enough");
      await context.cancel();
      await runtime.advance(20);
      const codes = (await Promise.all(waits)).map(({ code }) => code);
      expect(codes).toEqual(["timeout", "cancelled", "cancelled"]);
      await runtime.settle();
      await other.transmit(apdu);
      await other.endTransaction("leave");
      const ended = third.beginTransaction().then(() => third.endTransaction("leave"));
      const free = Promise.all([first.transmit(apdu), second.status(), ended]);
      // The service keeps the places of those who slept for a moment.
      await runtime.advance(500);
      expect(await stateOf(free)).toBe("fulfilled");
    },
  );

  test("a short deadline of a connect bounds the wait for others, and not the start of the card", async () => {
    const { client, context, name, other, reader, runtime } = await contended();
    const began = runtime.clock.now();
    const timedOut = failureOf(context.connect(name, { ...shared, timeoutMs: 200 }));
    await runtime.advance(199);
    expect(await stateOf(timedOut)).toBe("pending");
    await runtime.advance(1);
    expect((await timedOut).code).toBe("timeout");
    expect(runtime.clock.now() - began).toBe(200);
    await other.disconnect("unpower");
    await context.release();
    const card = reader.card;
    reader.remove();
    await runtime.settle();
    if (card !== undefined) reader.insert(card);
    await runtime.settle();
    // The card takes its time to start, and no other program is connected.
    reader.slow(300);
    const starting = (await client.establishContext()).connect(name, { ...shared, timeoutMs: 100 });
    await runtime.advance(900);
    expect(await stateOf(starting)).toBe("fulfilled");
  });

  test("a connect waits, and is given up by its deadline without a trace", async () => {
    const { context, name, other, runtime, manager } = await contended();
    const timedOut = failureOf(context.connect(name, { ...shared, timeoutMs: 1700 }));
    const waiting = context.connect(name, shared);
    await runtime.advance(1699);
    expect(await stateOf(timedOut)).toBe("pending");
    await runtime.advance(1);
    expect((await timedOut).code).toBe("timeout");
    expect(await stateOf(waiting)).toBe("pending");
    await other.endTransaction("leave");
    await runtime.advance(200);
    await (await waiting).transmit(apdu);
    const { readers } = await manager.inspect();
    expect(readers[0]?.connections.map(({ client }) => client.name)).toEqual(["other program", "client"]);
  });

  test("a connect waits for eleven minutes, and ends then: a service that never answers would hold it for ever", async () => {
    const { context, name, other, runtime } = await contended();
    const late = failureOf(context.connect(name, shared));
    await runtime.advance(660_000);
    expect((await late).code).toBe("comm-error");
    const waiting = context.connect(name, shared);
    await runtime.advance(600_000);
    expect(await stateOf(waiting)).toBe("pending");
    await other.endTransaction("leave");
    await runtime.advance(200);
    expect(await stateOf(waiting)).toBe("fulfilled");
  });

  test("a disconnect ends the waits of its connection", async () => {
    const { connect, runtime } = await contended();
    const card = await connect();
    const waiting = failureOf(card.beginTransaction());
    await runtime.advance(3000);
    await card.disconnect("leave");
    expect((await waiting).code).toBe("invalid-handle");
  });

  test("an exchange under way is not aborted", async () => {
    const { connect, context, other, card: echo, runtime } = await contended();
    const card = await connect();
    await other.endTransaction("leave");
    const sent = card.transmit(apdu, { protocol: "t1", timeoutMs: 5 });
    await context.cancel();
    await runtime.advance(50);
    expect([await stateOf(sent), echo.commands.length]).toEqual(["fulfilled", 1]);
  });
});
