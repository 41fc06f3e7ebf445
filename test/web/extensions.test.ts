// SPDX-License-Identifier: MIT

// What this package adds to the draft: ends by themselves, watches, whole commands, reconnecting, deadlines, holders, card modules.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { embeddedManager, softwareCard } from "../../src/entry/software.ts";
import { createSmartCard, type ExtendedSmartCardResourceManager, type SmartCardError } from "../../src/entry/web.ts";
import type { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeClock } from "../../src/platform/node/runtime/index.ts";
import type { Connection } from "../../src/port/index.ts";
import { another, invalidState, isPending, scriptedConnection, scriptedContext } from "./scripted.ts";

let manager: EmbeddedManager;
let reader: VirtualReader;
let smartCard: ExtendedSmartCardResourceManager;
const either: ("t0" | "t1")[] = ["t0", "t1"];
const selectMasterFile = Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00);

beforeEach(async () => {
  manager = embeddedManager();
  reader = new VirtualReader({ clock: nodeClock, name: "Desk" });
  reader.insert(await softwareCard("demo"));
  await manager.addReader(reader);
  smartCard = createSmartCard({ manager: manager.client({ name: "page", pid: 7 }) });
});
afterEach(() => manager.close());

/** Another program with a connection to the reader. */
async function rival(shareMode: "shared" | "exclusive" = "shared"): Promise<Connection> {
  const context = await manager.client({ name: "rival", pid: 8 }).establishContext();
  return context.connect("Desk", { shareMode, preferredProtocols: either });
}

async function connect() {
  const context = await smartCard.establishContext();
  const { connection } = await context.connect("Desk", "shared", { preferredProtocols: either });
  return { context, connection };
}

describe("await using", () => {
  test("ends a context, its connections and its watches; calls afterwards are InvalidStateErrors", async () => {
    let context: Awaited<ReturnType<typeof connect>>["context"];
    let connection: Awaited<ReturnType<typeof connect>>["connection"];
    {
      await using ended = await smartCard.establishContext();
      context = ended;
      connection = (await context.connect("Desk", "exclusive", { preferredProtocols: either })).connection;
    }
    await expect(connection.status()).rejects.toMatchObject(invalidState);
    await expect(context.listReaders()).rejects.toMatchObject(invalidState);
    await expect(context.connect("Desk", "shared", { preferredProtocols: either })).rejects.toMatchObject(invalidState);
    // The card is free.
    await (await rival("exclusive")).disconnect();
  });

  test("of a connection leaves the card as it is; in a transaction it is reset, and the lock is free", async () => {
    const other = await rival();
    const { connection } = await connect();
    await connection[Symbol.asyncDispose]();
    await connection[Symbol.asyncDispose]();
    expect((await other.status()).state).toBe("specific");
    const { connection: next } = await connect();
    const outcome = next.startTransaction(async () => {
      await next.transmit(selectMasterFile);
      await next[Symbol.asyncDispose]();
      return "leave";
    });
    await expect(outcome).rejects.toMatchObject(invalidState);
    await expect(other.status()).rejects.toMatchObject({ code: "reset-card" });
    await other.reconnect({ shareMode: "shared", preferredProtocols: either, initialization: "leave" });
    await other.beginTransaction({ timeoutMs: 0 });
  });

  test("of the whole: a tab that is closed in the middle of a transaction", async () => {
    const other = await rival();
    const { connection, context } = await connect();
    let isInside = (): void => {};
    const inside = new Promise<void>((resolve) => (isInside = resolve));
    const outcome = connection.startTransaction(async () => {
      isInside();
      return new Promise(() => {});
    });
    await inside;
    const waiting = context.getStatusChange([{ readerName: "Desk", currentState: { present: true, inuse: true } }]);
    const begun = other.beginTransaction();
    expect(await isPending(begun)).toBe(true);
    await smartCard[Symbol.asyncDispose]();
    await expect(waiting).rejects.toMatchObject(invalidState);
    await expect(begun).rejects.toMatchObject({ code: "reset-card" });
    // The callback never ends, and so the promise of the transaction does not.
    expect(await isPending(outcome)).toBe(true);
    // Another context can be established.
    expect(await (await smartCard.establishContext()).listReaders()).toEqual(["Desk"]);
  });

  test("using, without waiting for the end", async () => {
    const { connection, context } = await connect();
    connection[Symbol.dispose]();
    await expect(connection.status()).rejects.toMatchObject(invalidState);
    context[Symbol.dispose]();
    await expect(context.listReaders()).rejects.toMatchObject(invalidState);
    smartCard[Symbol.dispose]();
  });

  test("a connect that is under way when the context ends leaves no connection behind", async () => {
    const { context, pcsc } = await scriptedContext();
    const held = pcsc.hold("connect");
    const connecting = another(context);
    const ending = context[Symbol.asyncDispose]();
    held.succeed();
    await expect(connecting).rejects.toMatchObject(invalidState);
    await ending;
    expect(pcsc.calls.at(-1)).toEqual(["disconnect", "leave"]);
  });

  test("a context that is being established when all end is ended too", async () => {
    const { pcsc } = await scriptedContext();
    const held = pcsc.hold("establishContext");
    const one = createSmartCard({ manager: pcsc.manager });
    const establishing = one.establishContext();
    await one[Symbol.asyncDispose]();
    held.succeed();
    await expect(establishing).rejects.toMatchObject(invalidState);
    expect(pcsc.names).toEqual(["establishContext", "cancel", "release"]);
  });

  test("a transaction that is waited for when the context ends does not begin", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const held = pcsc.hold("beginTransaction");
    let isCalled = false;
    const outcome = connection.startTransaction(async () => {
      isCalled = true;
      return "leave";
    });
    const ending = context[Symbol.asyncDispose]();
    held.succeed();
    await expect(outcome).rejects.toMatchObject(invalidState);
    await ending;
    expect(isCalled).toBe(false);
  });
});

describe("context.watch()", () => {
  test("reports readers and cards, and leaves the context free", async () => {
    const context = await smartCard.establishContext();
    const kinds: string[] = [];
    const controller = new AbortController();
    for await (const event of context.watch({ signal: controller.signal })) {
      kinds.push(event.kind);
      if (event.kind === "state-complete") {
        expect(await context.listReaders()).toEqual(["Desk"]);
        reader.remove();
      }
      if (event.kind === "card-removed") controller.abort();
    }
    expect(kinds).toEqual(["reader-arrived", "card-inserted", "state-complete", "card-removed"]);
  });

  test("ends with its context", async () => {
    const context = await smartCard.establishContext();
    const kinds: string[] = [];
    for await (const event of context.watch()) {
      kinds.push(event.kind);
      if (event.kind === "state-complete") await context[Symbol.asyncDispose]();
    }
    expect(kinds.at(-1)).toBe("state-complete");
    for await (const event of context.watch()) expect.unreachable(event.kind);
  });

  test("refuses anything but a signal", async () => {
    const context = await smartCard.establishContext();
    expect(() => context.watch({ signal: "soon" as never })).toThrow(TypeError);
    expect(() => context.watch(5 as never)).toThrow(TypeError);
  });
});

describe("connection.send()", () => {
  test("sends an APDU, as bytes or in parts, and gives the whole response", async () => {
    const { connection } = await connect();
    expect((await connection.send(selectMasterFile)).sw).toBe(0x9000);
    expect((await connection.send(selectMasterFile.buffer)).sw).toBe(0x9000);
    const data = Uint8Array.of(0x3f, 0x00);
    expect((await connection.send({ cla: 0, ins: 0xa4, p1: 0, p2: 0x0c, data })).sw).toBe(0x9000);
    expect((await connection.send({ cla: 0, ins: 0x84, p1: 0, p2: 0, le: 8 })).data.length).toBe(8);
  });

  test("is an operation of the context, with the exceptions of the draft", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const held = pcsc.hold("send");
    const sending = connection.send(selectMasterFile, { longData: "chaining" });
    await expect(context.listReaders()).rejects.toMatchObject(invalidState);
    held.fail("reset-card");
    await expect(sending).rejects.toMatchObject({ responseCode: "reset-card" });
    expect(pcsc.calls).toEqual([["send", selectMasterFile, { longData: "chaining" }]]);
    await expect(connection.send(selectMasterFile, { longData: "long" as never })).rejects.toThrow(TypeError);
  });

  test.each([undefined, null, "00A4", 5, Uint8Array.of(0), { cla: 0 }, { cla: 0, ins: 1, p1: 2, p2: 300 }])(
    "refuses %j with a TypeError",
    async (command) => {
      const { connection } = await connect();
      await expect(connection.send(command as never)).rejects.toThrow(TypeError);
      expect((await connection.send(selectMasterFile)).sw).toBe(0x9000);
    },
  );

  test("needs a protocol", async () => {
    const context = await smartCard.establishContext();
    const { connection } = await context.connect("Desk", "direct");
    await expect(connection.send(selectMasterFile)).rejects.toMatchObject(invalidState);
  });
});

describe("connection.reconnect()", () => {
  test("after a reset by another program the connection can be used again", async () => {
    const { connection } = await connect();
    await (await rival()).disconnect("reset");
    await expect(connection.transmit(selectMasterFile)).rejects.toMatchObject({ responseCode: "reset-card" });
    expect(await connection.reconnect()).toEqual({ activeProtocol: "t1" });
    expect(new Uint8Array(await connection.transmit(selectMasterFile))).toEqual(Uint8Array.of(0x90, 0x00));
  });

  test("changes the access mode and the protocols", async () => {
    const { connection } = await connect();
    expect(await connection.reconnect({ accessMode: "exclusive" })).toEqual({ activeProtocol: "t1" });
    await expect(rival()).rejects.toMatchObject({ code: "sharing-violation" });
    const options = { preferredProtocols: ["t0" as const], initialization: "reset" as const };
    expect(await connection.reconnect(options)).toEqual({ activeProtocol: "t0" });
    expect((await connection.status()).state).toBe("t0");
    // What was changed stays.
    expect(await connection.reconnect()).toEqual({ activeProtocol: "t0" });
    await expect(connection.reconnect({ initialization: "eject" as never })).rejects.toThrow(TypeError);
  });

  test("a direct connection gets a protocol", async () => {
    const context = await smartCard.establishContext();
    const { connection } = await context.connect("Desk", "direct");
    await expect(connection.transmit(selectMasterFile)).rejects.toMatchObject(invalidState);
    await connection.reconnect({ accessMode: "shared", preferredProtocols: either });
    await connection.transmit(selectMasterFile);
  });
});

describe("deadlines and signals", () => {
  test("a lock that is not given in time is a TimeoutError; aborted, it is the reason of the signal", async () => {
    const { connection } = await connect();
    const other = await rival();
    await other.beginTransaction();
    const timeoutError = { name: "TimeoutError" };
    const never = async (): Promise<"leave"> => expect.unreachable("it has the lock");
    await expect(connection.startTransaction(never, { timeout: 5 })).rejects.toMatchObject(timeoutError);
    await expect(connection.transmit(selectMasterFile, { timeout: 5 })).rejects.toMatchObject(timeoutError);
    await expect(connection.status({ timeout: 5 })).rejects.toMatchObject(timeoutError);
    await expect(connection.send(selectMasterFile, { timeout: 5 })).rejects.toMatchObject(timeoutError);
    const controller = new AbortController();
    const waiting = connection.transmit(selectMasterFile, { signal: controller.signal });
    controller.abort("my reason");
    await expect(waiting).rejects.toBe("my reason");
    await other.endTransaction();
    await connection.transmit(selectMasterFile, { timeout: 5 });
  });

  test("connect", async () => {
    const other = await rival();
    await other.beginTransaction();
    const context = await smartCard.establishContext();
    const options = { preferredProtocols: either };
    const late = context.connect("Desk", "shared", { ...options, timeout: 5 });
    await expect(late).rejects.toMatchObject({ name: "TimeoutError" });
    const signal = AbortSignal.timeout(5);
    const aborted = context.connect("Desk", "shared", { ...options, signal });
    await expect(aborted).rejects.toBe(await aborted.catch(() => signal.reason));
    expect(signal.reason).toMatchObject({ name: "TimeoutError" });
  });

  test("every method with options hands the limits on", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const { signal } = new AbortController();
    const options = { timeout: 7, signal };
    await connection.transmit(selectMasterFile, options);
    await connection.status(options);
    await connection.control(1, new Uint8Array(), options);
    await connection.getAttribute(1, options);
    await connection.setAttribute(1, new Uint8Array(), options);
    await connection.send(selectMasterFile, options);
    await connection.reconnect(options);
    await connection.startTransaction(async () => "leave", options);
    const waits = pcsc.calls.slice(0, -1).map((call) => call.at(-1));
    expect(waits).toHaveLength(8);
    for (const wait of waits) expect(wait).toMatchObject({ timeoutMs: 7, signal });
  });
});

test("a sharing violation says who holds the reader", async () => {
  await rival("exclusive");
  const context = await smartCard.establishContext();
  const failure = await context.connect("Desk", "shared", { preferredProtocols: either }).catch((error) => error);
  expect((failure as SmartCardError).holder).toMatchObject({ client: "rival", pid: 8, shareMode: "exclusive" });
  expect(failure).toMatchObject({ name: "SmartCardError", responseCode: "sharing-violation" });
});

describe("connection.openCard()", () => {
  test("opens the card with its module", async () => {
    reader.insert(await softwareCard("piv"));
    const { connection, context } = await connect();
    const card = await connection.openCard();
    expect((await card.properties()).serialNumber).toBeDefined();
    expect(await context.listReaders()).toEqual(["Desk"]);
    await card.close();
    // The connection stays the caller's.
    await connection.disconnect();
  });

  test("is refused in a transaction, and where another operation is in progress", async () => {
    const { connection } = await connect();
    await connection.startTransaction(async () => {
      await expect(connection.openCard()).rejects.toMatchObject(invalidState);
      return "leave";
    });
    await connection.disconnect();
    await expect(connection.openCard()).rejects.toMatchObject(invalidState);
  });

  test("its failures are those of card modules", async () => {
    const { connection } = await connect();
    await expect(connection.openCard()).rejects.toMatchObject({ code: "card-unsupported" });
    await connection.transmit(selectMasterFile);
  });
});
