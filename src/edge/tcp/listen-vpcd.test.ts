// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../../binary/index.ts";
import type { Clock, Runtime, TraceEvent } from "../../pcsc/index.ts";
import { encodeFrame, FrameDecoder } from "../../vpcd/index.ts";
import { listenVpcd, type VpcdListener, type VpcdListenerOptions } from "./listen-vpcd.ts";

const ATR = "3B951381018073FF01000B";

/** The machine's own time: these tests are about real sockets. */
const clock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  schedule: (delayMs, _name, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const traced: TraceEvent[] = [];
const runtime: Pick<Runtime, "clock" | "trace"> = { clock, trace: (event) => traced.push(event) };
const open: VpcdListener[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const listener of open.splice(0)) await listener.close();
  traced.length = 0;
});

async function listen(options: Partial<VpcdListenerOptions> = {}) {
  const listener = await listenVpcd({ runtime, port: 0, ...options });
  open.push(listener);
  return listener;
}

/** Connects as a card would. */
async function plug(port: number | undefined): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: port ?? 0 });
  sockets.push(socket);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Waits until a connection is over, with or without an error. */
function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.resume().on("close", () => resolve());
  });
}

/** The first of `count` ports in a row that are free now. */
async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const chosen = await listenVpcd({ runtime, port: 0 });
    await chosen.close();
    const first = chosen.ports[0] ?? 0;
    try {
      await (await listenVpcd({ runtime, port: first, slots: count })).close();
      return first;
    } catch {
      // Another program has one of them: look elsewhere.
    }
  }
  throw new Error(`no ${count} free ports in a row`);
}

/** Answers questions as a card would: the ATR, and every command with itself and 90 00. */
function answerAll(socket: Socket): void {
  const decoder = new FrameDecoder();
  socket.on("data", (bytes) => {
    for (const frame of decoder.decode(bytes)) {
      if (frame.length > 1) socket.write(encodeFrame(Uint8Array.of(...frame, 0x90, 0x00)));
      else if (frame[0] === 4) socket.write(encodeFrame(hexBytes(ATR)));
    }
  });
}

/** Opens a reader and lets the test wait for what it is told. */
function watch(reader: VpcdListener["readers"][number] | undefined) {
  if (reader === undefined) throw new Error("there is no such slot");
  const told: string[] = [];
  let wake = (): void => {};
  const tell = (what: string): void => {
    told.push(what);
    wake();
  };
  const until = async (what: string): Promise<void> => {
    while (!told.includes(what)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const opened = reader.open({
    inserted: () => tell("inserted"),
    removed: () => tell("removed"),
    lost: () => tell("lost"),
  });
  return { opened, reader, told, until };
}

function calm(): AbortSignal {
  return new AbortController().signal;
}

describe("listenVpcd", () => {
  it("carries power and commands to a card that connects", async () => {
    const listener = await listen();
    const { reader, until } = watch(listener.readers[0]);
    answerAll(await plug(listener.ports[0]));
    await until("inserted");
    expect(encodeHex(await reader.power("cold-reset", calm()))).toBe(ATR);
    const longest = new Uint8Array(60_000).fill(0x5a);
    expect((await reader.transmit(longest, "t1", calm())).length).toBe(60_002);
  });

  it("opens each slot on the next port, as a reader of its own", async () => {
    const first = await freePorts(3);
    const listener = await listen({ port: first, slots: 3 });
    expect(listener.ports).toEqual([first, first + 1, first + 2]);
    expect(new Set(listener.readers.map((reader) => reader.description.id)).size).toBe(3);
    const second = watch(listener.readers[1]);
    await plug(listener.ports[1]);
    await second.until("inserted");
  });

  it("listens on loopback where no host is given", async () => {
    expect((await listen()).host).toBe("127.0.0.1");
  });

  it("names port and remedy when the port is taken, and leaves no other slot open", async () => {
    const before = await freePorts(2);
    const taken = before + 1;
    await listen({ port: taken });
    await expect(listenVpcd({ runtime, port: before, slots: 2 })).rejects.toMatchObject({
      code: "reader-unavailable",
      message: expect.stringMatching(
        new RegExp(`port ${taken} of 127\\.0\\.0\\.1 is taken: stop .* or choose another`),
      ),
    });
    const again = await listen({ port: before });
    expect(again.ports).toEqual([before]);
  });

  it.each([
    { slots: 0 },
    { slots: 65 },
    { port: -1 },
    { port: 65_535, slots: 2 },
    { port: 1.5 },
    { host: "192.0.2.1" },
  ])("refuses %j", async (options) => {
    await expect(listenVpcd({ runtime, port: 0, ...options })).rejects.toMatchObject({ code: "invalid-parameter" });
  });

  it("closes a second card at once and keeps the first", async () => {
    const listener = await listen();
    const { reader, told, until } = watch(listener.readers[0]);
    answerAll(await plug(listener.ports[0]));
    await until("inserted");
    const second = await plug(listener.ports[0]);
    await ended(second);
    expect(encodeHex(await reader.power("cold-reset", calm()))).toBe(ATR);
    expect(told).toEqual(["inserted"]);
  });

  it("takes a half-closed or broken connection for removal, and the next one as a new card", async () => {
    const listener = await listen();
    const { reader, told, until } = watch(listener.readers[0]);
    const first = await plug(listener.ports[0]);
    await until("inserted");
    first.end();
    await until("removed");
    told.length = 0;
    const second = await plug(listener.ports[0]);
    await until("inserted");
    second.resetAndDestroy();
    await until("removed");
    told.length = 0;
    answerAll(await plug(listener.ports[0]));
    await until("inserted");
    expect(encodeHex(await reader.power("cold-reset", calm()))).toBe(ATR);
  });

  it("survives a flood and tells it in the trace", async () => {
    const listener = await listen();
    const { until } = watch(listener.readers[0]);
    const hostile = await plug(listener.ports[0]);
    await until("inserted");
    hostile.write(new Uint8Array(4_000_000).fill(0xff));
    await until("removed");
    expect(traced.map((event) => event.kind)).toEqual(["vpcd-peer-attached", "vpcd-peer-dropped"]);
    await ended(hostile);
  });

  it("drops a card that does not read what is sent to it", async () => {
    const listener = await listen({ limits: { maxUnsentBytes: 10 } });
    const { reader, until } = watch(listener.readers[0]);
    await plug(listener.ports[0]);
    await until("inserted");
    const answer = reader.transmit(new Uint8Array(100), "t1", calm());
    await expect(answer).rejects.toMatchObject({ code: "removed-card" });
  });

  it("leaves nothing open: cards are powered off, managers are told, ports are free", async () => {
    const listener = await listen();
    const { told, until } = watch(listener.readers[0]);
    const card = await plug(listener.ports[0]);
    await until("inserted");
    const received: Uint8Array[] = [];
    card.on("data", (bytes) => received.push(bytes));
    const closed = ended(card);
    await listener.close();
    await closed;
    expect(received.map((bytes) => encodeHex(bytes))).toEqual(["000100"]);
    expect(told).toEqual(["inserted", "lost"]);
    const again = await listen({ port: listener.ports[0] ?? 0 });
    expect(again.ports).toEqual(listener.ports);
  });

  it("stops listening when the manager closes the reader", async () => {
    const listener = await listen();
    const { reader, until } = watch(listener.readers[0]);
    const card = await plug(listener.ports[0]);
    await until("inserted");
    await Promise.all([reader.close(), ended(card)]);
    const refused = connect({ host: "127.0.0.1", port: listener.ports[0] ?? 0 });
    sockets.push(refused);
    const [error] = await once(refused, "error");
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
    await listener.close();
  });
});
