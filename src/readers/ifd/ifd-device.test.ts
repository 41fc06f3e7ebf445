// SPDX-License-Identifier: MIT

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { attributes, type ReaderEvents, SmartCardError } from "../../port/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import type { DriverPipe, DriverPipeEvents } from "./driver-process.ts";
import { IfdDevice, type IfdDeviceOptions, type IfdLogEntry } from "./ifd-device.ts";
import { returnCodes } from "./ifd-handler.ts";
import { defaultIfdLimits } from "./limits.ts";
import {
  type AnswerMessage,
  type CallMessage,
  type DriverCall,
  decodeCall,
  encodeAnswer,
  MAX_CALL_BYTES,
  MessageDecoder,
} from "./messages.ts";

const { IFD_COMMUNICATION_ERROR, IFD_ICC_NOT_PRESENT, IFD_ICC_PRESENT, IFD_NO_SUCH_DEVICE, IFD_SUCCESS } = returnCodes;
const noBytes = new Uint8Array(0);
const hex = hexBytes;
const atr = hex("3b951381018073ff01000b");

type Answer = Partial<Omit<AnswerMessage, "id">>;
/** What a driver does with a call: answers it, dies of it, hangs in it, or sends these bytes. */
type Reaction = Answer | "crash" | "hang" | { readonly raw: Uint8Array };

/** A driver's process as the daemon sees it: a driver with cards, which misbehaves as it is told. */
class FakeDriver {
  starts = 0;
  kills = 0;
  version: 2 | 3 = 3;
  slots = 1;
  isSlotThreadSafe = false;
  polls = false;
  isPollKillable = false;
  /** The polling function does not wait; after so many calls it does, so that a test of that ends. */
  pollsReturnAtOnce = false;
  /** Slots with a card. */
  readonly cards = new Set<number>();
  /** Calls, in the order in which they came. */
  readonly calls: CallMessage[] = [];
  /** What happens at the next calls of a kind instead of what is usual. */
  readonly reactions = new Map<DriverCall, (Reaction | undefined)[]>();
  /** What happens at every call of a kind instead. */
  readonly always = new Map<DriverCall, Reaction>();
  #events: DriverPipeEvents | undefined;
  #pollers: { readonly lun: number; readonly run: () => void }[] = [];

  readonly start = (events: DriverPipeEvents): DriverPipe => {
    this.starts++;
    this.#events = events;
    const decoder = new MessageDecoder(MAX_CALL_BYTES);
    return {
      write: (message) => {
        for (const one of decoder.decode(message) ?? []) this.#called(one);
        message.fill(0);
      },
      end: () => this.die("ended with status 0"),
      kill: () => {
        this.kills++;
        this.die("was ended by SIGKILL");
      },
    };
  };

  /** The process ends. */
  die(how = "was ended by SIGSEGV"): void {
    const events = this.#events;
    this.#events = undefined;
    if (events !== undefined) queueMicrotask(() => events.ended(how));
  }

  /** A card comes or goes; the polling function, where there is one, returns. */
  card(slot: number, isThere: boolean): void {
    if (isThere) this.cards.add(slot);
    else this.cards.delete(slot);
    for (const { run } of this.#pollers.splice(0)) run();
  }

  /** Bytes that were not asked for. */
  send(bytes: Uint8Array): void {
    this.#events?.received(bytes);
  }

  names(): readonly string[] {
    return this.calls.map(({ call, lun }) => (lun === 0 ? call : `${call} ${lun}`));
  }

  #called(message: Uint8Array): void {
    const decoded = decodeCall(message);
    if (!decoded.ok) throw new Error(decoded.error.message);
    const call = decoded.value;
    this.calls.push(call);
    const reaction = this.reactions.get(call.call)?.shift() ?? this.always.get(call.call) ?? this.#usual(call);
    if (reaction === "hang") return;
    if (reaction === "crash") {
      this.die();
      return;
    }
    const bytes = "raw" in reaction ? reaction.raw : this.#encoded(call.id, reaction);
    const isOverdone = this.calls.length > 5000;
    const waits = !this.pollsReturnAtOnce || isOverdone;
    if (call.call === "poll" && !("raw" in reaction) && waits)
      this.#pollers.push({ lun: call.lun, run: () => this.#events?.received(bytes) });
    else queueMicrotask(() => this.#events?.received(bytes));
  }

  #encoded(id: number, answer: Answer): Uint8Array {
    return encodeAnswer({ id, outcome: "returned", code: IFD_SUCCESS, data: noBytes, ...answer });
  }

  #usual({ argument, call, data, lun }: CallMessage): Answer {
    switch (call) {
      case "load":
        return { code: this.version };
      case "presence":
        return { code: this.cards.has(lun) ? IFD_ICC_PRESENT : IFD_ICC_NOT_PRESENT };
      case "power":
        return argument === 501 ? {} : { data: atr };
      case "transmit":
        return { data: Uint8Array.of(...data, 0x90, 0x00) };
      case "control":
        return { data };
      case "has-polling":
        return { data: Uint8Array.of(this.polls ? 1 : 0) };
      case "stop-polling":
        for (const poller of this.#pollers) if (poller.lun === lun) queueMicrotask(poller.run);
        this.#pollers = this.#pollers.filter((poller) => poller.lun !== lun);
        return {};
      case "capability":
        if (argument === 0xfae) return { data: Uint8Array.of(this.slots) };
        if (argument === 0xfb1) return { data: Uint8Array.of(this.isPollKillable ? 1 : 0) };
        if (argument === 0xfac) return { data: Uint8Array.of(this.isSlotThreadSafe ? 1 : 0) };
        if (argument === attributes["vendor-name"].value) return { data: new TextEncoder().encode("Maker\0") };
        return { code: returnCodes.IFD_ERROR_TAG };
      default:
        return {};
    }
  }
}

/** What a reader has reported. */
class Reported implements ReaderEvents {
  readonly events: string[] = [];
  inserted(): void {
    this.events.push("inserted");
  }
  removed(): void {
    this.events.push("removed");
  }
  lost(reason: string): void {
    this.events.push(`lost: ${reason}`);
  }
}

let runtime: SimulatedRuntime;
let driver: FakeDriver;
let log: IfdLogEntry[];
let opened: IfdDevice[];
const { signal } = new AbortController();

beforeEach(() => {
  runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  driver = new FakeDriver();
  log = [];
  opened = [];
});

/** Nothing of it is left: no timer, no listener. */
afterEach(async () => {
  const closing = Promise.all(opened.map((device) => device.close()));
  await runtime.advance(10_000);
  await closing;
  expect(runtime.pendingTimers).toEqual([]);
});

async function open(options: Partial<IfdDeviceOptions> = {}): Promise<IfdDevice> {
  const opening = IfdDevice.open({
    start: driver.start,
    clock: runtime.clock,
    trace: runtime.trace,
    log: (entry) => log.push(entry),
    library: "/lib/driver.so",
    device: "/dev/ttyS0",
    channel: 7,
    type: "serial",
    removable: false,
    describe: (slot) => ({ name: `Reader 00 0${slot}`, id: `ifd:${slot}` }),
    ...options,
  });
  const outcome = opening.then(
    (device) => ({ device }),
    (error: unknown) => ({ error }),
  );
  await runtime.advance(200_000);
  const result = await outcome;
  if ("error" in result) throw result.error;
  opened.push(result.device);
  return result.device;
}

/** The device, with its first reader open. */
async function opening(options: Partial<IfdDeviceOptions> = {}) {
  const device = await open(options);
  const [reader] = device.readers;
  if (reader === undefined) throw new Error("there is no reader");
  const reported = new Reported();
  await reader.open(reported);
  return { device, reader, reported };
}

/** A reader with a card that has power. */
async function powered(options: Partial<IfdDeviceOptions> = {}) {
  driver.cards.add(0);
  const all = await opening(options);
  await all.reader.power("cold-reset", signal);
  await all.reader.setProtocol("t1", signal);
  driver.calls.length = 0;
  return all;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const outcome = work.then(
    () => "success",
    (error: unknown) => (error instanceof SmartCardError ? error.code : `${error}`),
  );
  await runtime.advance(0);
  return outcome;
}

describe("opening", () => {
  test("takes pcscd's steps, and describes the reader", async () => {
    const device = await open();
    expect(driver.names().filter((name) => name !== "capability")).toEqual([
      "load",
      "create-channel-by-name",
      "presence",
      "has-polling",
    ]);
    expect(new TextDecoder().decode(driver.calls[0]?.data)).toBe("/lib/driver.so");
    expect(new TextDecoder().decode(driver.calls[1]?.data)).toBe("/dev/ttyS0");
    expect(device.readers.map((reader) => reader.description)).toEqual([
      {
        name: "Reader 00 00",
        id: "ifd:0",
        vendor: "Maker",
        product: "Reader 00 00",
        type: "serial",
        protocols: ["t0", "t1"],
        canEject: false,
      },
    ]);
  });

  test("gives the channel where there is no device, and to version 2 always", async () => {
    for (const [version, device] of [
      [3, ""],
      [2, "/dev/ttyS0"],
    ] as const) {
      driver = new FakeDriver();
      driver.version = version;
      await open({ device });
      const created = driver.calls.filter(({ call }) => call.startsWith("create"));
      expect(created.map(({ call, argument }) => [call, argument])).toEqual([["create-channel", 7]]);
    }
  });

  test("opens every slot, and not more than the limit", async () => {
    driver.slots = 3;
    expect((await open()).readers).toHaveLength(3);
    driver = new FakeDriver();
    driver.slots = 255;
    expect((await open({ limits: { slots: 4 } })).readers).toHaveLength(4);
  });

  test.each([
    ["an error", { code: 612 }],
    ["an unknown tag", { code: 600 }],
    ["0 slots", { data: Uint8Array.of(0) }],
    ["two bytes", { data: Uint8Array.of(3, 0) }],
    ["no byte", {}],
  ])("%s for the number of slots is one slot", async (_, answer) => {
    driver.reactions.set("capability", [answer]);
    expect((await open()).readers).toHaveLength(1);
  });

  test.each<[DriverCall, Reaction, string, RegExp]>([
    [
      "load",
      { outcome: "failed", data: new TextEncoder().encode("no\nsuch file") },
      "invalid-parameter",
      /no such file/,
    ],
    ["load", { code: 1 }, "invalid-parameter", /no reason given/],
    [
      "create-channel-by-name",
      { code: 612 },
      "reader-unavailable",
      /cannot open \/dev\/ttyS0: it answers 612 \(IFD_COMM/,
    ],
    ["presence", { code: 612 }, "reader-unavailable", /cannot tell whether there is a card/],
  ])("fails where %s answers %j", async (call, reaction, code, message) => {
    driver.reactions.set(call, [reaction]);
    await expect(open()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(driver.kills).toBe(1);
  });

  const steps: DriverCall[] = ["load", "create-channel-by-name", "presence", "has-polling", "capability"];
  test.each(steps)("fails where the driver crashes in %s, or hangs in it", async (call) => {
    for (const reaction of ["crash", "hang"] as const) {
      driver = new FakeDriver();
      driver.always.set(call, reaction);
      await expect(
        open({ limits: { loadMs: 20, createMs: 20, presenceMs: 20, capabilityMs: 20 } }),
      ).rejects.toMatchObject({
        code: "comm-error",
        message: expect.stringMatching(reaction === "crash" ? /SIGSEGV/ : /hangs/),
      });
    }
  });

  test("a driver that crashes over attributes is opened without them", async () => {
    const usual = [undefined, "crash"] as const;
    driver.reactions.set("capability", [...usual]);
    const device = await open();
    expect(driver.starts).toBe(2);
    expect(device.readers[0]?.description.vendor).toBe("unknown");
  });
});

describe("a card", () => {
  test("is reported when it is there, comes and goes", async () => {
    const { reported } = await opening();
    expect(reported.events).toEqual([]);
    driver.card(0, true);
    await runtime.advance(defaultIfdLimits.pollMs);
    expect(reported.events).toEqual(["inserted"]);
    driver.card(0, false);
    await runtime.advance(defaultIfdLimits.pollMs);
    expect(reported.events).toEqual(["inserted", "removed"]);
  });

  test("is reported by the polling function at once, and by looking where that one misses it", async () => {
    driver.polls = true;
    const { reported } = await opening();
    driver.card(0, true);
    await runtime.advance(1);
    expect(reported.events).toEqual(["inserted"]);
    await runtime.advance(100);
    driver.cards.delete(0);
    await runtime.advance(defaultIfdLimits.pollingFunctionMs);
    expect(reported.events).toEqual(["inserted", "removed"]);
  });

  test("one failed look does not count, two do", async () => {
    const { reported } = await powered();
    driver.reactions.set("presence", [{ code: 612 }]);
    await runtime.advance(2 * defaultIfdLimits.pollMs);
    expect(reported.events).toEqual(["inserted"]);
    driver.reactions.set("presence", [{ code: 612 }, { code: 612 }]);
    await runtime.advance(4 * defaultIfdLimits.pollMs);
    expect(reported.events).toEqual(["inserted", "removed", "inserted"]);
  });

  test("a polling function that returns at once does not keep the daemon busy", async () => {
    for (const code of [IFD_SUCCESS, IFD_COMMUNICATION_ERROR]) {
      driver = new FakeDriver();
      driver.polls = true;
      driver.pollsReturnAtOnce = true;
      driver.always.set("poll", { code });
      const { reader } = await opening();
      await runtime.advance(1000);
      const polls = driver.names().filter((name) => name === "poll").length;
      expect(polls).toBeGreaterThan(2);
      expect(polls).toBeLessThan(110);
      await reader.close();
    }
  });
});

describe("operations", () => {
  test("a cold reset powers down and up, a warm one resets", async () => {
    const { reader } = await powered();
    await reader.power("cold-reset", signal);
    await reader.power("warm-reset", signal);
    await reader.power("power-down", signal);
    const actions = driver.calls.filter(({ call }) => call === "power").map(({ argument }) => argument);
    expect(actions).toEqual([501, 500, 502, 501]);
  });

  test("a command goes to the driver and its answer back", async () => {
    const { reader } = await powered();
    expect(encodeHex(await reader.transmit(hex("00a40400"), "t1", signal))).toBe("00A404009000");
    expect(encodeHex(await reader.control(0x42000d48, hex("01"), signal))).toBe("01");
    expect(driver.calls.map(({ call, argument }) => [call, argument])).toEqual([
      ["transmit", 1],
      ["control", 0x42000d48],
    ]);
  });

  test("T=0 is 0 in a command and a bit in the parameters", async () => {
    const { reader } = await powered();
    await reader.setProtocol("t0", signal);
    await reader.transmit(hex("00a40400"), "t0", signal);
    expect(driver.calls.map(({ argument }) => argument)).toEqual([1, 0]);
  });

  test("version 2 has no control code, and needs an input", async () => {
    driver.version = 2;
    const { reader } = await powered();
    expect(await codeOf(reader.control(1, noBytes, signal))).toBe("invalid-parameter");
    expect(await codeOf(reader.control(1, hex("20"), signal))).toBe("success");
    // As pcscd: what such a driver does not know is not told from what failed.
    driver.reactions.set("control", [{ code: returnCodes.IFD_NOT_SUPPORTED }]);
    expect(await codeOf(reader.control(1, hex("20"), signal))).toBe("comm-error");
  });

  test.each<[Answer, string]>([
    [{ code: 614 }, "success"],
    [{ outcome: "missing" }, "success"],
    [{ code: 607 }, "proto-mismatch"],
    [{ code: 606 }, "proto-mismatch"],
    [{ code: 605 }, "unresponsive-card"],
    [{ code: 617 }, "comm-error"],
  ])("where the parameters are answered by %j, the first protocol is: %s", async (answer, code) => {
    const { reader } = await powered();
    driver.reactions.set("set-protocol", [answer]);
    expect(await codeOf(reader.setProtocol("t1", signal))).toBe(code);
  });

  test("a protocol that is not the first needs the parameters", async () => {
    const { reader } = await powered();
    driver.reactions.set("set-protocol", [{ code: 614 }]);
    expect(await codeOf(reader.setProtocol("t0", signal))).toBe("proto-mismatch");
  });

  test.each<[DriverCall, number, string]>([
    ["power", 608, "unresponsive-card"],
    ["power", 612, "unresponsive-card"],
    ["power", 616, "removed-card"],
    ["power", 617, "comm-error"],
    ["transmit", 612, "comm-error"],
    ["transmit", 613, "comm-error"],
    ["transmit", 616, "removed-card"],
    ["transmit", 617, "comm-error"],
    ["transmit", 618, "insufficient-buffer"],
    ["transmit", -1, "comm-error"],
    ["control", 606, "unsupported-feature"],
    ["control", 614, "unsupported-feature"],
    ["control", 618, "insufficient-buffer"],
    ["control", 612, "comm-error"],
  ])("%s that returns %i is %s", async (call, returned, code) => {
    const { reader } = await powered();
    driver.reactions.set(call, [{ code: returned }]);
    const operations = {
      power: () => reader.power("warm-reset", signal),
      transmit: () => reader.transmit(hex("00a40400"), "t1", signal),
      control: () => reader.control(1, noBytes, signal),
    };
    expect(await codeOf(operations[call as keyof typeof operations]())).toBe(code);
  });

  test("an exchange that fails because the card is gone says so", async () => {
    const { reader, reported } = await powered();
    driver.cards.delete(0);
    driver.reactions.set("transmit", [{ code: 612 }]);
    expect(await codeOf(reader.transmit(hex("00a40400"), "t1", signal))).toBe("removed-card");
    expect(reported.events).toEqual(["inserted", "removed"]);
  });

  test("without a card there is no reset", async () => {
    const { reader } = await opening();
    expect(await codeOf(reader.power("cold-reset", signal))).toBe("removed-card");
    expect(driver.names()).not.toContain("power");
  });

  test("an ATR of one byte is none", async () => {
    const { reader } = await powered();
    driver.reactions.set("power", [{}, { data: hex("3b") }]);
    expect(await codeOf(reader.power("cold-reset", signal))).toBe("unresponsive-card");
  });

  test("attributes are the driver's, and those of the card", async () => {
    const { reader } = await powered();
    expect(reader.getAttribute(attributes["vendor-name"].value)).toEqual(new TextEncoder().encode("Maker\0"));
    expect(reader.getAttribute(attributes["atr-string"].value)).toEqual(atr);
    expect(reader.setAttribute(1, noBytes)).toBe(false);
  });

  test("one at a time goes to a reader, unless its slots can be used at the same time", async () => {
    for (const isSlotThreadSafe of [false, true]) {
      driver = new FakeDriver();
      driver.slots = 2;
      driver.isSlotThreadSafe = isSlotThreadSafe;
      driver.cards.add(0).add(1);
      const { readers } = await open();
      for (const reader of readers) await reader.open(new Reported());
      for (const reader of readers) await reader.power("cold-reset", signal);
      driver.calls.length = 0;
      driver.reactions.set("transmit", ["hang"]);
      const sent = readers.map((reader) => codeOf(reader.transmit(hex("00a40400"), "t1", signal)));
      await runtime.advance(1);
      expect(driver.names().filter((name) => name.startsWith("transmit"))).toEqual(
        isSlotThreadSafe ? ["transmit", "transmit 1"] : ["transmit"],
      );
      await runtime.advance(defaultIfdLimits.transmitMs);
      await Promise.all(sent);
    }
  });
});

describe("a process that crashes, hangs or lies", () => {
  const bad: [string, Reaction][] = [
    ["crashes", "crash"],
    ["hangs", "hang"],
    ["answers another call", { raw: encodeAnswer({ id: 77, outcome: "returned", code: 0, data: noBytes }) }],
    ["sends an impossible length", { raw: hex("ffffffff00") }],
    ["sends a short length", { raw: hex("0400000000") }],
    ["sends an unknown outcome", { raw: hex("1000000001000000 09000000 00000000".replaceAll(" ", "")) }],
  ];
  const operations: [string, DriverCall][] = [
    ["power", "power"],
    ["setProtocol", "set-protocol"],
    ["transmit", "transmit"],
    ["control", "control"],
    ["presence", "presence"],
  ];
  const cases = operations.flatMap(([operation, call]) =>
    bad.map(([what, reaction]) => [what, operation, call, reaction] as const),
  );

  test.each(cases)("where it %s in %s, comes back with the card", async (_, operation, call, reaction) => {
    const { reader, reported } = await powered();
    driver.reactions.set(call, [reaction]);
    const work: Record<string, () => Promise<unknown>> = {
      power: () => reader.power("cold-reset", signal),
      setProtocol: () => reader.setProtocol("t1", signal),
      transmit: () => reader.transmit(hex("00200001"), "t1", signal),
      control: () => reader.control(1, hex("31323334"), signal),
      presence: () => runtime.advance(300),
    };
    const result = codeOf(work[operation]?.() ?? Promise.reject(new Error(operation)));
    await runtime.advance(defaultIfdLimits.controlMs + 1000);
    expect(["removed-card", "comm-error", "success"]).toContain(await result);
    expect(reported.events).toEqual(["inserted", "removed", "inserted"]);
    expect(driver.starts).toBe(2);
    await reader.power("cold-reset", signal);
    expect(encodeHex(await reader.transmit(hex("00a40400"), "t1", signal))).toBe("00A404009000");
  });

  test("an answer that is longer than can be ends it", async () => {
    const { reader, reported } = await powered();
    driver.reactions.set("power", [{ data: new Uint8Array(34) }]);
    expect(await codeOf(reader.power("cold-reset", signal))).toBe("removed-card");
    await runtime.advance(1000);
    expect(driver.kills).toBe(1);
    expect(reported.events).toEqual(["inserted", "removed", "inserted"]);
  });

  test("what it sends unasked ends it", async () => {
    const { reported } = await powered();
    driver.send(encodeAnswer({ id: 1, outcome: "returned", code: 0, data: noBytes }));
    await runtime.advance(1000);
    expect(driver.kills).toBe(1);
    expect(reported.events).toEqual(["inserted", "removed", "inserted"]);
  });

  test("is told in the log, without what was sent", async () => {
    const { reader } = await powered();
    driver.reactions.set("transmit", ["crash"]);
    await codeOf(reader.transmit(hex("002000010431323334"), "t1", signal));
    await runtime.advance(1000);
    expect(log.map(({ level, message, reason }) => [level, message, reason])).toEqual([
      ["warn", "the process of a driver ended, and is started again", "the driver's process was ended by SIGSEGV"],
      ["info", "a driver runs again", undefined],
    ]);
    expect(JSON.stringify([log, runtime.events])).not.toMatch(/31323334|1234/);
  });

  test("is started again after longer and longer pauses, and then given up", async () => {
    const { reader, reported } = await opening();
    driver.always.set("load", "crash");
    driver.die();
    const starts: number[] = [];
    const begin = runtime.clock.now();
    let seen = driver.starts;
    for (let at = 0; at < 250_000; at += 50) {
      await runtime.advance(50);
      if (driver.starts > seen) starts.push(Math.round((runtime.clock.now() - begin) / 250) / 4);
      seen = driver.starts;
    }
    expect(starts).toEqual([0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 31.75, 61.75, 91.75, 121.75]);
    expect(reported.events).toEqual([expect.stringMatching(/^lost: .* times in a row$/)]);
    expect(await codeOf(reader.control(1, noBytes, signal))).toBe("reader-unavailable");
    expect(log.at(-1)).toMatchObject({ level: "error", message: "a reader was given up" });
  });

  test("is started anew at once where it ran well for a while", async () => {
    await opening();
    for (let crash = 0; crash < 15; crash++) {
      await runtime.advance(defaultIfdLimits.soundMs);
      driver.die();
      await runtime.advance(300);
    }
    expect(driver.starts).toBe(16);
  });

  test("while it is started again, the reader says so", async () => {
    const { reader } = await powered();
    driver.die();
    await runtime.advance(0);
    expect(await codeOf(reader.control(1, noBytes, signal))).toBe("comm-error");
  });

  test("a reader with fewer slots than before loses the rest", async () => {
    driver.slots = 2;
    const { readers } = await open();
    const reported = [new Reported(), new Reported()];
    for (const [slot, reader] of readers.entries()) await reader.open(reported[slot] as Reported);
    driver.slots = 1;
    driver.die();
    await runtime.advance(1000);
    expect(reported.map(({ events }) => events)).toEqual([[], ["lost: the reader has fewer slots than before"]]);
  });
});

describe("cancelling", () => {
  test("ends as soon as the driver comes back", async () => {
    const { reader } = await powered();
    driver.always.set("transmit", "hang");
    const controller = new AbortController();
    const sent = codeOf(reader.transmit(hex("00a40400"), "t1", controller.signal));
    await runtime.advance(100);
    controller.abort();
    driver.send(encodeAnswer({ id: lastId("transmit"), outcome: "returned", code: 0, data: hex("9000") }));
    expect(await sent).toBe("cancelled");
    await runtime.advance(5000);
    expect(driver.kills).toBe(0);
  });

  test("ends a process that does not come back", async () => {
    const { reader } = await powered();
    driver.always.set("transmit", "hang");
    const controller = new AbortController();
    const sent = codeOf(reader.transmit(hex("00a40400"), "t1", controller.signal));
    await runtime.advance(100);
    controller.abort();
    await runtime.advance(defaultIfdLimits.cancelMs);
    expect(await sent).toBe("cancelled");
    expect(driver.kills).toBe(1);
    await runtime.advance(1000);
    expect(driver.starts).toBe(2);
  });

  test("leaves out what has not begun", async () => {
    driver.slots = 2;
    driver.cards.add(0).add(1);
    const { readers } = await open();
    for (const reader of readers) await reader.open(new Reported());
    driver.always.set("control", "hang");
    const [first, second] = readers;
    const one = codeOf(first?.control(1, noBytes, signal) ?? Promise.resolve());
    const controller = new AbortController();
    const two = codeOf(second?.control(1, noBytes, controller.signal) ?? Promise.resolve());
    await runtime.advance(100);
    controller.abort();
    expect(await two).toBe("cancelled");
    expect(driver.kills).toBe(0);
    await runtime.advance(defaultIfdLimits.controlMs);
    expect(await one).toBe("comm-error");
    expect(driver.names().filter((name) => name === "control 1")).toEqual([]);
  });

  test("before it begins", async () => {
    const { reader } = await powered();
    expect(await codeOf(reader.transmit(hex("00a40400"), "t1", AbortSignal.abort()))).toBe("cancelled");
    expect(driver.names()).toEqual([]);
  });

  function lastId(call: DriverCall): number {
    return driver.calls.findLast((one) => one.call === call)?.id ?? 0;
  }
});

describe("the end", () => {
  test("closes the channels, and ends the process", async () => {
    driver.slots = 2;
    driver.polls = true;
    let released = 0;
    const device = await open({ release: () => released++ });
    for (const reader of device.readers) await reader.open(new Reported());
    await runtime.advance(100);
    driver.calls.length = 0;
    await device.readers[0]?.close();
    expect(driver.names()).toEqual(["stop-polling", "close-channel"]);
    expect(released).toBe(0);
    await device.readers[1]?.close();
    expect(driver.names().slice(2).sort()).toEqual([
      "close-channel",
      "close-channel 1",
      "stop-polling",
      "stop-polling 1",
    ]);
    expect(released).toBe(1);
    expect(driver.kills).toBe(0);
  });

  test("does not close the channel of a slot whose polling function does not end", async () => {
    driver.slots = 2;
    driver.polls = true;
    driver.always.set("stop-polling", { outcome: "missing" });
    const { readers } = await open();
    for (const reader of readers) await reader.open(new Reported());
    await runtime.advance(100);
    driver.calls.length = 0;
    const closing = codeOf(readers[1]?.close() ?? Promise.resolve());
    await runtime.advance(defaultIfdLimits.closeMs);
    expect(await closing).toBe("success");
    expect(driver.names()).toEqual(["stop-polling 1"]);
    expect(driver.kills).toBe(0);
  });

  test("leaves a polling function that may be killed as it is, as the process ends", async () => {
    driver.polls = true;
    driver.isPollKillable = true;
    const { reader } = await powered();
    await runtime.advance(100);
    driver.calls.length = 0;
    await reader.close();
    expect(driver.names()).toEqual(["close-channel"]);
    expect(driver.kills).toBe(0);
  });

  test("of a device that is unplugged is told to its driver, before its channels are closed", async () => {
    driver.slots = 2;
    let released = 0;
    const device = await open({ removable: true, release: () => released++ });
    for (const reader of device.readers) await reader.open(new Reported());
    driver.calls.length = 0;
    device.unplugged("unplugged");
    expect(device.readers.every(({ isOver }) => isOver)).toBe(true);
    await device.close();
    expect(driver.names()).toEqual(["device-removed", "device-removed 1", "close-channel", "close-channel 1"]);
    expect([driver.kills, released]).toEqual([0, 1]);
  });

  test.each(["device-removed", "close-channel", "transmit"] as const)(
    "of a device that is unplugged does not wait for ever for a driver that hangs in %s",
    async (call) => {
      const { device, reader, reported } = await powered({ removable: true });
      driver.always.set(call, "hang");
      const sent = codeOf(reader.transmit(hex("00a40400"), "t1", signal));
      await runtime.advance(1);
      device.unplugged("unplugged");
      expect(reported.events).toEqual(["inserted", "lost: unplugged"]);
      const closing = codeOf(device.close());
      await runtime.advance(defaultIfdLimits.closeMs);
      expect(await closing).toBe("success");
      expect(await sent).toBe(call === "transmit" ? "reader-unavailable" : "success");
      expect(driver.kills).toBe(1);
    },
  );

  test("kills a process that does not close its channel", async () => {
    const { reader } = await powered();
    driver.always.set("close-channel", "hang");
    const closing = codeOf(reader.close());
    await runtime.advance(defaultIfdLimits.closeMs);
    expect(await closing).toBe("success");
    expect(driver.kills).toBe(1);
  });

  test("ends an operation that is under way", async () => {
    const { reader } = await powered();
    driver.always.set("transmit", "hang");
    const sent = codeOf(reader.transmit(hex("00a40400"), "t1", signal));
    await runtime.advance(1);
    const closing = codeOf(reader.close());
    await runtime.advance(2 * defaultIfdLimits.closeMs);
    expect(await closing).toBe("success");
    expect(await sent).toBe("reader-unavailable");
  });

  test("while the driver is started again", async () => {
    const { reader } = await powered();
    driver.die();
    await runtime.advance(100);
    await reader.close();
    await runtime.advance(60_000);
    expect(driver.starts).toBe(1);
  });

  test("while the driver is being opened again", async () => {
    const { reader } = await powered();
    driver.always.set("create-channel-by-name", "hang");
    driver.die();
    await runtime.advance(1000);
    expect(driver.starts).toBe(2);
    await reader.close();
    await runtime.advance(defaultIfdLimits.createMs + 60_000);
    expect(driver.starts).toBe(2);
    expect(driver.kills).toBe(1);
  });

  test("of a device that is unplugged loses all readers at once", async () => {
    const { device, reported } = await powered({ removable: true });
    device.unplugged("unplugged");
    expect(reported.events).toEqual(["inserted", "lost: unplugged"]);
    await runtime.advance(60_000);
    expect(driver.starts).toBe(1);
  });

  test("of a device that a call does not find: the reader is gone for the program where it is lost, and there where it is opened again", async () => {
    for (const [removable, code] of [
      [true, "reader-unavailable"],
      [false, "comm-error"],
    ] as const) {
      driver = new FakeDriver();
      const { reader } = await powered({ removable });
      driver.reactions.set("transmit", [{ code: IFD_NO_SUCH_DEVICE }]);
      expect(await codeOf(reader.transmit(Uint8Array.of(0, 0xa4, 4, 0), "t1", new AbortController().signal))).toBe(
        code,
      );
    }
  });

  test("of a device of which the driver says that it is gone: lost, or opened again", async () => {
    for (const removable of [true, false]) {
      driver = new FakeDriver();
      const { reported } = await powered({ removable });
      driver.reactions.set("presence", [{ code: IFD_NO_SUCH_DEVICE }]);
      await runtime.advance(1000);
      expect(driver.starts).toBe(removable ? 1 : 2);
      expect(reported.events).toEqual(
        removable
          ? ["inserted", "lost: the driver says that the reader is not there any more"]
          : ["inserted", "removed", "inserted"],
      );
    }
  });
});
