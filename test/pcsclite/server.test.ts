// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { PcscliteServer, type ServerLogEntry } from "../../src/faces/pcsclite-server/index.ts";
import { encodeRequest, type Request } from "../../src/wire/pcsclite/index.ts";
import { EchoCard, type World, world } from "../manager/world.ts";
import { u32, WireClient } from "./wire-client.ts";

const SUCCESS = 0;
const CANCELLED = 0x8010_0002;
const INVALID_HANDLE = 0x8010_0003;
const NOT_TRANSACTED = 0x8010_0016;
const SHARING_VIOLATION = 0x8010_000b;
const SERVICE_STOPPED = 0x8010_001e;
const RESET_CARD = 0x8010_0068;

interface Wire extends World {
  readonly server: PcscliteServer;
  readonly log: ServerLogEntry[];
  /** A client with a context. */
  client(name: string): Promise<{ client: WireClient; context: number }>;
  /** Asks, and gives what came back by then. */
  ask(client: WireClient, request: Request): Promise<Uint8Array>;
  /** Connects; gives the card. */
  connect4(client: WireClient, context: number, reader?: string): Promise<number>;
}

async function wire(options: Parameters<typeof world>[0] = {}): Promise<Wire> {
  const inner = await world({ profile: "pcsclite", ...options });
  const log: ServerLogEntry[] = [];
  const server = new PcscliteServer({
    runtime: inner.runtime,
    manager: inner.manager,
    log: (entry) => log.push(entry),
  });
  const ask: Wire["ask"] = async (client, request) => {
    client.ask(request);
    await inner.runtime.settle();
    return client.take();
  };
  return {
    ...inner,
    server,
    log,
    ask,
    async client(name) {
      const client = new WireClient(server, { name });
      const answer = await ask(client, { kind: "establish-context", scope: 2 });
      expect([answer.length, u32(answer, 8)]).toEqual([12, SUCCESS]);
      return { client, context: u32(answer, 4) };
    },
    async connect4(client, context, reader = inner.name) {
      const answer = await ask(client, { kind: "connect", context, reader, shareMode: 2, preferredProtocols: 3 });
      expect([answer.length, u32(answer, -8), u32(answer, -4)]).toEqual([152, 2, SUCCESS]);
      return u32(answer, -12);
    },
  };
}

const apdu = Uint8Array.of(0, 0xa4, 0, 0);

/** The text before the next NUL. */
function cString(bytes: Uint8Array, offset: number): string {
  return new TextDecoder().decode(bytes.subarray(offset, bytes.indexOf(0, offset)));
}

function transmit(card: number, receiveLength = 258): Request {
  const pci = { sendProtocol: 2, sendPciLength: 16, receiveProtocol: 0, receivePciLength: 0 };
  return { kind: "transmit", card, ...pci, receiveLength, command: apdu };
}

describe("a session", () => {
  test("agrees on 4:4 to 4:6 by the name that the client gave, refuses others by the newest, and stays usable", async () => {
    const { server, ask } = await wire();
    const client = new WireClient(server, { name: "a" });
    const answerTo = async (major: number, minor: number): Promise<string> => {
      const answer = await ask(client, { kind: "version", major, minor });
      const rv = u32(answer, 8);
      expect([SUCCESS, SERVICE_STOPPED]).toContain(rv);
      return `${rv === SUCCESS ? "+" : "-"} ${u32(answer, 0)}:${u32(answer, 4)}`;
    };
    const spoken = ["4:4", "4:5", "4:6"];
    for (const major of [0, 3, 4, 5, 0x7fff_ffff]) {
      for (let minor = 0; minor < 10; minor++) {
        const asked = `${major}:${minor}`;
        expect(`${asked} ${await answerTo(major, minor)}`).toBe(
          spoken.includes(asked) ? `${asked} + ${asked}` : `${asked} - 4:6`,
        );
      }
    }
    expect(await answerTo(-4, -4)).toBe("- 4:6");
    expect(await answerTo(4, 4)).toBe("+ 4:4");
  });

  test("connects, exchanges, asks for status and attributes, and disconnects", async () => {
    const { client, ask, connect4, card } = await wire();
    const { client: a, context } = await client("a");
    const handle = await connect4(a, context);
    const exchanged = await ask(a, transmit(handle));
    expect([exchanged.length, u32(exchanged, 24), u32(exchanged, 28)]).toEqual([32 + 6, 6, SUCCESS]);
    expect([...exchanged.subarray(32)]).toEqual([...apdu, 0x90, 0x00]);
    const short = await ask(a, transmit(handle, 5));
    expect([short.length, u32(short, 24), u32(short, 28)]).toEqual([32, 6, 0x8010_0008]);
    expect(u32(await ask(a, { kind: "status", card: handle }), 4)).toBe(SUCCESS);
    const atr = await ask(a, { kind: "get-attribute", card: handle, attribute: 0x00090303, length: 264 });
    expect([u32(atr, -8), u32(atr, -4)]).toEqual([6, SUCCESS]);
    const unknown = await ask(a, { kind: "get-attribute", card: handle, attribute: 1, length: 264 });
    expect(u32(unknown, -4)).toBe(0x8010_001f);
    expect(u32(await ask(a, { kind: "disconnect", card: handle, disposition: 1 }), -4)).toBe(SUCCESS);
    expect(card.resets).toEqual(["cold", "warm"]);
    expect(u32(await ask(a, { kind: "status", card: handle }), 4)).toBe(INVALID_HANDLE);
    expect(u32(await ask(a, { kind: "release-context", context }), 4)).toBe(SUCCESS);
    expect(u32(await ask(a, { kind: "release-context", context }), 4)).toBe(INVALID_HANDLE);
  });

  test("refuses terms that mean nothing with pcscd's codes", async () => {
    const { client, ask, connect4, name } = await wire();
    const { client: a, context } = await client("a");
    const connect = { kind: "connect", context, reader: name, shareMode: 2, preferredProtocols: 3 } as const;
    const rv = async (request: Request): Promise<number> => u32(await ask(a, request), -4);
    expect(await rv({ ...connect, preferredProtocols: 0, shareMode: 9 })).toBe(0x8010_000f);
    expect(await rv({ ...connect, shareMode: 9 })).toBe(0x8010_0011);
    expect(await rv({ ...connect, reader: "Nowhere" })).toBe(0x8010_0009);
    expect(await rv({ ...connect, context: context ^ 1 })).toBe(INVALID_HANDLE);
    const handle = await connect4(a, context);
    expect(await rv({ kind: "disconnect", card: handle, disposition: 9 })).toBe(0x8010_0011);
    expect(await rv({ kind: "end-transaction", card: handle, disposition: 0 })).toBe(0x8010_0016);
    expect(await rv({ kind: "establish-context", scope: 2 })).toBe(0x8010_0006);
  });

  test("of another client cannot use a card handle", async () => {
    const { client, ask, connect4 } = await wire();
    const a = await client("a");
    const handle = await connect4(a.client, a.context);
    const b = await client("b");
    expect(u32(await ask(b.client, { kind: "begin-transaction", card: handle }), 4)).toBe(INVALID_HANDLE);
  });

  test("that may not use the service, or a reader, is told so", async () => {
    const { server, ask, name } = await wire();
    const outcast = new WireClient(server, { name: "outcast" }, { admitted: false });
    expect(u32(await ask(outcast, { kind: "establish-context", scope: 2 }), 8)).toBe(0x8010_006a);
    const half = new WireClient(server, { name: "half" }, { mayUse: (reader) => reader !== name });
    const context = u32(await ask(half, { kind: "establish-context", scope: 2 }), 4);
    const connect = { kind: "connect", context, reader: name, shareMode: 2, preferredProtocols: 3 } as const;
    expect(u32(await ask(half, connect), -4)).toBe(0x8010_006a);
  });
});

describe("the table of readers", () => {
  test("has 16 entries for older clients, who are told in the log of what they miss", async () => {
    const { addReader, client, ask, log } = await wire();
    for (let index = 0; index < 17; index++) await addReader({ name: `Reader ${index}`, id: `${index}` });
    const { client: a } = await client("a");
    await ask(a, { kind: "version", major: 4, minor: 4 });
    const table = await ask(a, { kind: "reader-table" });
    expect(table.length).toBe(16 * 184);
    expect(new TextDecoder().decode(table.subarray(0, 6))).toBe("Reader");
    expect(log.map(({ message }) => message)).toContainEqual(expect.stringContaining("2 more are hidden"));
    const size = await ask(a, { kind: "reader-table-size" });
    expect(u32(size, 0)).toBe(18);
    expect((await ask(a, { kind: "whole-reader-table" })).length).toBe(18 * 184);
  });

  test("never becomes smaller", async () => {
    const { addReader, client, ask, manager } = await wire();
    const { client: a } = await client("a");
    expect(u32(await ask(a, { kind: "reader-table-size" }), 0)).toBe(16);
    for (let index = 0; index < 20; index++) await addReader({ name: `Reader ${index}`, id: `${index}` });
    // What was announced is what comes.
    expect((await ask(a, { kind: "whole-reader-table" })).length).toBe(16 * 184);
    expect(u32(await ask(a, { kind: "reader-table-size" }), 0)).toBe(21);
    for (let index = 0; index < 20; index++) await manager.removeReader(`Reader ${index}`);
    expect(u32(await ask(a, { kind: "reader-table-size" }), 0)).toBe(21);
  });

  test("shows card, sharing and protocol as pcscd does", async () => {
    const { client, ask, connect4, reader } = await wire();
    const { client: a, context } = await client("a");
    const entry = async (): Promise<number[]> => {
      const table = await ask(a, { kind: "reader-table" });
      return [132, 136, 176, 180].map((offset) => u32(table, offset));
    };
    expect(await entry()).toEqual([0x34, 0, 6, 0]);
    const handle = await connect4(a, context);
    expect(await entry()).toEqual([0x34, 1, 6, 2]);
    const exclusive = { shareMode: 1, preferredProtocols: 3, initialization: 0 };
    await ask(a, { kind: "reconnect", card: handle, ...exclusive });
    expect(await entry()).toEqual([0x34, 0xffff_ffff, 6, 2]);
    reader.remove();
    expect((await entry())[0]).toBe(0x02);
  });
});

describe("the table of clients that were compiled for another number of readers", () => {
  const versionRequest = (minor: number) => ({ kind: "version", major: 4, minor }) as const;

  test.each([
    [undefined, 16, 16],
    [48, 48, 48],
    [1, 1, 1],
    [1024, 1024, 1024],
    [{ "4:4": 48, "4:5": 64 }, 48, 64],
    [{ "4:5": 64 }, 16, 64],
  ])("has as many entries as %j says, by the version of their protocol", async (maxReadersContexts, of44, of45) => {
    const { manager, runtime, name, addReader, ask } = await wire();
    const server = new PcscliteServer({
      runtime,
      manager,
      ...(maxReadersContexts !== undefined && { maxReadersContexts }),
    });
    await addReader({ name: "Other" });
    for (const [minor, entries] of [
      [4, of44],
      [5, of45],
      [undefined, of44],
    ] as const) {
      const client = new WireClient(server, { name: "a" });
      if (minor !== undefined) await ask(client, versionRequest(minor));
      const looked = await ask(client, { kind: "reader-table" });
      expect([looked.length / 184, cString(looked, 0)]).toEqual([entries, name]);
      if (entries > 1) expect(cString(looked, 184)).toBe("Other");
      if (entries > 2) expect([looked[2 * 184], u32(looked, 2 * 184 + 176)]).toEqual([0, 34]);
      if (minor === undefined) continue;
      expect((await ask(client, { kind: "wait-for-change" })).length / 184).toBe(entries);
      expect((await ask(client, { kind: "stop-waiting" })).length).toBe(8);
    }
    const newest = new WireClient(server, { name: "b" });
    await ask(newest, versionRequest(6));
    expect(u32(await ask(newest, { kind: "reader-table-size" }), 0)).toBe(16);
    expect((await ask(newest, { kind: "whole-reader-table" })).length).toBe(16 * 184);
  });

  test.each([0, -1, 1.5, 1025, Number.NaN, { "4:4": 0 }, { "4:5": 5000 }])("refuses %j", async (maxReadersContexts) => {
    const { manager, runtime } = await wire();
    expect(() => new PcscliteServer({ runtime, manager, maxReadersContexts })).toThrow(/has 1 to 1024 entries/);
  });
});

describe("a wait for a change", () => {
  test("brings the table and ends with a signal, up to 4:5", async () => {
    const { client, ask, reader, runtime } = await wire();
    const { client: a } = await client("a");
    await ask(a, { kind: "version", major: 4, minor: 4 });
    expect((await ask(a, { kind: "wait-for-change" })).length).toBe(16 * 184);
    reader.remove();
    expect([...a.take()]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    reader.insert(new EchoCard());
    await runtime.settle();
    expect(a.take().length).toBe(0);
    // The signal was on its way: the stop is not answered.
    expect((await ask(a, { kind: "stop-waiting" })).length).toBe(0);
    await ask(a, { kind: "wait-for-change" });
    expect([...(await ask(a, { kind: "stop-waiting" }))]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test("never puts a signal before the table that a 4:6 client reads next, and loses no change", async () => {
    const { client, ask, reader, runtime } = await wire();
    const { client: a } = await client("a");
    expect((await ask(a, { kind: "wait-for-change" })).length).toBe(0);
    reader.remove();
    await runtime.settle();
    expect(a.take().length).toBe(0);
    expect((await ask(a, { kind: "reader-table-size" })).length).toBe(4);
    const table = await ask(a, { kind: "whole-reader-table" });
    expect([table.length, u32(table, 132)]).toEqual([16 * 184, 0x02]);
    reader.insert(new EchoCard());
    await runtime.settle();
    expect(a.take().length).toBe(8);
  });

  test("is cancelled from another connection; a cancel that comes too late succeeds", async () => {
    const { client, ask, server, reader } = await wire();
    const { client: a, context } = await client("a");
    await ask(a, { kind: "version", major: 4, minor: 4 });
    await ask(a, { kind: "wait-for-change" });
    const other = new WireClient(server, { name: "a" });
    expect(u32(await ask(other, { kind: "cancel", context }), 4)).toBe(SUCCESS);
    expect(u32(a.take(), 4)).toBe(CANCELLED);
    expect(u32(await ask(other, { kind: "cancel", context }), 4)).toBe(SUCCESS);
    expect(a.take().length).toBe(0);
    expect(u32(await ask(other, { kind: "cancel", context: context ^ 1 }), 4)).toBe(INVALID_HANDLE);
    // A 4:6 client that is cancelled before it has its table gets the table first.
    await ask(a, { kind: "version", major: 4, minor: 6 });
    await ask(a, { kind: "wait-for-change" });
    await ask(other, { kind: "cancel", context });
    expect(a.take().length).toBe(0);
    await ask(a, { kind: "reader-table-size" });
    const table = await ask(a, { kind: "whole-reader-table" });
    expect([table.length, u32(table, -4)]).toEqual([16 * 184 + 8, CANCELLED]);
    reader.remove();
    expect(a.take().length).toBe(0);
  });
});

describe("a request that has to wait for the card", () => {
  test("is held, and answered the moment the card is free", async () => {
    const { client, ask, connect4, runtime } = await wire();
    const [a, b] = [await client("a"), await client("b")];
    const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
    expect(u32(await ask(a.client, { kind: "begin-transaction", card: cardA }), 4)).toBe(SUCCESS);
    for (const request of [{ kind: "begin-transaction", card: cardB } as const, transmit(cardB)]) {
      expect((await ask(b.client, request)).length).toBe(0);
      await runtime.advance(900);
      expect(b.client.take().length).toBe(0);
      await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
      const answer = b.client.take();
      expect(u32(answer, request.kind === "transmit" ? 28 : 4)).toBe(SUCCESS);
      if (request.kind !== "transmit") await ask(b.client, { kind: "end-transaction", card: cardB, disposition: 0 });
      await ask(a.client, { kind: "begin-transaction", card: cardA });
    }
  });

  test("is answered after a second; the place in the queue is kept for the next try", async () => {
    const { client, ask, connect4, runtime, manager } = await wire();
    const [a, b, c] = [await client("a"), await client("b"), await client("c")];
    const cards = [];
    for (const { client: who, context } of [a, b, c]) cards.push(await connect4(who, context));
    const [cardA = 0, cardB = 0, cardC = 0] = cards;
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    await ask(b.client, { kind: "begin-transaction", card: cardB });
    await runtime.advance(500);
    await ask(c.client, { kind: "begin-transaction", card: cardC });
    await runtime.advance(500);
    expect(u32(b.client.take(), 4)).toBe(SHARING_VIOLATION);
    await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
    // C is held, but B was first: its turn waits for it.
    expect(c.client.take().length).toBe(0);
    expect((await manager.inspect()).readers[0]?.lock?.client.name).toBe("b");
    await runtime.advance(100);
    expect(u32(await ask(b.client, { kind: "begin-transaction", card: cardB }), 4)).toBe(SUCCESS);
    // C is told to try again at 1500 ms, and has not come again by now.
    await runtime.advance(500);
    await ask(b.client, { kind: "end-transaction", card: cardB, disposition: 0 });
    expect((await manager.inspect()).readers[0]?.lock?.client.name).toBe("c");
  });

  test("and whose turn is kept cannot end a transaction of which the client was never told", async () => {
    const { client, ask, connect4, runtime, manager } = await wire();
    const [a, b] = [await client("a"), await client("b")];
    const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    await ask(b.client, { kind: "begin-transaction", card: cardB });
    await runtime.advance(1000);
    expect(u32(b.client.take(), 4)).toBe(SHARING_VIOLATION);
    await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
    const end = { kind: "end-transaction", card: cardB, disposition: 0 } as const;
    expect(u32(await ask(b.client, end), 8)).toBe(NOT_TRANSACTED);
    expect((await manager.inspect()).readers[0]?.lock?.client.name).toBe("b");
    expect(u32(await ask(b.client, { kind: "begin-transaction", card: cardB }), 4)).toBe(SUCCESS);
    expect(u32(await ask(b.client, end), 8)).toBe(SUCCESS);
    expect((await manager.inspect()).readers[0]?.lock).toBeUndefined();
  });

  test("loses its turn when the client does not come back for it", async () => {
    const { client, ask, connect4, runtime, manager } = await wire();
    const [a, b] = [await client("a"), await client("b")];
    const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    await ask(b.client, { kind: "begin-transaction", card: cardB });
    await runtime.advance(1000);
    await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
    await runtime.advance(149);
    expect((await manager.inspect()).readers[0]?.lock?.client.name).toBe("b");
    await runtime.advance(1);
    expect((await manager.inspect()).readers[0]?.lock).toBeUndefined();
    expect(runtime.pendingTimers).toEqual([]);
  });

  test("loses its place when the client does not try again: the next in line waits for nothing", async () => {
    const { client, ask, connect4, runtime, manager } = await wire();
    const [a, b, c] = [await client("a"), await client("b"), await client("c")];
    const cards = [];
    for (const { client: who, context } of [a, b, c]) cards.push(await connect4(who, context));
    const [cardA = 0, cardB = 0, cardC = 0] = cards;
    const rejoin = { shareMode: 2, preferredProtocols: 3, initialization: 0 };
    // All that the library repeats. A client that is set not to wait (PCSCLITE_NO_BLOCKING) does not repeat it.
    for (const request of [
      transmit(cardB),
      { kind: "status", card: cardB },
      { kind: "begin-transaction", card: cardB },
      { kind: "reconnect", card: cardB, ...rejoin },
    ] as const) {
      await ask(a.client, { kind: "begin-transaction", card: cardA });
      expect((await ask(b.client, request)).length).toBe(0);
      await runtime.advance(1000);
      expect(u32(b.client.take(), -4)).toBe(SHARING_VIOLATION);
      expect((await manager.inspect()).readers[0]?.queue.map(({ client }) => client.name)).toEqual(["b"]);
      await runtime.advance(599);
      expect((await manager.inspect()).readers[0]?.queue.length).toBe(1);
      await runtime.advance(1);
      expect((await manager.inspect()).readers[0]?.queue).toEqual([]);
      await ask(c.client, { kind: "begin-transaction", card: cardC });
      await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
      expect(u32(c.client.take(), 4)).toBe(SUCCESS);
      await ask(c.client, { kind: "end-transaction", card: cardC, disposition: 0 });
      expect(runtime.pendingTimers).toEqual([]);
    }
  });

  test("and that the library does not repeat is answered at once, and leaves no place", async () => {
    const { client, ask, connect4, runtime, manager } = await wire();
    const [a, b, c] = [await client("a"), await client("b"), await client("c")];
    const cards = [];
    for (const { client: who, context } of [a, b, c]) cards.push(await connect4(who, context));
    const [cardA = 0, cardB = 0, cardC = 0] = cards;
    for (const [request, rv] of [
      [
        { kind: "control", card: cardB, code: 0x42000d48, input: new Uint8Array(), receiveLength: 16 },
        SHARING_VIOLATION,
      ],
      [{ kind: "set-attribute", card: cardB, attribute: 0x7fff0007, value: Uint8Array.of(1) }, SHARING_VIOLATION],
      [{ kind: "get-attribute", card: cardB, attribute: 0x00090303, length: 264 }, SUCCESS],
      [{ kind: "end-transaction", card: cardB, disposition: 0 }, SHARING_VIOLATION],
      [{ kind: "cancel", context: b.context }, SUCCESS],
    ] as const) {
      await ask(a.client, { kind: "begin-transaction", card: cardA });
      expect([request.kind, u32(await ask(b.client, request), -4)]).toEqual([request.kind, rv]);
      expect((await manager.inspect()).readers[0]?.queue).toEqual([]);
      await ask(c.client, { kind: "begin-transaction", card: cardC });
      await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
      expect(u32(c.client.take(), 4)).toBe(SUCCESS);
      await ask(c.client, { kind: "end-transaction", card: cardC, disposition: 0 });
      expect(runtime.pendingTimers).toEqual([]);
    }
  });

  test("for a control, under the windows profile, is held until its turn comes, and leaves no place when it is cancelled", async () => {
    const { client, ask, connect4, runtime, manager, server } = await wire({ profile: "windows" });
    const [a, b] = [await client("a"), await client("b")];
    const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
    const control = {
      kind: "control",
      card: cardB,
      code: 0x42000d48,
      input: new Uint8Array(),
      receiveLength: 16,
    } as const;
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    expect((await ask(b.client, control)).length).toBe(0);
    await runtime.advance(4000);
    await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
    expect(u32(b.client.take(), 20)).toBe(SUCCESS);
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    expect((await ask(b.client, control)).length).toBe(0);
    await ask(new WireClient(server, { name: "b" }), { kind: "cancel", context: b.context });
    expect(u32(b.client.take(), -4)).toBe(CANCELLED);
    expect((await manager.inspect()).readers[0]?.queue).toEqual([]);
  });

  test("is answered at once in a context with two readers, and gets its turn by trying again", async () => {
    const { addReader, client, ask, connect4, runtime } = await wire();
    const other = await addReader({ name: "Other" });
    other.reader.insert(new EchoCard());
    await runtime.settle();
    const [a, b] = [await client("a"), await client("b")];
    const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
    const elsewhere = await connect4(b.client, b.context, other.name);
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    expect(u32(await ask(b.client, { kind: "begin-transaction", card: cardB }), 4)).toBe(SHARING_VIOLATION);
    expect(u32(await ask(b.client, transmit(elsewhere)), 28)).toBe(SUCCESS);
    await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
    await runtime.advance(100);
    expect(u32(await ask(b.client, { kind: "begin-transaction", card: cardB }), 4)).toBe(SUCCESS);
  });

  test("is answered at once where its own context holds the card", async () => {
    const { client, ask, connect4 } = await wire();
    const { client: a, context } = await client("a");
    const [first, second] = [await connect4(a, context), await connect4(a, context)];
    await ask(a, { kind: "begin-transaction", card: first });
    expect(u32(await ask(a, { kind: "begin-transaction", card: second }), 4)).toBe(SHARING_VIOLATION);
    expect(u32(await ask(a, { kind: "disconnect", card: second, disposition: 1 }), -4)).toBe(SUCCESS);
    expect(u32(await ask(a, { kind: "end-transaction", card: first, disposition: 0 }), -4)).toBe(SUCCESS);
  });

  test("connects in its turn, however long that takes: the library does not try a connect again", async () => {
    const { client, ask, connect4, runtime, manager, name } = await wire();
    const [a, b] = [await client("a"), await client("b")];
    const cardA = await connect4(a.client, a.context);
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    const connect = { kind: "connect", context: b.context, reader: name, shareMode: 2, preferredProtocols: 3 } as const;
    expect((await ask(b.client, connect)).length).toBe(0);
    await runtime.advance(60_000);
    expect(b.client.take().length).toBe(0);
    await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
    expect(u32(b.client.take(), -4)).toBe(SUCCESS);
    expect((await manager.inspect()).readers[0]?.connections.length).toBe(2);
    // One whose client goes meanwhile leaves nothing.
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    const c = await client("c");
    await ask(c.client, { ...connect, context: c.context });
    c.client.session.closed();
    await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
    expect((await manager.inspect()).readers[0]?.connections.length).toBe(2);
  });

  test("is told of a reset, reconnects in its turn and goes on", async () => {
    const { client, ask, connect4 } = await wire();
    const [a, b] = [await client("a"), await client("b")];
    const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    await ask(b.client, { kind: "begin-transaction", card: cardB });
    await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 1 });
    expect(u32(b.client.take(), 4)).toBe(RESET_CARD);
    const anew = { shareMode: 2, preferredProtocols: 3, initialization: 0 };
    expect(u32(await ask(b.client, { kind: "reconnect", card: cardB, ...anew }), -4)).toBe(SUCCESS);
    expect(u32(await ask(b.client, { kind: "begin-transaction", card: cardB }), 4)).toBe(SUCCESS);
    // With pcsc-lite a reset concerns its own caller too; it reconnects behind the transaction.
    expect((await ask(a.client, { kind: "reconnect", card: cardA, ...anew })).length).toBe(0);
    await ask(b.client, { kind: "end-transaction", card: cardB, disposition: 0 });
    expect(u32(a.client.take(), -4)).toBe(SUCCESS);
  });

  test("ends with a cancel", async () => {
    const { client, ask, connect4, server, manager } = await wire();
    const [a, b] = [await client("a"), await client("b")];
    const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    await ask(b.client, { kind: "begin-transaction", card: cardB });
    await ask(new WireClient(server, { name: "b" }), { kind: "cancel", context: b.context });
    expect(u32(b.client.take(), 4)).toBe(CANCELLED);
    expect((await manager.inspect()).readers[0]?.queue).toEqual([]);
  });
});

describe("a card that is pulled", () => {
  test("gives the exchange under way no card, and the calls after it a removed one, as pcscd does", async () => {
    const { client, ask, connect4, reader, runtime } = await wire();
    const [a, b] = [await client("a"), await client("b")];
    const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
    reader.hang(true);
    expect((await ask(a.client, transmit(cardA))).length).toBe(0);
    expect((await ask(b.client, transmit(cardB))).length).toBe(0);
    reader.remove();
    await runtime.settle();
    expect(u32(a.client.take(), 28)).toBe(0x8010_000c);
    expect(u32(b.client.take(), 28)).toBe(0x8010_0069);
    expect(u32(await ask(a.client, { kind: "status", card: cardA }), 4)).toBe(0x8010_0069);
    expect(u32(await ask(a.client, transmit(cardA)), 28)).toBe(0x8010_0069);
  });
});

describe("a client that ends", () => {
  test("leaves no lock, no wait and no connection, in every state", async () => {
    const { card, client, ask, connect4, manager, runtime, server } = await wire();
    const a = await client("a");
    const cardA = await connect4(a.client, a.context);
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    const states: ((card: number) => Request)[] = [
      (held) => ({ kind: "begin-transaction", card: held }),
      transmit,
      () => ({ kind: "wait-for-change" }),
      () => ({ kind: "reader-table" }),
    ];
    for (const minor of [4, 6]) {
      for (const request of states) {
        const b = await client("b");
        await ask(b.client, { kind: "version", major: 4, minor });
        await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
        const cardB = await connect4(b.client, b.context);
        await ask(a.client, { kind: "begin-transaction", card: cardA });
        await ask(b.client, request(cardB));
        b.client.session.closed();
        await runtime.settle();
        expect((await manager.inspect()).readers[0]?.queue).toEqual([]);
      }
    }
    expect(card.resets).toEqual(["cold"]);
    a.client.session.closed();
    await runtime.advance(5000);
    // It held a transaction: pcsc-lite resets the card.
    expect(card.resets).toEqual(["cold", "warm"]);
    const inspection = await manager.inspect();
    expect(inspection.readers[0]).toMatchObject({ connections: [], queue: [] });
    expect(inspection.readers[0]?.lock).toBeUndefined();
    expect([inspection.clients, server.sessions, runtime.pendingTimers]).toEqual([[], 0, []]);
  });

  test("while its requests are held takes its place in the queue with it", async () => {
    const { client, ask, connect4, manager, runtime, server } = await wire();
    const [a, b] = [await client("a"), await client("b")];
    const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    for (const answered of [false, true]) {
      await ask(b.client, { kind: "begin-transaction", card: cardB });
      if (answered) await runtime.advance(1000);
      expect((await manager.inspect()).readers[0]?.queue.length).toBe(1);
      if (!answered) {
        await ask(new WireClient(server, { name: "b" }), { kind: "cancel", context: b.context });
        b.client.take();
      }
    }
    b.client.session.closed();
    await runtime.settle();
    expect((await manager.inspect()).readers[0]?.queue).toEqual([]);
  });
});

describe("a hostile client", () => {
  test("that sends a malformed request is disconnected, and no other client is", async () => {
    const { client, ask, connect4, log } = await wire();
    const a = await client("a");
    const cardA = await connect4(a.client, a.context);
    for (const bytes of [
      [0xff, 0xff, 0xff, 0xff, 9, 0, 0, 0],
      [12, 0, 0, 0, 0x77, 0, 0, 0],
      [7, 0, 0, 0, 1, 0, 0, 0],
    ]) {
      const { client: bad } = await client("bad");
      bad.session.received(Uint8Array.from(bytes));
      expect(bad.closedWith).toBeDefined();
    }
    expect(log.length).toBe(3);
    expect(u32(await ask(a.client, transmit(cardA)), 28)).toBe(SUCCESS);
  });

  test("that names a reader in invalid UTF-8 gets an answer", async () => {
    const { client, runtime } = await wire();
    const { client: a, context } = await client("a");
    const body = new Uint8Array(8 + 152).fill(0xff);
    new DataView(body.buffer).setUint32(0, 152, true);
    new DataView(body.buffer).setUint32(4, 4, true);
    new DataView(body.buffer).setUint32(8, context, true);
    new DataView(body.buffer).setUint32(8 + 132, 2, true);
    a.session.received(body);
    await runtime.settle();
    expect(u32(a.take(), -4)).toBe(0x8010_0009);
    expect(a.closedWith).toBeUndefined();
  });

  test("that sends ahead is not read from until it was answered", async () => {
    const { client, ask, connect4, log, runtime } = await wire();
    const [a, b] = [await client("a"), await client("b")];
    const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
    await ask(a.client, { kind: "begin-transaction", card: cardA });
    b.client.ask({ kind: "begin-transaction", card: cardB });
    const long = { ...transmit(cardB, 65_548), command: new Uint8Array(65_000) } as Request;
    for (let count = 0; count < 5; count++) b.client.ask(long);
    expect(b.client.paused).toBe(true);
    await ask(a.client, { kind: "end-transaction", card: cardA, disposition: 0 });
    await runtime.settle();
    expect([b.client.closedWith, log, b.client.paused]).toEqual([undefined, [], false]);
  });

  test("whose request is longer than it may be ahead is read until the request is there", async () => {
    const { manager, runtime, name } = await world({ profile: "pcsclite" });
    const server = new PcscliteServer({ runtime, manager, limits: { aheadBytes: 40 } });
    const client = new WireClient(server, { name: "a" });
    client.ask({ kind: "establish-context", scope: 2 });
    await runtime.settle();
    const context = u32(client.take(), 4);
    const request = encodeRequest({ kind: "connect", context, reader: name, shareMode: 2, preferredProtocols: 3 });
    client.session.received(request.subarray(0, 100));
    expect(client.paused).toBe(false);
    client.session.received(request.subarray(100));
    await runtime.settle();
    expect([u32(client.take(), -4), client.paused]).toEqual([SUCCESS, false]);
  });
});

test("a service that stops tells those who wait", async () => {
  const { client, ask, connect4, server, manager } = await wire();
  const [a, b, c] = [await client("a"), await client("b"), await client("c")];
  const [cardA, cardB] = [await connect4(a.client, a.context), await connect4(b.client, b.context)];
  await ask(a.client, { kind: "begin-transaction", card: cardA });
  await ask(b.client, { kind: "begin-transaction", card: cardB });
  await ask(c.client, { kind: "version", major: 4, minor: 4 });
  await ask(c.client, { kind: "wait-for-change" });
  await server.close();
  expect(u32(b.client.take(), 4)).toBe(SERVICE_STOPPED);
  expect(u32(c.client.take(), 4)).toBe(SERVICE_STOPPED);
  expect([a, b, c].map(({ client: { closedWith } }) => closedWith !== undefined)).toEqual([true, true, true]);
  expect((await manager.inspect()).clients).toEqual([]);
});

test("a client that comes while the service stops, or after it, is sent away", async () => {
  const { client, ask, connect4, server, manager } = await wire();
  const first = await client("a");
  const card = await connect4(first.client, first.context);
  const other = await client("b");
  await connect4(other.client, other.context);
  await ask(first.client, { kind: "begin-transaction", card });
  const closing = server.close();
  const late = new WireClient(server, { name: "late" });
  expect([late.closedWith, await ask(late, { kind: "establish-context", scope: 2 })]).toEqual([
    expect.stringContaining("the service has stopped"),
    new Uint8Array(),
  ]);
  await closing;
  const later = new WireClient(server, { name: "later" });
  expect([later.closedWith, await ask(later, { kind: "establish-context", scope: 2 })]).toEqual([
    expect.stringContaining("the service has stopped"),
    new Uint8Array(),
  ]);
  expect([server.sessions, server.numbers]).toEqual([0, 0]);
  expect((await manager.inspect()).clients).toEqual([]);
});
