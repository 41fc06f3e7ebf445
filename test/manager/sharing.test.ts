// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import type { ShareMode } from "../../src/port/index.ts";
import { EchoCard, failureOf, world } from "./world.ts";

const modes: readonly ShareMode[] = ["shared", "exclusive", "direct"];

/** Rows: what is there; columns: what is wanted, in the order of `modes`. */
const matrix = {
  windows: {
    shared: ["ok", "sharing-violation", "sharing-violation"],
    exclusive: ["sharing-violation", "sharing-violation", "sharing-violation"],
    direct: ["sharing-violation", "sharing-violation", "sharing-violation"],
  },
  pcsclite: {
    shared: ["ok", "sharing-violation", "ok"],
    exclusive: ["sharing-violation", "sharing-violation", "sharing-violation"],
    direct: ["ok", "sharing-violation", "ok"],
  },
} as const;

describe("connect", () => {
  for (const profile of ["windows", "pcsclite"] as const) {
    test(`shares as the ${profile} matrix says, and names who is in the way`, async () => {
      for (const there of modes) {
        for (const [column, wanted] of modes.entries()) {
          const { connect } = await world({ profile });
          const first = await connect("first", there);
          const expected = matrix[profile][there][column];
          if (expected === "ok") await connect("second", wanted);
          else {
            const error = await failureOf(connect("second", wanted));
            expect([there, wanted, error.code]).toEqual([there, wanted, expected]);
            expect(error.details.holder).toMatchObject({ client: "first", shareMode: there, transaction: false });
            expect(error.message).toContain(`first is connected in ${there} mode`);
            await first.disconnect("leave");
            await connect("second", wanted);
          }
        }
      }
    });
  }

  test("a refusal names who has the reader for itself, not who connected first", async () => {
    const { connect, manager, name } = await world({ profile: "pcsclite" });
    const first = await connect("first");
    const second = await connect("second");
    await second.beginTransaction();
    const expected = { client: "second", shareMode: "shared", transaction: true };
    const refused = await failureOf(connect("third", "exclusive"));
    expect(refused).toMatchObject({ code: "sharing-violation", details: { holder: expected } });
    expect(refused.message).toContain("second is in a transaction");
    const options = { shareMode: "exclusive", preferredProtocols: ["t1"], initialization: "leave" } as const;
    expect((await failureOf(first.reconnect(options))).details.holder).toMatchObject(expected);
    expect(manager.holderOf(name)).toMatchObject(expected);
    await second.endTransaction("leave");
    expect((await failureOf(connect("third", "exclusive"))).details.holder).toMatchObject({ client: "first" });
  });

  test("exclusive holders may begin transactions", async () => {
    const { connect } = await world();
    const a = await connect("a", "exclusive");
    await a.beginTransaction();
    await a.endTransaction("leave");
  });

  test("without a card fails as the profile says, unless direct", async () => {
    for (const [profile, code] of [
      ["windows", "removed-card"],
      ["pcsclite", "no-smartcard"],
    ] as const) {
      const { connect } = await world({ profile, empty: true });
      expect((await failureOf(connect("a"))).code).toBe(code);
      const direct = await connect("b", "direct");
      expect(direct.protocol).toBeUndefined();
      await direct.control(0x42000d48, new Uint8Array());
      expect((await direct.status()).state).toBe("absent");
    }
  });

  test("refuses a share mode, no protocol, an unknown reader, and nothing has changed", async () => {
    const { connect, context, manager, name } = await world();
    const a = await context("a");
    expect((await failureOf(connect("a", "lonely" as ShareMode))).code).toBe("invalid-value");
    const none = { shareMode: "shared", preferredProtocols: [] } as const;
    expect((await failureOf(a.connect(name, none))).code).toBe("proto-mismatch");
    expect((await failureOf(a.connect("Nowhere", { ...none, preferredProtocols: ["t1"] }))).code).toBe(
      "unknown-reader",
    );
    expect((await manager.inspect()).readers[0]?.connections).toEqual([]);
  });

  test("agrees on T=1 before T=0, on what card, reader and caller know, and keeps it until the next reset", async () => {
    // T=0 and T=1 offered.
    const { context, name } = await world({ atr: "3B80800181" });
    const a = await context("a");
    const both = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
    const first = await a.connect(name, both);
    expect(first.protocol).toBe("t1");
    expect((await first.status()).protocol).toBe("t1");
    const t0 = { ...both, preferredProtocols: ["t0"] } as const;
    expect((await failureOf(a.connect(name, t0))).code).toBe("proto-mismatch");
    expect((await failureOf(first.transmit(Uint8Array.of(0, 0xa4, 0, 0), { protocol: "t0" }))).code).toBe(
      "proto-mismatch",
    );
    await first.reconnect({ ...t0, initialization: "reset" });
    expect(first.protocol).toBe("t0");
    await first.transmit(Uint8Array.of(0, 0xa4, 0, 0), { protocol: "t0" });
  });

  test("direct: negotiates on Windows where protocols are named, joins with pcsc-lite what is agreed on", async () => {
    const windows = await world();
    expect((await windows.connect("a", "direct")).protocol).toBe("t1");
    const lite = await world({ profile: "pcsclite" });
    const direct = await lite.connect("a", "direct");
    expect(direct.protocol).toBeUndefined();
    await lite.connect("b");
    expect((await lite.connect("c", "direct")).protocol).toBe("t1");
    await direct.reconnect({ shareMode: "shared", preferredProtocols: ["t1"], initialization: "leave" });
    expect([direct.protocol, direct.shareMode]).toEqual(["t1", "shared"]);
  });

  test("reconnect changes the share mode where no other connection prevents it", async () => {
    const { connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    const exclusive = { shareMode: "exclusive", preferredProtocols: ["t1"], initialization: "leave" } as const;
    expect((await failureOf(a.reconnect(exclusive))).code).toBe("sharing-violation");
    expect(a.shareMode).toBe("shared");
    await b.disconnect("leave");
    await a.reconnect(exclusive);
    expect((await failureOf(connect("c"))).code).toBe("sharing-violation");
    const eject = { ...exclusive, initialization: "eject" as "leave" };
    expect((await failureOf(a.reconnect(eject))).code).toBe("invalid-value");
  });

  test("reconnect ends the transaction on Windows and keeps it with pcsc-lite", async () => {
    for (const [profile, code] of [
      ["windows", "not-transacted"],
      ["pcsclite", undefined],
    ] as const) {
      const { connect } = await world({ profile });
      const a = await connect("a");
      await a.beginTransaction();
      await a.reconnect({ shareMode: "shared", preferredProtocols: ["t1"], initialization: "reset" });
      if (code === undefined) await a.endTransaction("leave");
      else expect((await failureOf(a.endTransaction("leave"))).code).toBe(code);
    }
  });
});

describe("limits", () => {
  test("contexts, connections, waits and readers are bounded, each with a code of its own", async () => {
    const limits = { contexts: 2, connectionsPerContext: 1, waitsPerContext: 1, readers: 2, queriesPerWait: 2 };
    const { addReader, context, name, manager } = await world({ limits });
    const [a] = [await context("a"), await context("b")];
    expect((await failureOf(context("c"))).code).toBe("no-memory");
    const options = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
    const connection = await a.connect(name, options);
    expect((await failureOf(a.connect(name, options))).code).toBe("no-memory");
    await connection.disconnect("leave");
    await a.connect(name, options);
    const query = { reader: name, flags: { present: true, inuse: true } } as const;
    const waiting = a.getStatusChange([query]);
    expect((await failureOf(a.getStatusChange([query]))).code).toBe("server-too-busy");
    await a.cancel();
    await failureOf(waiting);
    expect((await failureOf(a.getStatusChange([query, query, query]))).code).toBe("no-memory");
    await addReader({ name: "second" });
    expect((await failureOf(addReader({ name: "third" }))).code).toBe("no-memory");
    await manager.removeReader("second");
    await addReader({ name: "third" });
  });
});

describe("readers", () => {
  test("get unique names, and the same name again under the same id", async () => {
    const { addReader, context, manager } = await world();
    const second = await addReader({ name: "reader", id: "two" });
    const third = await addReader({ name: "Reader", id: "three" });
    expect([second.name, third.name]).toEqual(["reader 1", "Reader 2"]);
    expect(await (await context("a")).listReaders()).toEqual(["Reader", "reader 1", "Reader 2"]);
    await manager.removeReader("READER 1");
    expect(await (await context("a")).listReaders()).toEqual(["Reader", "Reader 2"]);
    expect((await addReader({ name: "Reader", id: "four" })).name).toBe("Reader 1");
    await manager.removeReader("Reader 2");
    expect((await addReader({ name: "Reader", id: "three" })).name).toBe("Reader 2");
    expect((await failureOf(addReader({ name: "x", id: "three" }))).code).toBe("duplicate-reader");
  });

  test("that are lost while they start leave their name and id to the next at once", async () => {
    const { context, manager, runtime } = await world();
    const { clock } = runtime;
    const made = (): VirtualReader => new VirtualReader({ name: "Late", id: "late", clock });
    /** A reader that starts when it is told to. */
    const slow = (isLost: boolean): { readonly reader: VirtualReader; start(): void } => {
      const reader = made();
      const open = reader.open.bind(reader);
      const gate = { start: (): void => {} };
      reader.open = async (events) => {
        await open(events);
        if (isLost) events.lost("the cable was pulled");
        await new Promise<void>((resolve) => {
          gate.start = resolve;
        });
      };
      return { reader, start: () => gate.start() };
    };
    const [first, second] = [slow(true), slow(false)];
    const lost = failureOf(manager.addReader(first.reader));
    await runtime.settle();
    const added = manager.addReader(second.reader);
    await runtime.settle();
    first.start();
    expect((await lost).code).toBe("reader-unavailable");
    expect((await failureOf(manager.addReader(made()))).code).toBe("duplicate-reader");
    second.start();
    expect(await added).toBe("Late");
    expect(await (await context("a")).listReaders()).toEqual(["Reader", "Late"]);
    await manager.removeReader("Late");
    expect(await manager.addReader(made())).toBe("Late");
  });

  test("may be 512 at once", async () => {
    const { addReader, context, runtime } = await world();
    for (let index = 1; index < 512; index++) {
      const { reader } = await addReader({ name: "Reader", id: `reader ${index}` });
      reader.insert(new EchoCard());
    }
    await runtime.settle();
    const a = await context("a");
    const readers = await a.listReaders();
    expect(new Set(readers).size).toBe(512);
    const reports = await a.getStatusChange(readers.map((reader) => ({ reader })));
    expect(reports.every((report) => report.flags.present)).toBe(true);
  });
});

describe("inspect", () => {
  test("tells the card, the connections, the lock and the queue behind it", async () => {
    const { connect, manager, name, runtime } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await runtime.advance(100);
    await a.beginTransaction();
    await a.transmit(Uint8Array.of(0, 0xa4, 0, 0));
    await runtime.advance(20);
    const waiting = b.beginTransaction();
    await runtime.advance(5);
    const inspection = await manager.inspect();
    expect(inspection.readers).toMatchObject([
      {
        name,
        id: "virtual:Reader",
        card: { powered: true, mute: false, protocol: "t1" },
        connections: [
          { client: { name: "a" }, shareMode: "shared", connectedMs: 125 },
          { client: { name: "b" }, shareMode: "shared", connectedMs: 125 },
        ],
        lock: { client: { name: "a" }, heldMs: 25, depth: 1, lastExchangeMs: 25 },
        queue: [{ client: { name: "b" }, operation: "begin", waitingMs: 5 }],
      },
    ]);
    expect(inspection.clients).toEqual([
      { client: { name: "a" }, contexts: 1, statusWaits: 0 },
      { client: { name: "b" }, contexts: 1, statusWaits: 0 },
    ]);
    await a.endTransaction("leave");
    await waiting;
  });
});

describe("the reader table", () => {
  test("shows every reader at once, and tells of every change", async () => {
    const { addReader, card, connect, manager, name, reader, runtime } = await world({ profile: "pcsclite" });
    let changes = 0;
    const stop = manager.watchReaders(() => changes++);
    const [atr, mute, powered] = [new Uint8Array(card.reset("cold")), false, true];
    const free = {
      name,
      eventCount: 2,
      card: { atr, mute, powered, protocol: undefined },
      connections: 0,
      exclusive: false,
    };
    expect(manager.readers()).toEqual([free]);
    const a = await connect("a");
    expect(manager.readers()[0]).toMatchObject({ connections: 1, exclusive: false, card: { protocol: "t1" } });
    expect(changes).toBe(1);
    await a.disconnect("leave");
    expect(changes).toBe(2);
    await connect("b", "exclusive");
    expect(manager.readers()[0]).toMatchObject({ connections: 1, exclusive: true });
    reader.remove();
    expect(manager.readers()[0]?.card).toBeUndefined();
    const events = manager.readerEvents;
    await addReader({ name: "Other" });
    expect([manager.readers().length, manager.readerEvents]).toEqual([2, events + 1]);
    const before = changes;
    stop();
    await manager.removeReader("Other");
    await runtime.settle();
    expect(changes).toBe(before);
  });
});

describe("who holds a reader", () => {
  test("is asked by a name, and anything else is refused", async () => {
    const { connect, manager, name } = await world();
    expect(manager.holderOf(name)).toBeUndefined();
    await connect("first", "exclusive");
    expect(manager.holderOf(name)).toMatchObject({ client: "first" });
    for (const other of [null, undefined, 5, {}]) {
      expect(() => manager.holderOf(other as never)).toThrow(expect.objectContaining({ code: "invalid-parameter" }));
    }
  });
});
