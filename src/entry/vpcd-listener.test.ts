// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../base/binary/index.ts";
import type { Clock, Runtime, TraceEvent } from "../port/index.ts";
import { encodeFrame, FrameDecoder, type VpcdLogEntry } from "../readers/vpcd/index.ts";
import { listenVpcd, tryVpcd, type VpcdListener, type VpcdListenerOptions } from "./vpcd-listener.ts";

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

/** Connects as a card would, to a port or to a path. */
async function plug(place: number | string | undefined): Promise<Socket> {
  const at = typeof place === "string" ? { path: place } : { host: "127.0.0.1", port: place ?? 0 };
  const socket = connect(at);
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

  it("needs no runtime from its caller, and takes what is undefined for left out", async () => {
    for (const options of [{ port: 0 }, { runtime: undefined, host: undefined, port: 0, slots: undefined }]) {
      const opened = await listenVpcd(options as VpcdListenerOptions);
      open.push(opened);
      await plug(opened.ports[0]);
      expect(opened.host).toBe("127.0.0.1");
    }
    const tried = await tryVpcd({ port: 0 });
    expect(tried.readers).toHaveLength(1);
    await expect(listenVpcd({ port: 0, runtime: {} as never })).rejects.toMatchObject({ code: "invalid-parameter" });
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

describe("who plugs in by TCP", () => {
  it("is told in the log, and so is who is gone and why", async () => {
    const entries: VpcdLogEntry[] = [];
    const listener = await listen({ log: (entry) => entries.push(entry) });
    const { reader, until } = watch(listener.readers[0]);
    const card = await plug(listener.ports[0]);
    await until("inserted");
    card.write(Uint8Array.of(0, 1, 9));
    await until("removed");
    await ended(card);
    const uid = process.platform === "linux" ? { uid: process.geteuid?.() } : {};
    // Elsewhere the first entry warns that users are not known.
    const first = process.platform === "linux" ? 0 : 1;
    await expect.poll(() => entries.length).toBe(first + 2);
    expect(entries.slice(first)).toEqual([
      { level: "info", message: "a card was plugged in", reader, ...uid },
      {
        level: "info",
        message: "a card was unplugged",
        reader,
        ...uid,
        reason: "it sent 1 bytes that were not requested",
        pluggedMs: expect.any(Number),
      },
    ]);
  });

  it.skipIf(process.platform !== "linux")("is refused without a byte where the rules say so", async () => {
    const entries: VpcdLogEntry[] = [];
    const listener = await listen({ access: [{ effect: "deny" }], log: (entry) => entries.push(entry) });
    const { told } = watch(listener.readers[0]);
    const card = await plug(listener.ports[0]);
    const received: Uint8Array[] = [];
    card.on("data", (bytes) => received.push(bytes));
    card.write(new Uint8Array(100_000));
    await ended(card);
    expect([received, told]).toEqual([[], []]);
    expect(entries).toEqual([expect.objectContaining({ level: "warn", rule: 0, uid: process.geteuid?.() })]);
    expect(traced).toEqual([]);
  });

  it.each(["0.0.0.0", "::"])("has to be left open where other machines reach the port: %s is refused", async (host) => {
    await expect(listen({ host })).rejects.toMatchObject({
      code: "invalid-parameter",
      message: expect.stringMatching(
        /other machines reach.*leave it out for 127\.0\.0\.1.*"access": \[\{"effect":"allow"\}\]/,
      ),
    });
    // Elsewhere it is not known which user it is.
    const code = process.platform === "linux" ? "invalid-parameter" : "unsupported-feature";
    await expect(listen({ host, access: [{ effect: "allow", uid: 0 }] })).rejects.toMatchObject({ code });
    const listener = await listen({ host, access: [{ effect: "allow" }] });
    const { until } = watch(listener.readers[0]);
    await plug(listener.ports[0]);
    await until("inserted");
  });

  it("outlives connections that close at once", async () => {
    const listener = await listen();
    const { reader, until } = watch(listener.readers[0]);
    for (let count = 0; count < 50; count++) {
      const card = await plug(listener.ports[0]);
      if (count % 2 === 0) card.resetAndDestroy();
      else card.destroy();
    }
    const stay = async (): Promise<string> => {
      const card = await plug(listener.ports[0]);
      answerAll(card);
      await until("inserted");
      return encodeHex(await reader.power("cold-reset", calm()).catch(() => new Uint8Array()));
    };
    await expect.poll(stay, { timeout: 60_000 }).toBe(ATR);
  });

  it.each([
    [{ mode: 0o600 }, /options\.mode is given without a path/],
    [{ group: 0 }, /options\.group is given without a path/],
    [{ access: [{ effect: "allow", gid: 0 }] }, /access\[0\] is about a group or a program.*give uid.*Unix socket/],
    [{ access: [{ effect: "allow" }, { effect: "deny", program: "x" }] }, /access\[1\] is about a group or a program/],
    [{ path: "/tmp/x", port: 1 }, /options\.path is given beside host or port/],
    [{ path: "" }, /options\.path is an empty string/],
    [{ access: [{ effect: "allow", user: 1 }] }, /has no member "user"/],
    [{ access: [{ effect: "allow", uid: -1 }] }, /access\[0\]\.uid is -1/],
  ])("cannot be asked for so: %j", async (options, message) => {
    const given = "path" in options ? { runtime, ...options } : { runtime, port: 0, ...options };
    await expect(listenVpcd(given as VpcdListenerOptions)).rejects.toMatchObject({
      code: "invalid-parameter",
      message: expect.stringMatching(message),
    });
  });
});

describe.skipIf(process.platform === "win32")("listenVpcd on a Unix socket", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scard-vpcd-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  async function listenAt(path: string, options: Partial<VpcdListenerOptions> = {}) {
    const listener = await listenVpcd({ runtime, path, ...options });
    open.push(listener);
    return listener;
  }

  it("carries power and commands, and is for its user alone", async () => {
    const path = join(folder, "made", "vpcd");
    const entries: VpcdLogEntry[] = [];
    const listener = await listenAt(path, { log: (entry) => entries.push(entry) });
    expect([listener.host, listener.ports, listener.paths]).toEqual([undefined, [], [path]]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { reader, until } = watch(listener.readers[0]);
    expect(reader.description).toMatchObject({ id: `vpcd:${path}`, serial: path });
    const card = await plug(path);
    answerAll(card);
    await until("inserted");
    expect(encodeHex(await reader.power("cold-reset", calm()))).toBe(ATR);
    const longest = new Uint8Array(60_000).fill(0x5a);
    expect((await reader.transmit(longest, "t1", calm())).length).toBe(60_002);
    card.destroy();
    await until("removed");
    await expect
      .poll(() => entries.map(({ message }) => message))
      .toEqual(["a card was plugged in", "a card was unplugged"]);
    const who = { uid: process.geteuid?.(), pid: process.pid, program: process.execPath };
    if (process.platform === "linux")
      expect(entries).toEqual([expect.objectContaining(who), expect.objectContaining(who)]);
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  it("has a socket for each slot, and closes a second card at once", async () => {
    const path = join(folder, "vpcd");
    const listener = await listenAt(path, { slots: 3 });
    expect(listener.paths).toEqual([path, `${path}.1`, `${path}.2`]);
    const { told, until } = watch(listener.readers[2]);
    await plug(`${path}.2`);
    await until("inserted");
    await ended(await plug(`${path}.2`));
    expect(told).toEqual(["inserted"]);
  });

  it("goes with the reader, and powers the card off", async () => {
    const path = join(folder, "vpcd");
    const listener = await listenAt(path);
    const { reader, until } = watch(listener.readers[0]);
    const card = await plug(path);
    const received: Uint8Array[] = [];
    card.on("data", (bytes) => received.push(bytes));
    await until("inserted");
    await Promise.all([reader.close(), ended(card)]);
    expect(received.map((bytes) => encodeHex(bytes))).toEqual(["000100"]);
    expect(existsSync(path)).toBe(false);
  });

  it("takes no place of another: a listener that answers, a file, a folder that others can change", async () => {
    const path = join(folder, "vpcd");
    await listenAt(path);
    await expect(listenAt(path)).rejects.toMatchObject({
      code: "sharing-violation",
      message: expect.stringMatching(
        /answers on .*vpcd: stop it, or choose another socket with the path of the reader/,
      ),
    });
    writeFileSync(join(folder, "file"), "mine");
    await expect(listenAt(join(folder, "file"))).rejects.toMatchObject({ code: "no-access" });
    chmodSync(folder, 0o777);
    await expect(listenAt(join(folder, "other"))).rejects.toMatchObject({
      code: "no-access",
      message: expect.stringMatching(/others can write to .*choose a folder of your own with the path of the reader/),
    });
    chmodSync(folder, 0o700);
  });

  it("leaves nothing open where one slot cannot be opened", async () => {
    const path = join(folder, "vpcd");
    writeFileSync(`${path}.1`, "mine");
    await expect(listenAt(path, { slots: 2 })).rejects.toMatchObject({ code: "no-access" });
    expect(existsSync(path)).toBe(false);
  });

  it("has the permissions that are asked for, and those for all where rules say who may be the card", async () => {
    const path = join(folder, "vpcd");
    const group = process.getegid?.() ?? 0;
    const modes = async (options: Partial<VpcdListenerOptions>): Promise<number> => {
      const listener = await listenAt(path, options);
      const { mode } = statSync(path);
      await listener.close();
      return mode & 0o777;
    };
    expect(await modes({ mode: 0o660, group })).toBe(0o660);
    expect(await modes({ access: [{ effect: "allow", uid: 1 }] })).toBe(0o666);
    expect(await modes({ access: [{ effect: "allow", uid: 1 }], mode: 0o600 })).toBe(0o600);
  });

  it.skipIf(process.platform !== "linux")(
    "refuses without a byte whom the rules deny, by user, group or program",
    async () => {
      const entries: VpcdLogEntry[] = [];
      const denials = [
        { uid: process.geteuid?.() ?? 0 },
        { gid: process.getegid?.() ?? 0 },
        { program: process.execPath },
      ];
      for (const [at, rule] of denials.entries()) {
        const path = join(folder, `vpcd${at}`);
        const listener = await listenAt(path, {
          access: [{ effect: "deny", ...rule }],
          log: (entry) => entries.push(entry),
        });
        const { told } = watch(listener.readers[0]);
        const card = await plug(path);
        const received: Uint8Array[] = [];
        card.on("data", (bytes) => received.push(bytes));
        await ended(card);
        expect([received, told]).toEqual([[], []]);
      }
      expect(entries.map(({ level, rule }) => [level, rule])).toEqual(denials.map(() => ["warn", 0]));
    },
  );

  it("can be tried out, and leaves nothing then", async () => {
    const path = join(folder, "made", "vpcd");
    const tried = await tryVpcd({ runtime, path, slots: 2 });
    expect(tried.paths).toEqual([path, `${path}.1`]);
    expect(existsSync(join(folder, "made"))).toBe(false);
    await listenAt(path);
    await tryVpcd({ runtime, path });
    await plug(path);
    await expect(tryVpcd({ runtime, path: join(folder, "x".repeat(200)) })).rejects.toMatchObject({
      code: "invalid-parameter",
    });
  });
});
