// SPDX-License-Identifier: MIT

// What this package adds to the API, in the proxies of a page: as in scard/web.

import { afterEach, describe, expect, it } from "vitest";
import type { ExtendedBridgeConnection, ExtendedBridgeContext } from "../../src/entry/bridge.ts";
import { bridgeStage } from "./stage.ts";

let end: (() => Promise<void>) | undefined;
afterEach(async () => {
  await end?.();
  end = undefined;
});

const command = Uint8Array.of(0x00, 0xc0, 0x01, 0x02);
const ended = { name: "InvalidStateError" };

async function connected() {
  const stage = await bridgeStage();
  end = () => stage.close();
  const page = stage.page(undefined, { isExtended: true });
  const context = (await page.smartCard.establishContext()) as unknown as ExtendedBridgeContext;
  const { connection } = await context.connect("Reader A", "shared", { preferredProtocols: ["t1"] });
  return { stage, page, context, connection: connection as ExtendedBridgeConnection };
}

/** Another program that has the card for itself. */
async function locked(stage: Awaited<ReturnType<typeof bridgeStage>>) {
  const own = await stage.manager.client({ name: "another program" }).establishContext();
  const connection = await own.connect("Reader A", { shareMode: "shared", preferredProtocols: ["t1"] });
  await connection.beginTransaction();
  return connection;
}

it("pages that do not ask for them have none", async () => {
  const stage = await bridgeStage();
  end = () => stage.close();
  const context = await stage.page().smartCard.establishContext();
  expect("watch" in context).toBe(false);
});

describe("send", () => {
  it("sends the bytes of a command, or its parts, and gives the whole response", async () => {
    const { connection, stage } = await connected();
    const bytes = Uint8Array.of(...command, 2, 7, 8);
    const expected = { data: bytes, sw1: 0x90, sw2: 0, sw: 0x9000 };
    expect(await connection.send(bytes)).toMatchObject(expected);
    expect(await connection.send(bytes.buffer)).toMatchObject(expected);
    const parts = { cla: 0, ins: 0xc0, p1: 1, p2: 2, data: Uint8Array.of(7, 8) };
    expect(await connection.send(parts)).toMatchObject(expected);
    expect([bytes[1], parts.data]).toEqual([0xc0, Uint8Array.of(7, 8)]);
    expect(stage.cards[0]?.commands).toEqual([0xc0, 0xc0, 0xc0]);
  });

  it("sends long data as it is told, and refuses what is not a command", async () => {
    const { connection, stage } = await connected();
    await connection.send({ cla: 0, ins: 0xdb, p1: 1, p2: 2, data: new Uint8Array(600) }, { longData: "chaining" });
    expect(stage.cards[0]?.commands).toEqual([0xdb, 0xdb, 0xdb]);
    for (const wrong of ["00a4", 5, undefined, { cla: 0 }])
      await expect(connection.send(wrong as never)).rejects.toThrow(/./);
    await expect(connection.send(command, { longData: "short" as never })).rejects.toBeInstanceOf(TypeError);
    expect(stage.cards[0]?.commands).toHaveLength(3);
  });
});

describe("limits of waits", () => {
  it("a timeout that has passed is a TimeoutError, and the connection goes on", async () => {
    const { connection, stage } = await connected();
    const other = await locked(stage);
    let runs = 0;
    const calls = [
      () => connection.transmit(command, { timeout: 500 }),
      () => connection.startTransaction(async () => void runs++ as never, { timeout: 500 }),
      () => connection.send(command, { timeout: 500 }),
    ];
    for (const call of calls) {
      const outcome = expect(call()).rejects.toMatchObject({ name: "TimeoutError" });
      await stage.runtime.advance(500);
      await outcome;
    }
    await other.endTransaction("leave");
    await connection.transmit(command, { timeout: 500 });
    expect([runs, stage.cards[0]?.commands.length]).toEqual([0, 1]);
  });

  it("a signal rejects with its reason, whatever it is, before the call and while it waits", async () => {
    const { connection, context, stage } = await connected();
    await locked(stage);
    const reason = { mine: true };
    const aborted = AbortSignal.abort(reason);
    await expect(connection.transmit(command, { signal: aborted })).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = connection.send(command, { signal: controller.signal });
    await stage.runtime.settle();
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    // What was for one call is not for the next.
    expect(await context.listReaders()).toEqual(["Reader A"]);
    expect(stage.cards[0]?.commands).toEqual([]);
  });

  it("a wrong limit is a TypeError", async () => {
    const { connection, stage } = await connected();
    for (const wrong of [{ timeout: Number.NaN }, { timeout: "soon" }, { signal: {} }, 5])
      await expect(connection.transmit(command, wrong as never)).rejects.toBeInstanceOf(TypeError);
    expect(stage.cards[0]?.commands).toEqual([]);
    expect([connection.transmit.length, connection.transmit.name]).toEqual([2, "transmit"]);
  });
});

it("reconnect: after a reset by another program, and with other terms", async () => {
  const { connection, stage } = await connected();
  await (await locked(stage)).endTransaction("reset");
  await stage.runtime.settle();
  await expect(connection.transmit(command)).rejects.toMatchObject({ responseCode: "reset-card" });
  expect(await connection.reconnect()).toEqual({ activeProtocol: "t1" });
  await connection.transmit(command);
  await expect(connection.reconnect({ accessMode: "alone" as never })).rejects.toBeInstanceOf(TypeError);
  const refused = connection.reconnect({ accessMode: "exclusive", preferredProtocols: ["t1"] });
  await expect(refused).rejects.toMatchObject({ responseCode: "sharing-violation" });
});

describe("watch", () => {
  it("tells readers and cards as they come and go, while the context stays free, until the context ends", async () => {
    const { context, stage } = await connected();
    const seen: string[] = [];
    const over = (async () => {
      for await (const event of context.watch()) seen.push(event.kind);
    })();
    const news = async (expected: readonly string[]): Promise<void> => {
      await expect.poll(() => stage.runtime.settle().then(() => seen.splice(0))).toEqual(expected);
    };
    await news(["reader-arrived", "card-inserted", "state-complete"]);
    expect(await context.listReaders()).toEqual(["Reader A"]);
    stage.readers[0]?.remove();
    await news(["card-removed"]);
    await context[Symbol.asyncDispose]();
    await over;
  });

  it("ends with its signal, with a break, and with the connection to the bridge", async () => {
    const { context, page, stage } = await connected();
    const controller = new AbortController();
    const watches = [context.watch({ signal: controller.signal }), context.watch(), context.watch()];
    for (const watch of watches) expect(await watch.next()).toMatchObject({ value: { kind: "reader-arrived" } });
    controller.abort();
    expect(await watches[0]?.next()).toEqual({ done: true, value: undefined });
    expect(await watches[1]?.return()).toEqual({ done: true, value: undefined });
    page.smartCard.close();
    await stage.runtime.settle();
    let count = 0;
    while ((await watches[2]?.next())?.done === false) count++;
    expect(count).toBeLessThan(8);
    expect(() => context.watch({ signal: {} as never })).toThrow(TypeError);
  });
});

describe("using", () => {
  it("a connection in a transaction ends with a reset, another one leaves the card as it is", async () => {
    const { connection, context, stage } = await connected();
    const before = stage.cards[0]?.resets ?? 0;
    await connection[Symbol.asyncDispose]();
    await expect(connection.transmit(command)).rejects.toMatchObject(ended);
    expect(stage.cards[0]?.resets).toBe(before);
    const { connection: next } = await context.connect("Reader A", "shared", { preferredProtocols: ["t1"] });
    const outcome = next.startTransaction(() => new Promise(() => undefined)).catch((error: Error) => error);
    await stage.runtime.settle();
    await next[Symbol.asyncDispose]();
    await stage.runtime.settle();
    expect(stage.cards[0]?.resets).toBe(before + 1);
    stage.service.close();
    expect(await outcome).toBeInstanceOf(Error);
  });

  it("a context ends with its connections; also where the bridge has gone, and a second time", async () => {
    const { connection, context, page } = await connected();
    await context[Symbol.asyncDispose]();
    await expect(context.listReaders()).rejects.toMatchObject(ended);
    await expect(connection.transmit(command)).rejects.toMatchObject(ended);
    await context[Symbol.asyncDispose]();
    page.smartCard.close();
    await context[Symbol.asyncDispose]();
    context[Symbol.dispose]();
    connection[Symbol.dispose]();
  });
});
