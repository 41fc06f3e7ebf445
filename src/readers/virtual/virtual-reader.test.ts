// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import type { SoftwareCard } from "../../cards/software-card/index.ts";
import { type ErrorCode, type ReaderEvents, SmartCardError } from "../../port/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { VirtualReader, type VirtualReaderOptions } from "./virtual-reader.ts";

/** T=0 and T=1, negotiable, T=0 first. */
const BOTH_PROTOCOLS = "3B80800101";
const SPECIFIC_T1 = "3B80811101" + "90";

interface TestCard extends SoftwareCard {
  readonly log: string[];
}

function testCard(overrides: Partial<SoftwareCard> & { atr?: string } = {}): TestCard {
  const log: string[] = [];
  const { atr = BOTH_PROTOCOLS, ...methods } = overrides;
  return {
    log,
    reset(kind) {
      log.push(`reset ${kind}`);
      return hexBytes(atr);
    },
    powerOff() {
      log.push("power off");
    },
    process(command) {
      log.push(encodeHex(command));
      return hexBytes("9000");
    },
    ...methods,
  };
}

interface Bench {
  readonly reader: VirtualReader;
  readonly runtime: SimulatedRuntime;
  readonly events: string[];
  readonly signal: AbortSignal;
}

function newRuntime(): SimulatedRuntime {
  return new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
}

async function bench(options: Partial<VirtualReaderOptions> = {}, card?: SoftwareCard): Promise<Bench> {
  const runtime = newRuntime();
  const { clock } = runtime;
  const events: string[] = [];
  const listener: ReaderEvents = {
    inserted: () => events.push("inserted"),
    removed: () => events.push("removed"),
    lost: (reason) => events.push(`lost: ${reason}`),
  };
  const reader = new VirtualReader({ clock, ...options });
  if (card !== undefined) reader.insert(card);
  await reader.open(listener);
  return { reader, runtime, events, signal: new AbortController().signal };
}

async function ready(card: SoftwareCard, options: Partial<VirtualReaderOptions> = {}): Promise<Bench> {
  const made = await bench(options, card);
  await made.reader.power("cold-reset", made.signal);
  await made.reader.setProtocol("t1", made.signal);
  return made;
}

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | "no error"> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    if (error instanceof SmartCardError) return error.code;
    throw error;
  }
}

/** Runs everything that is ready. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** Runs everything that is ready, until a condition holds. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100 && !condition(); turn++) await Promise.resolve();
  expect(condition()).toBe(true);
}

const command = hexBytes("00B0000004");

describe("description", () => {
  test("defaults", async () => {
    const { reader } = await bench();
    expect(reader.description).toEqual({
      name: "Virtual Reader",
      id: "virtual:Virtual Reader",
      vendor: "scard",
      product: "Virtual Reader",
      type: "vendor",
      protocols: ["t0", "t1"],
      canEject: true,
    });
  });

  test("the id comes from the serial number, which is more stable than a name", async () => {
    const { reader } = await bench({ name: "Left", serial: "0815" });
    expect(reader.description).toMatchObject({ id: "virtual:0815", serial: "0815" });
  });

  test.each<[string, string, unknown]>([
    ["invalid-value", "is empty", { name: "" }],
    ["invalid-value", "130 bytes", { name: "é".repeat(65) }],
    ["invalid-value", "control characters", { name: "a\0b" }],
    ["invalid-parameter", "id is an empty string", { id: "" }],
    ["invalid-parameter", "serial is too long", { serial: "é".repeat(65) }],
    ["invalid-parameter", "name is 5", { name: 5 }],
    ["invalid-parameter", 'no member "nmae". Did you mean name?', { nmae: "Desk" }],
    ["invalid-parameter", "canEject is a string", { canEject: "no" }],
    ["invalid-parameter", "clock is an object", { clock: {} }],
    ["invalid-value", "at least one protocol", { protocols: [] }],
    ["invalid-value", 'Did you mean "t1"?', { protocols: ["T1"] }],
  ])("%s: %s", (code, message, options) => {
    const refused = expect.objectContaining({ code, message: expect.stringContaining(message) });
    expect(() => new VirtualReader({ clock: newRuntime().clock, ...(options as object) })).toThrow(refused);
  });

  test("eject is there exactly when the reader can eject", async () => {
    expect((await bench({ canEject: true })).reader.eject).toBeTypeOf("function");
    expect((await bench({ canEject: false })).reader.eject).toBeUndefined();
  });
});

describe("the hand", () => {
  test("a card that is in when the driver starts is told first", async () => {
    expect((await bench({}, testCard())).events).toEqual(["inserted"]);
  });

  test("insert and remove are told; a second card pushes the first out", async () => {
    const { reader, events } = await bench();
    const second = testCard();
    reader.insert(testCard());
    reader.insert(second);
    expect(reader.card).toBe(second);
    reader.remove();
    reader.remove();
    expect(events).toEqual(["inserted", "removed", "inserted", "removed"]);
    expect(reader.card).toBeUndefined();
  });

  test("the card loses power when it is pulled", async () => {
    const card = testCard();
    const { reader } = await ready(card);
    expect(reader.powered).toBe(true);
    reader.remove();
    expect(card.log.at(-1)).toBe("power off");
    expect(reader.powered).toBe(false);
  });

  test("unplug loses the reader for good, once", async () => {
    const card = testCard();
    const { reader, events, signal } = await ready(card);
    reader.unplug();
    reader.unplug();
    expect(events).toEqual(["inserted", "lost: the virtual reader was unplugged"]);
    expect(card.log.at(-1)).toBe("power off");
    expect(await codeOf(reader.power("cold-reset", signal))).toBe("reader-unavailable");
    expect(() => reader.insert(testCard())).toThrow("SCARD_E_READER_UNAVAILABLE");
  });
});

describe("power", () => {
  test("cold when power comes, warm when it was there, off", async () => {
    const card = testCard();
    const { reader, signal } = await bench({}, card);
    expect(encodeHex(await reader.power("cold-reset", signal))).toBe(BOTH_PROTOCOLS);
    await reader.power("warm-reset", signal);
    await reader.power("cold-reset", signal);
    expect(await reader.power("power-down", signal)).toEqual(new Uint8Array(0));
    await reader.power("warm-reset", signal);
    expect(card.log).toEqual(["reset cold", "reset warm", "power off", "reset cold", "power off", "reset cold"]);
  });

  test("without a card: removed-card", async () => {
    const { reader, signal } = await bench();
    expect(await codeOf(reader.power("cold-reset", signal))).toBe("removed-card");
  });

  test.each([
    ["no ATR", () => new Uint8Array(0)],
    ["an ATR of 34 bytes", () => new Uint8Array(34)],
    [
      "an exception",
      () => {
        throw new Error("the author of this card made a mistake");
      },
    ],
  ])("%s: unresponsive-card", async (_name, reset) => {
    const { reader, signal } = await bench({}, testCard({ reset }));
    expect(await codeOf(reader.power("cold-reset", signal))).toBe("unresponsive-card");
  });

  test("the ATR handed out is a copy", async () => {
    const { reader, signal } = await bench({}, testCard());
    (await reader.power("cold-reset", signal)).fill(0);
    expect(encodeHex(reader.getAttribute(0x0009_0303) ?? new Uint8Array(0))).toBe(BOTH_PROTOCOLS);
  });
});

describe("setProtocol, ISO/IEC 7816-3:2006, 6.3.1 and 9", () => {
  function recording(
    answer: (request: Uint8Array) => Uint8Array,
    atr = BOTH_PROTOCOLS,
  ): { card: TestCard; seen: string[] } {
    const seen: string[] = [];
    const card = testCard({
      atr,
      pps(request) {
        seen.push(encodeHex(request));
        return answer(request);
      },
    });
    return { card, seen };
  }

  test("the first protocol needs no PPS", async () => {
    const { card, seen } = recording((request) => request);
    const { reader, signal } = await bench({}, card);
    await reader.power("cold-reset", signal);
    await reader.setProtocol("t0", signal);
    expect(seen).toEqual([]);
  });

  test("the other one is asked for: FF 01 FE", async () => {
    const { card, seen } = recording((request) => request);
    await ready(card);
    expect(seen).toEqual(["FF01FE"]);
  });

  test.each(["", "FF00FF", "FF01FF"])("a card that answers %j does not agree, and needs a reset", async (answer) => {
    const { card } = recording(() => hexBytes(answer));
    const { reader, signal } = await bench({}, card);
    await reader.power("cold-reset", signal);
    expect(await codeOf(reader.setProtocol("t1", signal))).toBe("proto-mismatch");
    expect(await codeOf(reader.setProtocol("t0", signal))).toBe("comm-error");
    await reader.power("warm-reset", signal);
    expect(await codeOf(reader.setProtocol("t0", signal))).toBe("no error");
  });

  test("in specific mode there is no PPS and no other protocol", async () => {
    const { card, seen } = recording((request) => request, SPECIFIC_T1);
    const { reader, signal } = await bench({}, card);
    await reader.power("cold-reset", signal);
    expect(await codeOf(reader.setProtocol("t0", signal))).toBe("proto-mismatch");
    expect(await codeOf(reader.setProtocol("t1", signal))).toBe("no error");
    expect(seen).toEqual([]);
  });

  test("a protocol that the reader does not offer, or that is not the one set", async () => {
    const { reader, signal } = await bench({ protocols: ["t0"] }, testCard());
    await reader.power("cold-reset", signal);
    expect(await codeOf(reader.setProtocol("t1", signal))).toBe("proto-mismatch");
    await reader.setProtocol("t0", signal);
    expect(await codeOf(reader.setProtocol("t0", signal))).toBe("no error");
  });

  test("raw is there only if it was asked for, and takes any card", async () => {
    const first = await bench({}, testCard());
    await first.reader.power("cold-reset", first.signal);
    expect(await codeOf(first.reader.setProtocol("raw", first.signal))).toBe("proto-mismatch");
    const card = testCard();
    const { reader, signal } = await bench({ protocols: ["t1", "raw"] }, card);
    await reader.power("cold-reset", signal);
    await reader.setProtocol("raw", signal);
    expect(encodeHex(await reader.transmit(hexBytes("01"), "raw", signal))).toBe("9000");
    expect(card.log.at(-1)).toBe("01");
  });
});

describe("transmit", () => {
  test("T=1 carries whole APDUs, up to 65,538 bytes of answer", async () => {
    const card = testCard({ process: () => new Uint8Array(65_538) });
    const { reader, signal } = await ready(card);
    expect(await reader.transmit(hexBytes("00B00000000000"), "t1", signal)).toHaveLength(65_538);
    expect(reader.exchanges).toBe(1);
  });

  test("T=0 goes by its rules", async () => {
    const { reader, signal } = await bench({}, testCard({ process: () => hexBytes("01029000") }));
    await reader.power("cold-reset", signal);
    await reader.setProtocol("t0", signal);
    expect(encodeHex(await reader.transmit(hexBytes("00B0000004"), "t0", signal))).toBe("6C02");
    expect(encodeHex(await reader.transmit(hexBytes("00B0000002"), "t0", signal))).toBe("01029000");
  });

  test("a reset forgets an answer that waits for GET RESPONSE", async () => {
    const card = testCard({ process: (request) => hexBytes(request[1] === 0xc0 ? "6D00" : "01029000") });
    const { reader, signal } = await bench({}, card);
    const start = async (): Promise<void> => {
      await reader.power("warm-reset", signal);
      await reader.setProtocol("t0", signal);
    };
    await start();
    expect(encodeHex(await reader.transmit(hexBytes("00A40000023F00"), "t0", signal))).toBe("6102");
    await start();
    expect(encodeHex(await reader.transmit(hexBytes("00C0000002"), "t0", signal))).toBe("6D00");
  });

  test("the command is copied for the card and overwritten afterwards", async () => {
    let seen: Uint8Array | undefined;
    const { reader, signal } = await ready(
      testCard({
        process(request) {
          seen = request;
          return hexBytes("9000");
        },
      }),
    );
    const pin = hexBytes("002000010431323334");
    await reader.transmit(pin, "t1", signal);
    expect(encodeHex(pin)).toBe("002000010431323334");
    expect(seen?.every((byte) => byte === 0)).toBe(true);
  });

  test("without power, without protocol, in another protocol", async () => {
    const { reader, signal } = await bench({}, testCard());
    expect(await codeOf(reader.transmit(command, "t1", signal))).toBe("unpowered-card");
    await reader.power("cold-reset", signal);
    expect(await codeOf(reader.transmit(command, "t1", signal))).toBe("proto-mismatch");
    await reader.setProtocol("t1", signal);
    expect(await codeOf(reader.transmit(command, "t0", signal))).toBe("proto-mismatch");
    expect(reader.exchanges).toBe(0);
  });

  test.each([
    ["throws", () => Promise.reject(new Error("oops"))],
    ["answers one byte", () => hexBytes("90")],
    ["answers 65,539 bytes", () => new Uint8Array(65_539)],
  ])("a card that %s: comm-error until it is reset", async (_name, process) => {
    const { reader, signal } = await ready(testCard({ process }));
    expect(await codeOf(reader.transmit(command, "t1", signal))).toBe("comm-error");
    expect(await codeOf(reader.transmit(command, "t1", signal))).toBe("comm-error");
    expect(reader.exchanges).toBe(1);
    await reader.power("warm-reset", signal);
    expect(await codeOf(reader.setProtocol("t1", signal))).toBe("no error");
  });
});

describe("operations are ended", () => {
  const never = (): Promise<Uint8Array> => new Promise(() => undefined);

  test("removed mid-APDU: removed-card at once, and the next card can be powered", async () => {
    const { reader, signal, events } = await ready(testCard({ process: never }));
    const running = codeOf(reader.transmit(command, "t1", signal));
    reader.remove();
    reader.insert(testCard());
    const atr = reader.power("cold-reset", signal);
    expect(await running).toBe("removed-card");
    expect(encodeHex(await atr)).toBe(BOTH_PROTOCOLS);
    expect(events).toEqual(["inserted", "removed", "inserted"]);
  });

  test("a late answer of a pulled card changes nothing", async () => {
    const answers: ((response: Uint8Array) => void)[] = [];
    const card = testCard({ process: () => new Promise((resolve) => answers.push(resolve)) });
    const { reader, signal } = await ready(card);
    const first = codeOf(reader.transmit(command, "t1", signal));
    await until(() => answers.length === 1);
    reader.remove();
    reader.insert(card);
    await reader.power("cold-reset", signal);
    await reader.setProtocol("t1", signal);
    const second = reader.transmit(command, "t1", signal);
    await until(() => answers.length === 2);
    answers[0]?.(hexBytes("019000"));
    answers[1]?.(hexBytes("029000"));
    expect(encodeHex(await second)).toBe("029000");
    expect(await first).toBe("removed-card");
  });

  test.each([
    ["unplug", "reader-unavailable", (reader: VirtualReader): void => reader.unplug()],
    ["close", "reader-unavailable", (reader: VirtualReader): unknown => reader.close()],
    ["mute", "comm-error", (reader: VirtualReader): void => reader.mute(true)],
  ] as const)("%s: %s", async (_name, code, act) => {
    const { reader, signal } = await ready(testCard({ process: never }));
    const running = codeOf(reader.transmit(command, "t1", signal));
    act(reader);
    expect(await running).toBe(code);
  });

  test("aborted: cancelled, with the reason as cause, and a reset is needed", async () => {
    const { reader, signal } = await ready(testCard({ process: never }));
    const controller = new AbortController();
    const running = reader.transmit(command, "t1", controller.signal);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(running).rejects.toMatchObject({ code: "cancelled", cause: reason });
    expect(await codeOf(reader.transmit(command, "t1", signal))).toBe("comm-error");
    expect(await codeOf(reader.power("warm-reset", signal))).toBe("no error");
  });

  test("aborted, and the card answers all the same: it still needs a reset", async () => {
    const answers: ((response: Uint8Array) => void)[] = [];
    const card = testCard({ process: () => new Promise((resolve) => answers.push(resolve)) });
    const { reader, signal } = await ready(card);
    const controller = new AbortController();
    const running = codeOf(reader.transmit(command, "t1", controller.signal));
    await until(() => answers.length === 1);
    controller.abort();
    answers[0]?.(hexBytes("9000"));
    await turns(20);
    expect(await running).toBe("cancelled");
    expect(await codeOf(reader.transmit(command, "t1", signal))).toBe("comm-error");
  });

  test("aborted before: nothing happens", async () => {
    const card = testCard();
    const { reader } = await bench({}, card);
    const aborted = AbortSignal.abort();
    expect(await codeOf(reader.power("cold-reset", aborted))).toBe("cancelled");
    expect(await codeOf(reader.setProtocol("t1", aborted))).toBe("cancelled");
    expect(await codeOf(reader.transmit(command, "t1", aborted))).toBe("cancelled");
    expect(await codeOf(reader.control(0x4200_0d48, new Uint8Array(0), aborted))).toBe("cancelled");
    expect(await codeOf(reader.eject?.(aborted) ?? Promise.resolve())).toBe("cancelled");
    expect(card.log).toEqual([]);
    expect(reader.card).toBe(card);
  });

  test("two at once are the manager's mistake", async () => {
    const { reader, signal } = await ready(testCard({ process: never }));
    const running = codeOf(reader.transmit(command, "t1", signal));
    await expect(reader.power("warm-reset", signal)).rejects.toThrow("one operation at a time");
    reader.remove();
    expect(await running).toBe("removed-card");
  });
});

describe("cards that misbehave", () => {
  test("mute: unresponsive-card to a reset, comm-error to a command", async () => {
    const { reader, signal } = await ready(testCard());
    reader.mute(true);
    expect(await codeOf(reader.transmit(command, "t1", signal))).toBe("comm-error");
    expect(await codeOf(reader.power("warm-reset", signal))).toBe("unresponsive-card");
    reader.mute(false);
    expect(await codeOf(reader.power("warm-reset", signal))).toBe("no error");
  });

  test("slow: each answer takes its time on the clock", async () => {
    const { reader, runtime, signal } = await ready(testCard());
    reader.slow(250);
    let done = false;
    const running = reader.transmit(command, "t1", signal).then(() => (done = true));
    await runtime.advance(249);
    await Promise.resolve();
    expect(done).toBe(false);
    await runtime.advance(1);
    await running;
    expect(runtime.pendingTimers).toEqual([]);
    reader.slow(0);
    await reader.transmit(command, "t1", signal);
    expect(() => reader.slow(-1)).toThrow("SCARD_E_INVALID_VALUE");
  });

  test("slow and pulled: the timer is gone, and the card never saw the command", async () => {
    const card = testCard();
    const { reader, runtime, signal } = await ready(card);
    reader.slow(250);
    const running = codeOf(reader.transmit(command, "t1", signal));
    expect(runtime.pendingTimers).toHaveLength(1);
    reader.remove();
    expect(await running).toBe("removed-card");
    expect(runtime.pendingTimers).toEqual([]);
    expect(reader.exchanges).toBe(0);
  });

  test("hang: neither success nor failure until it is turned off", async () => {
    const { reader, runtime, signal } = await bench({}, testCard());
    reader.hang(true);
    let settled = false;
    const running = reader.power("cold-reset", signal).finally(() => (settled = true));
    await runtime.advance(3_600_000);
    await turns(20);
    expect(settled).toBe(false);
    reader.hang(false);
    expect(encodeHex(await running)).toBe(BOTH_PROTOCOLS);
  });

  test("hang: the manager gives up, and the card was not touched", async () => {
    const card = testCard();
    const { reader } = await bench({}, card);
    const controller = new AbortController();
    reader.hang(true);
    const running = codeOf(reader.power("cold-reset", controller.signal));
    controller.abort();
    expect(await running).toBe("cancelled");
    reader.hang(false);
    await turns(20);
    expect(card.log).toEqual([]);
  });
});

describe("eject and close", () => {
  test("eject moves the card out and tells it", async () => {
    const card = testCard();
    const { reader, signal, events } = await ready(card);
    await reader.eject?.(signal);
    expect(reader.card).toBeUndefined();
    expect(card.log.at(-1)).toBe("power off");
    expect(events).toEqual(["inserted", "removed"]);
    expect(await codeOf(reader.eject?.(signal) ?? Promise.resolve())).toBe("removed-card");
  });

  test("close powers the card down; nothing is told or done afterwards; it can be opened anew", async () => {
    const card = testCard({
      powerOff() {
        throw new Error("the author of this card made a mistake");
      },
    });
    const { reader, signal, events } = await ready(card);
    await reader.close();
    expect(reader.powered).toBe(false);
    reader.remove();
    expect(events).toEqual(["inserted"]);
    expect(await codeOf(reader.power("cold-reset", signal))).toBe("reader-unavailable");
    await reader.open({ inserted: () => undefined, removed: () => undefined, lost: () => undefined });
    expect(await codeOf(reader.power("cold-reset", signal))).toBe("removed-card");
  });
});

describe("control and attributes", () => {
  test("GET_FEATURE_REQUEST lists what the other code then answers", async () => {
    const { reader, signal } = await bench();
    const list = await reader.control(0x4200_0d48, new Uint8Array(0), signal);
    expect(encodeHex(list)).toBe("120442000812");
    const properties = await reader.control(0x4200_0812, new Uint8Array(0), signal);
    expect(encodeHex(properties)).toBe("0901000A0400000100");
  });

  test("unknown codes: unsupported-feature", async () => {
    const { reader, signal } = await bench();
    expect(await codeOf(reader.control(0x4200_0001, new Uint8Array(0), signal))).toBe("unsupported-feature");
  });

  test("attributes of the reader", async () => {
    const { reader } = await bench({ name: "Left", serial: "0815" });
    const text = (attribute: number): string => new TextDecoder().decode(reader.getAttribute(attribute));
    const hex = (attribute: number): string => encodeHex(reader.getAttribute(attribute) ?? new Uint8Array(0));
    expect(text(0x0001_0100)).toBe("scard");
    expect(text(0x0001_0101)).toBe("Virtual Reader");
    expect(hex(0x0001_0102)).toBe("00000001");
    expect(text(0x0001_0103)).toBe("0815");
    expect(hex(0x0002_0110)).toBe("0000F000");
    expect(hex(0x0003_0120)).toBe("03000000");
    expect(hex(0x0006_0150)).toBe("02000000");
    expect(hex(0x0007_a007)).toBe("08000100");
    expect(text(0x7fff_0003)).toBe("Left");
    expect(text(0x7fff_0004)).toBe("virtual:0815");
    expect(reader.getAttribute(0x0004_0131)).toBeUndefined();
    expect((await bench()).reader.getAttribute(0x0001_0103)).toBeUndefined();
    expect((await bench({ canEject: false })).reader.getAttribute(0x0006_0150)).toEqual(hexBytes("00000000"));
  });

  test("attributes of the card", async () => {
    const { reader, signal } = await bench();
    const all = (): (string | undefined)[] =>
      [0x0009_0300, 0x0009_0301, 0x0009_0303, 0x0009_0304, 0x0008_0201].map((attribute) => {
        const value = reader.getAttribute(attribute);
        return value && encodeHex(value);
      });
    expect(all()).toEqual(["00", "00", undefined, "00", undefined]);
    reader.insert(testCard());
    expect(all()).toEqual(["02", "00", undefined, "00", undefined]);
    await reader.power("cold-reset", signal);
    expect(all()).toEqual(["02", "01", BOTH_PROTOCOLS, "01", undefined]);
    await reader.setProtocol("t1", signal);
    expect(all()).toEqual(["02", "01", BOTH_PROTOCOLS, "01", "02000000"]);
  });

  test("one attribute can be set", async () => {
    const { reader } = await bench();
    expect(reader.setAttribute(0x7fff_0007, hexBytes("01000000"))).toBe(true);
    expect(reader.setAttribute(0x7fff_0007, new Uint8Array(0))).toBe(false);
    expect(reader.setAttribute(0x0001_0100, hexBytes("00"))).toBe(false);
  });
});
