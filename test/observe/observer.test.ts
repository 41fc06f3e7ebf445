// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import {
  type CallPolicy,
  MAX_LISTENERS,
  type ObservedCall,
  type ObservedCardEvent,
  type ObservedEvent,
  Observer,
  type ObserverOptions,
} from "../../src/observe/calls/index.ts";
import { type Connection, type ConnectOptions, type ResourceManager, SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { apdu, EchoCard, settle } from "../manager/world.ts";

const shared: ConnectOptions = { shareMode: "shared", preferredProtocols: ["t1"] };
const pin = hexBytes("C0FFEE5E");
const verify = hexBytes("0020008104C0FFEE5E");

/** A manager with a card that echoes, with an observer in front of each of its clients. */
async function stage(options: Partial<ObserverOptions> = {}) {
  const runtime = new SimulatedRuntime({ settle });
  const observer = new Observer({ runtime, ...options });
  const { clock, random } = runtime;
  const manager = new EmbeddedManager({ runtime: { clock, random, trace: observer.trace } });
  const reader = new VirtualReader({ name: "Reader", clock });
  const name = await manager.addReader(reader);
  const card = new EchoCard();
  reader.insert(card);
  await runtime.settle();
  const seen: ObservedEvent[] = [];
  const calls = (): ObservedCall[] => seen.filter((event) => event.kind === "call");
  const cards = (): ObservedCardEvent[] => seen.filter((event) => event.kind === "card");
  const client = (program: string) => observer.observe(manager.client({ name: program }), { name: program });
  const connect = async (program: string): Promise<Connection> =>
    (await client(program).establishContext()).connect(name, shared);
  return { runtime, observer, manager, reader, name, card, seen, calls, cards, client, connect };
}

describe("an observer", () => {
  test("tells each call once, with what came of it", async () => {
    const { calls, client, name, observer, seen } = await stage();
    observer.listen((event) => seen.push(event));
    const context = await client("editor").establishContext();
    await context.listReaders();
    await expect(context.connect("Nowhere", shared)).rejects.toThrow();
    const connection = await context.connect(name, shared);
    await connection.beginTransaction();
    await connection.transmit(apdu);
    await connection.endTransaction("reset");
    await connection.status();
    await connection.reconnect({ ...shared, initialization: "leave" });
    await connection.disconnect("unpower");
    await expect(connection.transmit(apdu)).rejects.toThrow();
    await context.release();
    expect(calls().map((call) => [call.operation, call.outcome, call.connection, call.disposition])).toEqual([
      ["establish-context", "success", undefined, undefined],
      ["list-readers", "success", undefined, undefined],
      ["connect", "unknown-reader", undefined, undefined],
      ["connect", "success", 2, undefined],
      ["begin-transaction", "success", 2, undefined],
      ["transmit", "success", 2, undefined],
      ["end-transaction", "success", 2, "reset"],
      ["status", "success", 2, undefined],
      ["reconnect", "success", 2, "leave"],
      ["disconnect", "success", 2, "unpower"],
      ["transmit", "invalid-handle", 2, undefined],
      ["release-context", "success", undefined, undefined],
    ]);
    expect(seen.map((event) => event.number)).toEqual(seen.map((_, index) => index + 1));
    expect(calls()[3]).toMatchObject({ reader: name, shareMode: "shared", protocol: "t1", client: { name: "editor" } });
  });

  test("measures how long a call waited for its turn", async () => {
    const { calls, connect, observer, runtime, seen } = await stage();
    const holder = await connect("holder");
    const other = await connect("other");
    await holder.beginTransaction();
    observer.listen((event) => seen.push(event));
    const transmitted = other.transmit(apdu);
    await runtime.advance(40);
    await holder.endTransaction();
    await transmitted;
    const call = calls().find(({ operation }) => operation === "transmit");
    expect(call?.waitedMs).toBe(40);
    expect(call?.tookMs).toBeGreaterThanOrEqual(40);
  });

  test("without listeners a call is the manager's own promise, and nothing is told", async () => {
    const promise = Promise.resolve(Uint8Array.of(0x90, 0));
    const connection = { reader: "Reader", protocol: "t1", shareMode: "shared", transmit: () => promise };
    const context = { scope: "user", connect: async () => connection };
    const manager = { establishContext: async () => context } as unknown as ResourceManager;
    const runtime = new SimulatedRuntime({ settle });
    const observer = new Observer({ runtime });
    const observed = await (await observer.observe(manager, { name: "x" }).establishContext()).connect(
      "Reader",
      shared,
    );
    expect(observed.transmit(apdu)).toBe(promise);
    expect(observer.isActive).toBe(false);
    const seen: ObservedEvent[] = [];
    const stop = observer.listen((event) => seen.push(event));
    expect(observed.transmit(apdu)).not.toBe(promise);
    stop();
    stop();
    expect(observed.transmit(apdu)).toBe(promise);
  });

  test("shows no PIN, and the bytes as they are only where the owner asked for it", async () => {
    for (const raw of [false, true]) {
      const { calls, connect, observer, seen } = await stage({ raw });
      observer.listen((event) => seen.push(event));
      const connection = await connect("editor");
      await connection.transmit(verify);
      const exchange = calls().at(-1)?.exchange;
      expect(exchange).toMatchObject({
        name: "VERIFY",
        command: { bytes: "00 20 00 81 [4 bytes withheld]" },
        response: { bytes: "[9 bytes withheld] 90 00", withheldBytes: 9 },
        statusWord: 0x9000,
        commandBytes: 9,
        responseBytes: 11,
      });
      if (raw) expect(exchange?.raw?.command).toEqual(verify);
      else expect(JSON.stringify(seen)).not.toMatch(/C0FFEE|C0 FF EE|192,255,238/i);
      expect(verify.subarray(5)).toEqual(pin);
    }
  });

  test("the bytes as they are go to the listener that asks for them, and to no other", async () => {
    const { calls, connect, observer, seen } = await stage();
    const raw: ObservedEvent[] = [];
    observer.listen((event) => raw.push(event), { raw: true });
    observer.listen((event) => seen.push(event));
    await (await connect("editor")).transmit(verify);
    expect(calls().at(-1)?.exchange?.raw).toBeUndefined();
    expect(raw.at(-1)).toMatchObject({ exchange: { raw: { command: verify } } });
  });

  test("knows of a card what others have selected, and forgets it with a reset", async () => {
    const { calls, connect, observer, seen } = await stage();
    observer.listen((event) => seen.push(event));
    const [one, two] = [await connect("one"), await connect("two")];
    const application = (): string | undefined => calls().at(-1)?.exchange?.application;
    await one.transmit(hexBytes("00A4040009A00000030800001000"));
    expect(application()).toBe("A00000030800001000");
    await two.transmit(hexBytes("0087039B00"));
    expect(application()).toBe("A00000030800001000");
    expect(calls().at(-1)?.exchange?.name).toBe("PIV GENERAL AUTHENTICATE");
    await one.disconnect("reset");
    await two.reconnect({ ...shared, initialization: "leave" });
    await two.transmit(hexBytes("0087039B00"));
    expect(application()).toBeUndefined();
  });

  test("a card that was not seen from its beginning shows less", async () => {
    const { calls, connect, observer, seen } = await stage();
    const connection = await connect("one");
    await connection.transmit(hexBytes("00A40000026F08"));
    observer.listen((event) => seen.push(event));
    await connection.transmit(hexBytes("00B0000010"));
    expect(calls().at(-1)?.exchange?.response?.withheldBytes).toBe(5);
    await connection.transmit(hexBytes("00A40000022F00"));
    await connection.transmit(hexBytes("00B0000010"));
    expect(calls().at(-1)?.exchange?.response?.withheldBytes).toBe(0);
  });

  test("tells of cards and readers, and who reset one and why", async () => {
    const { card, cards, client, connect, manager, name, observer, reader, seen } = await stage();
    observer.listen((event) => seen.push(event));
    const one = await connect("one");
    await one.beginTransaction();
    await one.endTransaction("reset");
    const leaver = client("leaver");
    const left = await (await leaver.establishContext()).connect(name, shared);
    await left.beginTransaction();
    await leaver.end();
    reader.remove();
    reader.insert(card);
    await settle();
    await manager.removeReader(name);
    expect(cards().map((event) => [event.change, event.client?.name, event.cause])).toEqual([
      ["reset", "one", "disposition"],
      ["reset", "leaver", "exit"],
      ["removed", undefined, undefined],
      ["inserted", undefined, undefined],
      ["reader-removed", undefined, undefined],
    ]);
  });

  test("contexts that a program leaves behind are told when it has ended", async () => {
    const { calls, client, observer, seen } = await stage();
    observer.listen((event) => seen.push(event));
    const one = client("one");
    await one.establishContext();
    await (await one.establishContext()).release();
    await one.end();
    expect(calls().map((call) => [call.operation, call.context])).toEqual([
      ["establish-context", 1],
      ["establish-context", 2],
      ["release-context", 2],
      ["release-context", 1],
    ]);
  });

  test("what a listener throws harms no call and no other listener", async () => {
    const failures: unknown[] = [];
    const { connect, observer, seen } = await stage({ failed: (error) => failures.push(error) });
    observer.listen(() => {
      throw new Error("broken");
    });
    observer.listen((event) => seen.push(event));
    const connection = await connect("one");
    expect(await connection.transmit(apdu)).toHaveLength(6);
    expect(seen).toHaveLength(3);
    expect(failures).toHaveLength(3);
  });

  test("has so many listeners at most", () => {
    const observer = new Observer({ runtime: new SimulatedRuntime({ settle }) });
    const stops = Array.from({ length: MAX_LISTENERS }, () => observer.listen(() => {}));
    expect(() => observer.listen(() => {})).toThrow(/256 listeners, the limit/);
    stops[0]?.();
    expect(() => observer.listen(() => {})).not.toThrow();
  });

  test("publishes on a channel while that has subscribers", async () => {
    const published: ObservedEvent[] = [];
    const channel = { hasSubscribers: false, publish: (event: ObservedEvent) => void published.push(event) };
    const { connect } = await stage({ channel });
    const connection = await connect("one");
    expect(published).toEqual([]);
    channel.hasSubscribers = true;
    await connection.transmit(apdu);
    expect(published).toHaveLength(1);
  });

  test("options that are wrong are refused as the manager refuses them", async () => {
    const { calls, connect, observer, seen } = await stage();
    const connection = await connect("one");
    const wrong: unknown[] = [5, [], "soon", { timeoutMs: -1 }, { unknown: 1 }];
    for (const options of wrong) {
      const quiet = await connection.status(options as never).catch((error: Error) => error.message);
      const stop = observer.listen((event) => seen.push(event));
      const told = await connection.status(options as never).catch((error: Error) => error.message);
      stop();
      expect(told).toBe(quiet);
      expect(calls().at(-1)?.outcome).toBe("invalid-parameter");
    }
  });
});

describe("a policy", () => {
  test("refuses a command before the card gets it, and is told of those that passed", async () => {
    const after: number[] = [];
    const policy: CallPolicy = {
      before: ({ command }) =>
        command[1] === 0x20 ? new SmartCardError("security-violation", "VERIFY is refused") : undefined,
      after: ({ command, response }) => after.push(command[1] ?? 0, response?.length ?? 0),
    };
    const { calls, card, connect, observer, seen } = await stage({ policy });
    const connection = await connect("one");
    await expect(connection.transmit(verify)).rejects.toMatchObject({ code: "security-violation" });
    await connection.transmit(apdu);
    expect(card.commands.map((command) => command[1])).toEqual([0xa4]);
    expect(after).toEqual([0xa4, 6]);
    observer.listen((event) => seen.push(event));
    await expect(connection.transmit(verify)).rejects.toMatchObject({ code: "security-violation" });
    expect(calls().at(-1)).toMatchObject({
      outcome: "security-violation",
      exchange: { command: { bytes: "00 20 00 81 [4 bytes withheld]" }, response: undefined },
    });
  });

  test("judges a command when its turn has come, as it was when the call was made", async () => {
    const asked: string[] = [];
    const policy: CallPolicy = {
      before: ({ client, command }) => {
        asked.push(`${client.name} ${command[1]}`);
        return undefined;
      },
      after: () => {},
    };
    const { calls, card, connect, observer, runtime, seen } = await stage({ policy });
    observer.listen((event) => seen.push(event));
    const [one, other] = [await connect("one"), await connect("other")];
    await one.beginTransaction();
    const bytes = Uint8Array.from(verify);
    const waiting = other.transmit(bytes);
    await runtime.settle();
    expect(asked).toEqual([]);
    // What is judged is what is sent.
    bytes[1] = 0xb0;
    await one.transmit(apdu);
    await one.endTransaction();
    await waiting;
    expect(asked).toEqual([`one ${apdu[1]}`, "other 32"]);
    expect(card.commands.at(-1)?.[1]).toBe(0x20);
    expect(calls().filter(({ operation }) => operation === "begin-transaction")).toHaveLength(1);
  });

  test("is asked about control calls too, which may carry a command to a PIN pad", async () => {
    const after: (number | undefined)[] = [];
    const policy: CallPolicy = {
      before: () => undefined,
      after: () => {},
      beforeControl: ({ code, input }) =>
        input[0] === 0x20 ? new SmartCardError("security-violation", `control ${code} is refused`) : undefined,
      afterControl: ({ code, output }) => after.push(code, output?.length),
    };
    const { calls, connect, observer, seen } = await stage({ policy });
    const connection = await connect("one");
    observer.listen((event) => seen.push(event));
    await expect(connection.control(0x310d48, hexBytes("20"))).rejects.toMatchObject({ code: "security-violation" });
    expect(after).toEqual([]);
    const output = await connection.control(0x313520, new Uint8Array());
    expect(after).toEqual([0x313520, output.length]);
    expect(calls().map(({ code, outcome }) => [code, outcome])).toEqual([
      [0x310d48, "security-violation"],
      [0x313520, "success"],
    ]);
  });
});

describe("a PIN at the reader's pad", () => {
  const structure = (command: string): Uint8Array =>
    Uint8Array.of(...new Uint8Array(15), hexBytes(command).length, 0, 0, 0, ...hexBytes(command));

  test("is told by what the reader was asked to complete, and what the card answered, without the command", async () => {
    const { calls, connect, observer, reader, seen } = await stage();
    Object.assign(reader, { control: async () => hexBytes("63C2") });
    const connection = await connect("one");
    observer.listen((event) => seen.push(event));
    await connection.control(0x42330006, structure("0020008008FFFFFFFFFFFFFFFF"));
    await connection.control(0x42330006, structure("00B0000002"));
    await connection.control(0x42330006, new Uint8Array());
    expect(calls().map(({ pinPad }) => pinPad)).toEqual([{ name: "VERIFY", statusWord: 0x63c2 }, undefined, undefined]);
    expect(JSON.stringify(seen)).not.toMatch(/FF ?FF|255,255/);
  });
});

describe("the events of an observer", () => {
  test("are bounded: the oldest are dropped and counted", async () => {
    const { connect, observer } = await stage();
    const connection = await connect("one");
    const ending = new AbortController();
    const events = observer.events({ limit: 3, signal: ending.signal });
    for (let index = 0; index < 10; index++) await connection.transmit(apdu);
    ending.abort();
    const numbers: number[] = [];
    for await (const event of events) numbers.push(event.number);
    expect(numbers).toEqual([8, 9, 10]);
    expect(events.dropped).toBe(7);
    expect(observer.isActive).toBe(false);
  });

  test("come as they happen, and leaving the loop ends them", async () => {
    const { connect, observer } = await stage();
    const connection = await connect("one");
    const events = observer.events();
    const first = (async () => {
      for await (const event of events) return event;
      return undefined;
    })();
    await connection.transmit(apdu);
    expect(await first).toMatchObject({ kind: "call", operation: "transmit" });
    expect(observer.isActive).toBe(false);
  });
});
