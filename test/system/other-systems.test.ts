// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import type { NativeArgument } from "../../src/platform/node/system/library.ts";
import { SystemManager } from "../../src/platform/node/system/manager.ts";
import { Threads } from "../../src/platform/node/system/threads.ts";
import { PNP_NOTIFICATION } from "../../src/port/index.ts";
import { apdu, bytesOf, failureOf } from "../manager/world.ts";
import { PATIENCE_MS } from "../patience.ts";
import { FakeLibrary } from "./fake-library.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1", "raw"] } as const;
const atr = bytesOf("3B8180018080");
const NAME = "Lector Ñ 0";
const PRESENT = 0x20;
const EMPTY = 0x10;

async function open(platform: "win32" | "darwin" | "linux") {
  const library = new FakeLibrary(platform);
  const reader = { name: NAME, state: 0x0003_0000 + PRESENT, atr };
  library.readers.push(reader);
  const system = new SystemManager(library, new Threads(4), {
    runtime: nodeRuntime(),
    limits: { pollMs: 5, lookAgainMs: [200] },
  });
  const context = await system.establishContext();
  return { library, reader, system, context };
}

/** The arguments of the last call of a function. */
function last(library: FakeLibrary, called: string): readonly NativeArgument[] {
  return library.log.findLast((entry) => entry.name === called)?.args ?? [];
}

describe("as on Windows", () => {
  test("handles, names and numbers are those of winscard.h", async () => {
    const { context, library } = await open("win32");
    const handle = 0xcd12_3456_789a_0001n;
    expect(await context.listReaders()).toEqual([NAME]);
    expect(last(library, "listReaders").slice(0, 2)).toEqual([handle, null]);
    await context.listReaders(["A", "B"]);
    expect(last(library, "listReaders")[1]).toEqual(new Uint8Array(Buffer.from("A\0B\0\0", "utf16le")));
    expect(await context.listReaderGroups()).toEqual(["SCard$DefaultReaders", "Desks"]);
    const connection = await context.connect(NAME, shared);
    const connected = [handle + 1n, new Uint8Array(Buffer.from(`${NAME}\0`, "utf16le")), 2, 0x0001_0003];
    expect(last(library, "connect").slice(0, 4)).toEqual(connected);
    expect(connection.protocol).toBe("t1");
    library.answers.transmit = Uint8Array.of(0x90, 0x00);
    expect(await connection.transmit(apdu)).toEqual(Uint8Array.of(0x90, 0x00));
    // SCARD_IO_REQUEST: T=1, eight bytes.
    const [card, request, command, length, received] = last(library, "transmit");
    expect([card, length, received]).toEqual([handle + 2n, 4, null]);
    expect(request).toEqual(Uint8Array.of(2, 0, 0, 0, 8, 0, 0, 0));
    expect(command).toEqual(apdu);
    expect(await connection.status()).toEqual({ reader: NAME, state: "specific", protocol: "t1", atr, eventCount: 3 });
    library.answers.control = Uint8Array.of(1);
    await connection.control(0x4200_0000 + 3400, new Uint8Array());
    expect(last(library, "control")[1]).toBe(0x0031_0000 + 4 * 3400);
    await context.release();
    expect(library.count("releaseContext")).toBe(library.count("establishContext"));
  });

  test.each([
    ["control", 0x8010_0022, "unsupported-feature"],
    ["control", 50, "unsupported-feature"],
    ["getAttrib", 50, "not-supported"],
    ["transmit", 0x8010_0069, "removed-card"],
    ["transmit", 0x8010_0013, "comm-error"],
    ["transmit", 6, "reader-unavailable"],
    ["transmit", 31, "unknown-error"],
  ] as const)("a %s that answers %i is %s", async (called, rv, code) => {
    const { context, library } = await open("win32");
    const connection = await context.connect(NAME, shared);
    library.answers[called] = rv;
    const calls = {
      control: () => connection.control(0x0031_0004, apdu),
      getAttrib: () => connection.getAttribute(0x0009_0303),
      transmit: () => connection.transmit(apdu),
    };
    expect((await failureOf(calls[called]())).code).toBe(code);
  });

  test("there is no scope that pcsc-lite alone has", async () => {
    const { system } = await open("win32");
    expect((await failureOf(system.establishContext({ scope: "global" }))).code).toBe("invalid-value");
  });

  test("the pseudo reader is told how many readers are believed to be there", async () => {
    const { context, library, reader } = await open("win32");
    const waiting = context.getStatusChange([{ reader: NAME, flags: { present: true } }, { reader: PNP_NOTIFICATION }]);
    await expect.poll(() => last(library, "getStatusChange")[1]).toBe(60_000);
    const states = last(library, "getStatusChange")[2] as Uint8Array;
    expect(new DataView(states.buffer).getUint32(64 + 16, true)).toBe(0x0001_0000);
    library.readers.push({ name: "Another", state: EMPTY, atr: new Uint8Array() });
    library.changed();
    expect((await waiting)[1]?.flags).toEqual({ changed: true });
    const next = context.getStatusChange([{ reader: NAME, flags: { present: true }, eventCount: 3 }]);
    reader.state = 0x0004_0000 + EMPTY;
    library.changed();
    expect((await next)[0]).toMatchObject({ flags: { empty: true, changed: true }, eventCount: 4 });
  });
});

describe("where the library waits for transactions by itself", () => {
  test("a begin that is given up is answered at once, and gives back what it gets", async () => {
    const { context, library } = await open("win32");
    const connection = await context.connect(NAME, shared);
    library.lock();
    const controller = new AbortController();
    const begun = failureOf(connection.beginTransaction({ signal: controller.signal }));
    await expect.poll(() => library.count("beginTransaction")).toBe(1);
    controller.abort();
    expect((await begun).code).toBe("cancelled");
    expect(library.count("endTransaction")).toBe(0);
    library.unlock();
    await expect.poll(() => library.count("endTransaction")).toBe(1);
    expect(last(library, "endTransaction")[1]).toBe(0);
    // It was called, and does its work a moment later.
    await expect.poll(() => library.isLocked).toBe(false);
    await connection.beginTransaction();
    expect(library.isLocked).toBe(true);
  });

  test("an exchange in time comes behind a status, and is not made when it is too late", async () => {
    const { context, library } = await open("darwin");
    const connection = await context.connect(NAME, shared);
    library.lock();
    expect((await failureOf(connection.transmit(apdu, { protocol: "t1", timeoutMs: 20 }))).code).toBe("timeout");
    library.unlock();
    await connection.status();
    expect(library.count("transmit")).toBe(0);
    library.answers.transmit = Uint8Array.of(0x90, 0x00);
    await connection.transmit(apdu, { protocol: "t1", timeoutMs: PATIENCE_MS });
    expect(library.count("transmit")).toBe(1);
  });

  test("a call queued after an end runs when that is answered, with or without a transaction", async () => {
    const { context, library } = await open("win32");
    const connection = await context.connect(NAME, shared);
    library.answers.transmit = Uint8Array.of(0x90, 0x00);
    const ended = connection.endTransaction("leave");
    expect(await connection.transmit(apdu)).toEqual(Uint8Array.of(0x90, 0x00));
    await ended;
    await context.release();
  });

  test("a connection that is let go of while it waits is disconnected, and its context released", async () => {
    const { context, library } = await open("win32");
    const connection = await context.connect(NAME, shared);
    library.lock();
    const begun = failureOf(connection.beginTransaction());
    await expect.poll(() => library.count("beginTransaction")).toBe(1);
    const disconnected = connection.disconnect("leave");
    expect((await begun).code).toBe("invalid-handle");
    expect(library.count("disconnect")).toBe(0);
    library.unlock();
    await disconnected;
    expect(library.count("disconnect")).toBe(1);
  });

  test("a release does not wait for ever for what does not come back", async () => {
    const library = new FakeLibrary("win32");
    library.readers.push({ name: NAME, state: PRESENT, atr });
    const limits = { partingMs: 20 };
    const system = new SystemManager(library, new Threads(4), { runtime: nodeRuntime(), limits });
    const context = await system.establishContext();
    const connection = await context.connect(NAME, shared);
    library.lock();
    const begun = failureOf(connection.beginTransaction());
    await expect.poll(() => library.count("beginTransaction")).toBe(1);
    await context.release();
    expect((await begun).code).toBe("cancelled");
    expect(library.count("releaseContext")).toBe(1);
    library.unlock();
    await expect.poll(() => library.count("releaseContext")).toBe(2);
  });
});

describe("the one call that waits for all", () => {
  test("waits for a change of what the last one who came has seen", async () => {
    const { context, library, reader } = await open("win32");
    const INUSE = 0x100;
    const first = context.getStatusChange([{ reader: NAME, flags: { present: true } }]);
    const believed = (): number => {
      const [, timeoutMs, states] = last(library, "getStatusChange");
      return timeoutMs === 60_000 ? new DataView((states as Uint8Array).buffer).getUint32(16, true) : 0;
    };
    await expect.poll(believed).toBe(reader.state);
    // Another program connects: the library ends no wait for that.
    reader.state |= INUSE;
    const second = context.getStatusChange([{ reader: NAME, flags: { present: true, inuse: true } }]);
    await expect.poll(believed).toBe(reader.state);
    reader.state &= ~INUSE;
    library.changed();
    expect((await second)[0]?.flags).toEqual({ present: true, changed: true });
    await context.cancel();
    expect((await failureOf(first)).code).toBe("cancelled");
  });

  test("is begun anew where a reader came before it had begun", async () => {
    const { context, library } = await open("linux");
    const waiting = context.getStatusChange([{ reader: PNP_NOTIFICATION }]);
    await expect.poll(() => last(library, "getStatusChange")[1]).toBe(60_000);
    library.readers.push({ name: "Another", state: EMPTY, atr: new Uint8Array() });
    expect((await waiting)[0]?.flags).toEqual({ changed: true });
  });

  test("that ends for nothing is not made at full speed", async () => {
    const { context, library } = await open("win32");
    library.isHasty = true;
    const believed = { reader: NAME, flags: { present: true } } as const;
    expect((await failureOf(context.getStatusChange([believed], { timeoutMs: 300 }))).code).toBe("timeout");
    // Two a round, with a rest of 5 ms between two rounds.
    expect(library.count("getStatusChange")).toBeLessThan(200);
  });

  test("ends with the last waiting caller, and so does the context that it is made on", async () => {
    const { context, library } = await open("linux");
    const waiting = failureOf(context.getStatusChange([{ reader: NAME, flags: { present: true } }], { timeoutMs: 50 }));
    expect((await waiting).code).toBe("timeout");
    await expect.poll(() => library.count("cancel")).toBeGreaterThan(0);
    await context.release();
    expect([library.count("establishContext"), library.count("releaseContext")]).toEqual([2, 2]);
  });
});

describe("as on macOS", () => {
  test("readers are looked for, as nothing tells of them", async () => {
    const { context, library, reader } = await open("darwin");
    const pnp = { reader: PNP_NOTIFICATION };
    const [first] = await context.getStatusChange([{ reader: NAME, flags: { empty: true } }, pnp]);
    expect(first).toMatchObject({ flags: { present: true, changed: true }, atr });
    const waiting = context.getStatusChange([pnp]);
    const calls = library.count("getStatusChange");
    await expect.poll(() => library.count("getStatusChange")).toBeGreaterThan(calls + 4);
    library.readers.push({ name: "Another", state: EMPTY, atr: new Uint8Array() });
    expect((await waiting)[0]?.flags).toEqual({ changed: true });
    const next = context.getStatusChange([{ reader: NAME, flags: { present: true } }]);
    reader.state = EMPTY;
    expect((await next)[0]?.flags.empty).toBe(true);
    const believed = { reader: NAME, flags: { empty: true } } as const;
    expect((await failureOf(context.getStatusChange([believed], { timeoutMs: 30 }))).code).toBe("timeout");
  });

  test("handles have 32 bits and states are bits", async () => {
    const { context, library } = await open("darwin");
    const connection = await context.connect(NAME, shared);
    expect(last(library, "connect")[3]).toBe(7);
    library.cardState = 0x0054;
    expect(await connection.status()).toMatchObject({ state: "specific", eventCount: 0 });
    library.answers.control = Uint8Array.of(1);
    await connection.control(0x0031_0000 + 4 * 3400, new Uint8Array());
    expect(last(library, "control")[1]).toBe(0x4200_0000 + 3400);
  });
});
