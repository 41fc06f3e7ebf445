// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../../base/binary/index.ts";
import { attributes, ioctls, SmartCardError, type TraceEvent } from "../../port/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import type { BytePipe, BytePipeEvents } from "./byte-pipe.ts";
import { encodeFrame } from "./frame.ts";
import { defaultVpcdLimits } from "./limits.ts";
import { VpcdReader } from "./reader.ts";

/** ATR of vicc's ISO 7816 card (vsmartcard 3.3, VirtualSmartcard.py: Iso7816OS). */
const ATR = "3B951381018073FF01000B";

/** The card side of a connection, as a test drives it. */
class Card implements BytePipe {
  /** One entry for each write, in hexadecimal. */
  readonly writes: string[] = [];
  closed = false;
  events: BytePipeEvents | undefined;

  write(bytes: Uint8Array): void {
    if (!this.closed) this.writes.push(encodeHex(bytes));
  }

  close(): void {
    this.closed = true;
  }

  sends(payload: string): void {
    this.streams(encodeFrame(hexBytes(payload)));
  }

  streams(bytes: Uint8Array): void {
    this.events?.received(bytes);
  }
}

/** A reader with what surrounds it. `told` lists what the manager was told, `traced` what the trace saw. */
function setUp(release?: () => Promise<void>) {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const { clock } = runtime;
  const traced: TraceEvent[] = [];
  const told: string[] = [];
  const reader = new VpcdReader({
    host: "127.0.0.1",
    port: 35_963,
    clock,
    trace: (event) => traced.push(event),
    ...(release === undefined ? {} : { release }),
  });
  const events = {
    inserted: () => told.push("inserted"),
    removed: () => told.push("removed"),
    lost: (reason: string) => told.push(`lost: ${reason}`),
  };
  const insert = (): Card => {
    const card = new Card();
    card.events = reader.attach(card);
    return card;
  };
  return { events, insert, reader, runtime, told, traced };
}

/** A reader that is open and holds a card that has been powered up. */
async function setUpPowered() {
  const world = setUp();
  await world.reader.open(world.events);
  const card = world.insert();
  const powered = world.reader.power("cold-reset", calm());
  card.sends(ATR);
  await powered;
  card.writes.length = 0;
  world.told.length = 0;
  world.traced.length = 0;
  return { ...world, card };
}

/** A signal that is never aborted. */
function calm(): AbortSignal {
  return new AbortController().signal;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SmartCardError) return error.code;
    throw error;
  }
  return "no error";
}

describe("insertion and removal", () => {
  it("tells the card that came before the reader was opened first", async () => {
    const { events, insert, reader, told } = setUp();
    insert();
    expect(told).toEqual([]);
    await reader.open(events);
    expect(told).toEqual(["inserted"]);
  });

  it("tells a connection as insertion, its end as removal, and takes the next one", async () => {
    const { events, insert, reader, told } = setUp();
    await reader.open(events);
    insert().events?.closed("the peer hung up");
    insert();
    expect(told).toEqual(["inserted", "removed", "inserted"]);
  });

  it("closes a second connection at once and leaves the first alone", async () => {
    const { card, insert, reader, told, traced } = await setUpPowered();
    const second = insert();
    expect(second.closed).toBe(true);
    expect(second.events).toBeUndefined();
    expect(told).toEqual([]);
    expect(traced.map((event) => event.kind)).toEqual(["vpcd-peer-refused"]);
    const answer = reader.transmit(hexBytes("00840000 08"), "t1", calm());
    card.sends("9000");
    expect(encodeHex(await answer)).toBe("9000");
  });

  it("ejects by closing the connection, with the card powered off", async () => {
    const { card, reader, told } = await setUpPowered();
    await reader.eject(calm());
    expect(card.writes).toEqual(["000100"]);
    expect(card.closed).toBe(true);
    expect(told).toEqual(["removed"]);
    expect(await codeOf(reader.eject(calm()))).toBe("removed-card");
  });

  it("ends a command under way with removed-card when the card goes", async () => {
    const { card, runtime, reader, told } = await setUpPowered();
    const answer = reader.transmit(hexBytes("00840000 08"), "t1", calm());
    card.events?.closed("the peer hung up");
    expect(await codeOf(answer)).toBe("removed-card");
    expect(told).toEqual(["removed"]);
    expect(runtime.pendingTimers).toEqual([]);
    expect(await codeOf(reader.transmit(hexBytes("00840000 08"), "t1", calm()))).toBe("removed-card");
  });

  it("hears nothing more from a connection that is over", async () => {
    const { card, insert, reader, told } = await setUpPowered();
    const old = card.events;
    await reader.eject(calm());
    insert();
    old?.received(hexBytes("0002 9000"));
    old?.closed("late");
    expect(told).toEqual(["removed", "inserted"]);
  });
});

describe("power", () => {
  it("does a cold reset as power off, power on, get ATR: one write each", async () => {
    const { events, insert, reader } = setUp();
    await reader.open(events);
    const card = insert();
    const atr = reader.power("cold-reset", calm());
    expect(card.writes).toEqual(["000100", "000101", "000104"]);
    card.sends(ATR);
    expect(encodeHex(await atr)).toBe(ATR);
  });

  it("does a warm reset as reset, get ATR", async () => {
    const { card, reader } = await setUpPowered();
    const atr = reader.power("warm-reset", calm());
    expect(card.writes).toEqual(["000102", "000104"]);
    card.sends(ATR);
    expect(encodeHex(await atr)).toBe(ATR);
  });

  it("powers down without waiting for an answer", async () => {
    const { card, reader } = await setUpPowered();
    expect(await reader.power("power-down", calm())).toEqual(new Uint8Array(0));
    expect(card.writes).toEqual(["000100"]);
  });

  it.each([
    ["an empty ATR (a mute card)", ""],
    ["an ATR of 1 byte", "3B"],
    ["an ATR of 34 bytes", "3B".repeat(34)],
  ])("calls a card with %s unresponsive and keeps it", async (_what, atr) => {
    const { card, reader, told } = await setUpPowered();
    const powered = reader.power("warm-reset", calm());
    card.sends(atr);
    expect(await codeOf(powered)).toBe("unresponsive-card");
    expect(told).toEqual([]);
    expect(card.closed).toBe(false);
  });

  it.each([2, 33])("takes an ATR of %i bytes", async (length) => {
    const { card, reader } = await setUpPowered();
    const powered = reader.power("warm-reset", calm());
    card.sends("3B".repeat(length));
    expect((await powered).length).toBe(length);
  });

  it("drops a peer whose ATR does not come in time", async () => {
    const { card, runtime, reader, told } = await setUpPowered();
    const powered = codeOf(reader.power("cold-reset", calm()));
    await runtime.advance(defaultVpcdLimits.atrWaitMs - 1);
    expect(card.closed).toBe(false);
    await runtime.advance(1);
    expect(await powered).toBe("unresponsive-card");
    expect(card.closed).toBe(true);
    expect(told).toEqual(["removed"]);
  });
});

describe("commands", () => {
  it.each(["t0", "t1"] as const)("sends a command of %s as it is, in one write", async (protocol) => {
    const { card, reader } = await setUpPowered();
    await reader.setProtocol(protocol, calm());
    const answer = reader.transmit(hexBytes("00A4000C 02 3F00"), protocol, calm());
    expect(card.writes).toEqual(["000700A4000C023F00"]);
    card.sends("9000");
    expect(encodeHex(await answer)).toBe("9000");
  });

  it("refuses protocols that the wire does not have", async () => {
    const { card, reader } = await setUpPowered();
    expect(await codeOf(reader.setProtocol("raw", calm()))).toBe("proto-mismatch");
    expect(await codeOf(reader.transmit(hexBytes("00840000"), "t15", calm()))).toBe("proto-mismatch");
    expect(card.writes).toEqual([]);
  });

  it.each([0, 1, 65_536, 65_544])("refuses a command of %i bytes before it reaches the wire", async (length) => {
    const { card, reader } = await setUpPowered();
    expect(await codeOf(reader.transmit(new Uint8Array(length), "t1", calm()))).toBe("invalid-parameter");
    expect(card.writes).toEqual([]);
  });

  it("carries the longest command and the longest answer there are", async () => {
    const { card, reader } = await setUpPowered();
    const longest = new Uint8Array(65_535).fill(0x5a);
    const answer = reader.transmit(longest, "t1", calm());
    expect(card.writes).toEqual([`FFFF${encodeHex(longest)}`]);
    card.streams(encodeFrame(longest));
    expect(await answer).toEqual(longest);
  });

  it.each(["", "90"])("calls an answer without a status word (%j) a failed exchange, and goes on", async (answer) => {
    const { card, reader, told } = await setUpPowered();
    const failed = reader.transmit(hexBytes("00840000"), "t1", calm());
    card.sends(answer);
    expect(await codeOf(failed)).toBe("comm-error");
    expect(told).toEqual([]);
    const next = reader.transmit(hexBytes("00840000"), "t1", calm());
    card.sends("9000");
    expect(encodeHex(await next)).toBe("9000");
  });

  it("drops a peer whose answer does not come in time, so that a late one cannot answer the next command", async () => {
    const { card, runtime, insert, reader, told } = await setUpPowered();
    const late = codeOf(reader.transmit(hexBytes("00840000"), "t1", calm()));
    await runtime.advance(defaultVpcdLimits.apduWaitMs);
    expect(await late).toBe("comm-error");
    expect(card.closed).toBe(true);
    const other = insert();
    const next = reader.transmit(hexBytes("00840000"), "t1", calm());
    card.sends("6F00");
    other.sends("9000");
    expect(encodeHex(await next)).toBe("9000");
    expect(told).toEqual(["removed", "inserted"]);
  });

  it("gives a peer that trickles no more time than one that is silent", async () => {
    const { card, runtime, reader } = await setUpPowered();
    const answer = codeOf(reader.transmit(hexBytes("00840000"), "t1", calm()));
    card.streams(hexBytes("FFFF"));
    for (let sent = 0; sent < 10; sent++) {
      await runtime.advance(defaultVpcdLimits.apduWaitMs / 10);
      card.streams(hexBytes("00"));
    }
    expect(card.closed).toBe(true);
    expect(await answer).toBe("comm-error");
  });

  it("ends as cancelled when aborted, and drops the peer that still owes the answer", async () => {
    const { card, runtime, reader, told } = await setUpPowered();
    const controller = new AbortController();
    const answer = reader.transmit(hexBytes("00840000"), "t1", controller.signal);
    controller.abort(new Error("enough"));
    await expect(answer).rejects.toMatchObject({ code: "cancelled", cause: new Error("enough") });
    expect(card.closed).toBe(true);
    expect(told).toEqual(["removed"]);
    expect(runtime.pendingTimers).toEqual([]);
  });

  it("ends as cancelled before anything is sent when aborted before, and keeps the card", async () => {
    const { card, reader, told } = await setUpPowered();
    expect(await codeOf(reader.transmit(hexBytes("00840000"), "t1", AbortSignal.abort()))).toBe("cancelled");
    expect(card.writes).toEqual([]);
    expect(told).toEqual([]);
  });

  it("gives the same answers wherever the peer's stream is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 2, maxLength: 60 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 20 }),
        async (answers, size) => {
          const { card, reader } = await setUpPowered();
          for (const answer of answers) {
            const received = reader.transmit(hexBytes("00840000"), "t1", calm());
            const stream = encodeFrame(answer);
            for (let at = 0; at < stream.length; at += size) card.streams(stream.subarray(at, at + size));
            expect(await received).toEqual(answer);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("hostile peers", () => {
  it.each([
    ["a frame that was not requested", "0002 9000"],
    ["an empty frame that was not requested", "0000"],
    ["half a frame", "0002 90"],
    ["the claim of a long frame", "FFFF"],
    ["a single byte", "00"],
    ["a flood of empty frames", "0000".repeat(10_000)],
  ])("drops a peer that sends %s, says so in the trace, and takes the next", async (_what, bytes) => {
    const { card, insert, reader, told, traced } = await setUpPowered();
    card.streams(hexBytes(bytes));
    expect(card.closed).toBe(true);
    expect(told).toEqual(["removed"]);
    expect(traced.map((event) => [event.kind, event.reader])).toEqual([["vpcd-peer-dropped", "vpcd:127.0.0.1:35963"]]);
    const next = insert();
    const atr = reader.power("cold-reset", calm());
    next.sends(ATR);
    expect(encodeHex(await atr)).toBe(ATR);
  });

  it("delivers the answer and drops the peer that sends more than that", async () => {
    const { card, reader, told } = await setUpPowered();
    const answer = reader.transmit(hexBytes("00840000"), "t1", calm());
    card.streams(concatBytes(encodeFrame(hexBytes("9000")), encodeFrame(hexBytes("6F00"))));
    expect(encodeHex(await answer)).toBe("9000");
    expect(card.closed).toBe(true);
    expect(told).toEqual(["removed"]);
  });

  it("survives any bytes at any time: the card is there or gone, and the next one works", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 })), fc.boolean(), async (pieces, asked) => {
        const { card, insert, reader, told } = await setUpPowered();
        const controller = new AbortController();
        const pending = asked ? codeOf(reader.transmit(hexBytes("00840000"), "t1", controller.signal)) : undefined;
        for (const piece of pieces) card.streams(piece);
        controller.abort();
        await pending;
        if (!card.closed) card.events?.closed("the peer hung up");
        expect(told).toEqual(["removed"]);
        const next = insert();
        const atr = reader.power("cold-reset", calm());
        next.sends(ATR);
        expect(encodeHex(await atr)).toBe(ATR);
      }),
    );
  });

  it("tells nothing of what was exchanged in the trace", async () => {
    const { card, reader, traced } = await setUpPowered();
    const answer = reader.transmit(hexBytes("00200001 04 31323334"), "t1", calm());
    card.streams(encodeFrame(hexBytes("9000")));
    await answer;
    card.sends("31323334");
    expect(traced).toHaveLength(1);
    expect(JSON.stringify(traced)).not.toMatch(/31323334|1234/);
  });
});

describe("the reader itself", () => {
  it("is named as vpcd's reader is, and told apart by host and port", () => {
    const { reader } = setUp();
    expect(reader.description).toMatchObject({
      name: "Virtual PCD",
      id: "vpcd:127.0.0.1:35963",
      protocols: ["t0", "t1"],
      canEject: true,
    });
    const { runtime } = setUp();
    const six = new VpcdReader({ host: "::1", port: 35_964, clock: runtime.clock, trace: () => {} });
    expect(six.description.id).toBe("vpcd:[::1]:35964");
  });

  it("has no PC/SC part 10 feature, and no other control code", async () => {
    const { reader } = await setUpPowered();
    expect(await reader.control(ioctls["get-feature-request"].pcsclite, new Uint8Array(0), calm())).toHaveLength(0);
    expect(await codeOf(reader.control(0x4200_0001, new Uint8Array(0), calm()))).toBe("unsupported-feature");
  });

  it("answers attributes from what it knows of the card", async () => {
    const { reader } = await setUpPowered();
    const value = (name: keyof typeof attributes) => {
      const bytes = reader.getAttribute(attributes[name].value);
      return bytes === undefined ? undefined : encodeHex(bytes);
    };
    expect(value("atr-string")).toBe(ATR);
    expect(value("icc-presence")).toBe("02");
    expect(value("icc-interface-status")).toBe("01");
    expect(value("icc-type-per-atr")).toBe("01");
    expect(value("protocol-types")).toBe("03000000");
    expect(value("characteristics")).toBe("02000000");
    expect(value("current-protocol-type")).toBeUndefined();
    await reader.setProtocol("t1", calm());
    expect(value("current-protocol-type")).toBe("02000000");
    expect(value("vendor-name")).toBe(encodeHex(new TextEncoder().encode("scard")));
    expect(value("max-clk")).toBeUndefined();
    await reader.power("power-down", calm());
    expect(value("atr-string")).toBeUndefined();
    expect(value("current-protocol-type")).toBeUndefined();
    await reader.eject(calm());
    expect(value("icc-presence")).toBe("00");
    expect(reader.setAttribute(attributes["atr-string"].value, hexBytes("3B00"))).toBe(false);
  });

  it("closes: the card is powered off, the exchange ends, the platform lets go, and no listener is called again", async () => {
    let released = 0;
    const { runtime, events, insert, reader, told } = setUp(async () => {
      released++;
    });
    await reader.open(events);
    const card = insert();
    const atr = reader.power("cold-reset", calm());
    await reader.close();
    expect(await codeOf(atr)).toBe("reader-unavailable");
    expect(card.writes.at(-1)).toBe("000100");
    expect(card.closed).toBe(true);
    expect(released).toBe(1);
    expect(runtime.pendingTimers).toEqual([]);
    expect(told).toEqual(["inserted"]);
    expect(insert().closed).toBe(true);
    expect(await codeOf(reader.power("cold-reset", calm()))).toBe("reader-unavailable");
  });

  it("is lost once, when the platform takes it away", async () => {
    const { card, reader, told } = await setUpPowered();
    reader.lose("the listener was closed");
    reader.lose("again");
    expect(told).toEqual(["lost: the listener was closed"]);
    expect(card.closed).toBe(true);
    await reader.close();
    expect(told).toHaveLength(1);
  });
});
