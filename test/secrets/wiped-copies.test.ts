// SPDX-License-Identifier: MIT

import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { concatBytes, SecretBytes } from "../../src/base/binary/index.ts";
import { listenVpcd } from "../../src/entry/vpcd-listener.ts";
import { PcscliteServer } from "../../src/faces/pcsclite-server/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { dialPcscd } from "../../src/platform/node/pcscd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { SystemManager } from "../../src/platform/node/system/manager.ts";
import { Threads } from "../../src/platform/node/system/threads.ts";
import { type Connection, type Context, type Reader, type ReaderEvents, SmartCardError } from "../../src/port/index.ts";
import { encodeFrame, FrameDecoder, VpcdReader } from "../../src/readers/vpcd/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { ClientSession, encodeRequest, type Request, RequestDecoder } from "../../src/wire/pcsclite/index.ts";
import { bytesOf, failureOf, settle, watched, world } from "../manager/world.ts";
import { joinedWorld } from "../pcscd/in-memory.ts";
import { u32, WireClient } from "../pcsclite/wire-client.ts";
import { FakeLibrary } from "../system/fake-library.ts";

/** VERIFY with the PIN 1234. */
const verify = Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x04, 0x31, 0x32, 0x33, 0x34);
const pin = "1,2,3,4".split(",").map((digit) => 0x30 + Number(digit));

/** Whether the PIN is in some bytes. */
function holdsPin(bytes: Uint8Array): boolean {
  return bytes.join().includes(pin.join());
}

function isCleared(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Every copy that was made as a secret since the test began. */
function watchCopies(): Uint8Array[] {
  const copies: Uint8Array[] = [];
  const copy = SecretBytes.copy;
  vi.spyOn(SecretBytes, "copy").mockImplementation((bytes) => {
    const secret = copy(bytes);
    void secret.use((own) => copies.push(own));
    return secret;
  });
  return copies;
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** A reader that keeps what it was given, and answers when the test says so. */
class HandReader implements Reader {
  readonly description = {
    name: "Hand",
    id: "hand",
    vendor: "",
    product: "",
    type: "vendor",
    protocols: ["t1"],
    canEject: false,
  } as const;
  readonly given: Uint8Array[] = [];
  readonly settlers: { resolve: (answer: Uint8Array) => void; reject: (error: Error) => void }[] = [];

  async open(events: ReaderEvents): Promise<void> {
    events.inserted();
  }

  async power(): Promise<Uint8Array> {
    return bytesOf("3B8180018080");
  }

  async setProtocol(): Promise<void> {}

  transmit(command: Uint8Array): Promise<Uint8Array> {
    return this.#take(command);
  }

  control(_code: number, input: Uint8Array): Promise<Uint8Array> {
    return this.#take(input);
  }

  getAttribute(): undefined {}

  setAttribute(_attribute: number, value: Uint8Array): boolean {
    this.given.push(value);
    return false;
  }

  async close(): Promise<void> {}

  #take(bytes: Uint8Array): Promise<Uint8Array> {
    this.given.push(bytes);
    return new Promise((resolve, reject) => this.settlers.push({ resolve, reject }));
  }
}

async function handWorld(): Promise<{
  readonly runtime: SimulatedRuntime;
  readonly reader: HandReader;
  readonly context: Context;
  readonly connection: Connection;
  connect(): Promise<Connection>;
}> {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime, limits: { operationMs: 1000, abortMs: 500 } });
  const reader = new HandReader();
  const name = await manager.addReader(reader);
  await runtime.settle();
  const context = await manager.establishContext();
  const connect = (): Promise<Connection> => context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
  return { runtime, reader, context, connection: await connect(), connect };
}

describe("the embedded manager", () => {
  test.each(["transmit", "control"] as const)("clears the copy of a %s when it is answered, or fails", async (call) => {
    const { connection, reader, runtime } = await handWorld();
    const make = (): Promise<Uint8Array> =>
      call === "transmit" ? connection.transmit(verify) : connection.control(0x42000001, verify);
    for (const end of ["answered", "failed"] as const) {
      const asked = watched(make());
      await runtime.settle();
      const given = reader.given.pop() as Uint8Array;
      expect(holdsPin(given)).toBe(true);
      if (end === "answered") reader.settlers.pop()?.resolve(Uint8Array.of(0x90, 0x00));
      else reader.settlers.pop()?.reject(new Error("the driver failed"));
      await asked.catch(() => {});
      await runtime.settle();
      expect(isCleared(given)).toBe(true);
    }
    expect(holdsPin(verify)).toBe(true);
  });

  test("keeps the copy while a driver is at work with it, though its caller has been answered", async () => {
    const { connection, reader, runtime } = await handWorld();
    const asked = watched(connection.transmit(verify));
    await runtime.settle();
    const [given] = reader.given as [Uint8Array];
    // The ceiling of an operation.
    await runtime.advance(1000);
    expect((await failureOf(asked)).code).toBe("waited-too-long");
    expect(holdsPin(given)).toBe(true);
    reader.settlers.pop()?.reject(new Error("aborted"));
    await runtime.settle();
    expect(isCleared(given)).toBe(true);
  });

  test("clears it where the driver does not come back", async () => {
    const { connection, reader, runtime } = await handWorld();
    void watched(connection.transmit(verify));
    await runtime.settle();
    const [given] = reader.given as [Uint8Array];
    await runtime.advance(1000 + 500);
    expect(isCleared(given)).toBe(true);
  });

  test("clears what never came to the card: a time that passed, a signal, a cancel, a disconnect, another protocol", async () => {
    const { connect, connection, context, reader, runtime } = await handWorld();
    const other = await connect();
    await other.beginTransaction();
    const copies = watchCopies();
    const controller = new AbortController();
    const attempts: readonly Promise<unknown>[] = [
      connection.transmit(verify, { timeoutMs: 100 }),
      connection.transmit(verify, { signal: controller.signal }),
      connection.control(0x42000001, verify, { timeoutMs: 0 }),
      connection.setAttribute(0x00010000, verify, { timeoutMs: 0 }),
      connection.transmit(verify, { protocol: "t0", timeoutMs: 0 }),
      connection.transmit(verify),
      connection.transmit(verify),
    ];
    attempts.forEach(watched);
    await runtime.advance(100);
    controller.abort();
    await runtime.settle();
    await context.cancel();
    await connection.disconnect("leave");
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => "rejected"));
    expect(reader.given).toEqual([]);
    expect(copies.length).toBe(attempts.length);
    expect(copies.filter((copy) => !isCleared(copy))).toEqual([]);
  });

  test("clears the value of an attribute", async () => {
    const { connection, reader } = await handWorld();
    await failureOf(connection.setAttribute(0x00010000, verify));
    expect(reader.given.map(isCleared)).toEqual([true]);
  });
});

describe("the service", () => {
  const pci = { sendProtocol: 2, sendPciLength: 16, receiveProtocol: 0, receivePciLength: 0 };
  const transmit = (card: number): Request => ({ kind: "transmit", card, ...pci, receiveLength: 258, command: verify });

  async function served() {
    const inner = await world({ profile: "pcsclite" });
    const taken: Uint8Array[] = [];
    const next = RequestDecoder.prototype.next;
    vi.spyOn(RequestDecoder.prototype, "next").mockImplementation(function (this: RequestDecoder) {
      const result = next.call(this);
      if (result?.ok && result.value.kind === "transmit") taken.push(result.value.command);
      if (result?.ok && result.value.kind === "control") taken.push(result.value.input);
      if (result?.ok && result.value.kind === "set-attribute") taken.push(result.value.value);
      return result;
    });
    const server = new PcscliteServer({ runtime: inner.runtime, manager: inner.manager });
    const client = new WireClient(server, { name: "a" });
    const ask = async (request: Request): Promise<Uint8Array> => {
      client.ask(request);
      await inner.runtime.settle();
      return client.take();
    };
    const context = u32(await ask({ kind: "establish-context", scope: 2 }), 4);
    const connect = { kind: "connect", context, reader: inner.name, shareMode: 2, preferredProtocols: 3 } as const;
    const card = u32(await ask(connect), -12);
    return { ...inner, ask, card, client, taken };
  }

  test("clears what it has read of a request when that is answered, or refused", async () => {
    const { ask, card, taken } = await served();
    await ask(transmit(card));
    await ask(transmit(card + 1));
    await ask({ kind: "control", card, code: 0x42000001, input: verify, receiveLength: 10 });
    await ask({ kind: "set-attribute", card, attribute: 1, value: verify });
    expect(taken.length).toBe(4);
    expect(taken.filter((bytes) => !isCleared(bytes))).toEqual([]);
  });

  test("clears what was waiting for its turn, or had come in part, when the client goes", async () => {
    const { card, client, connect, runtime, taken } = await served();
    await (await connect("other")).beginTransaction();
    client.ask(transmit(card));
    client.session.received(encodeRequest(transmit(card)).subarray(0, -1));
    await runtime.settle();
    expect(taken.length).toBe(1);
    client.session.closed();
    await runtime.settle();
    expect(taken.map(isCleared)).toEqual([true]);
  });
});

describe("a decoder of requests", () => {
  test("forgets the part of a request that has come", () => {
    const decoder = new RequestDecoder();
    decoder.push(encodeRequest({ kind: "control", card: 1, code: 1, input: verify, receiveLength: 1 }).subarray(0, -1));
    expect(decoder.pendingBytes).toBeGreaterThan(verify.length);
    decoder.clear();
    expect(decoder.pendingBytes).toBe(0);
  });
});

describe("a client of the service", () => {
  const terms = { shareMode: "shared", preferredProtocols: ["t1"] } as const;

  async function joined() {
    const inner = await joinedWorld();
    const written: Uint8Array[] = [];
    const context = await inner.client.establishContext();
    const connection = await context.connect(inner.name, terms);
    const send = ClientSession.prototype.send;
    vi.spyOn(ClientSession.prototype, "send").mockImplementation(function (this: ClientSession, prepared) {
      if (holdsPin(prepared.request)) written.push(prepared.request);
      return send.call(this, prepared) as never;
    });
    return { ...inner, connection, written };
  }

  test("clears a request when it is answered", async () => {
    const { connection, written } = await joined();
    await connection.transmit(verify);
    await connection.control(0x42000001, verify).catch(() => {});
    await connection.setAttribute(1, verify).catch(() => {});
    expect(written.length).toBe(3);
    expect(written.map(isCleared)).toEqual([true, true, true]);
  });

  test("clears it when the service goes, and when its caller gives up", async () => {
    const { connection, kill, connect, runtime, written } = await joined();
    const other = await connect("other");
    await other.beginTransaction();
    const copies = written;
    const given = watched(connection.transmit(verify, { timeoutMs: 50 }));
    await runtime.advance(60);
    expect((await failureOf(given)).code).toBe("timeout");
    await runtime.advance(1000);
    expect(copies.length).toBeGreaterThan(0);
    expect(copies.filter((copy) => !isCleared(copy))).toEqual([]);
    const lost = watched(connection.transmit(verify));
    await runtime.settle();
    kill();
    await failureOf(lost);
    await runtime.settle();
    expect(copies.filter((copy) => !isCleared(copy))).toEqual([]);
  });
});

describe("a session with the service", () => {
  test("clears the request that it wrote, answered or not", async () => {
    const sent: Uint8Array[] = [];
    const session = new ClientSession({ send: (bytes) => sent.push(bytes), ended: () => {} });
    const asked = [session.transmit(1, 2, verify), session.setAttrib(1, 1, verify)].map(watched);
    expect(sent.filter(holdsPin).length).toBe(1);
    session.closed("gone");
    await Promise.allSettled(asked);
    expect(sent.filter(holdsPin)).toEqual([]);
  });
});

describe("the operating system's manager", () => {
  /** A library that keeps the very bytes that it was called with. */
  class KeepingLibrary extends FakeLibrary {
    readonly given: Uint8Array[] = [];

    override call(...[name, args]: Parameters<FakeLibrary["call"]>): Promise<number> {
      for (const arg of args) if (arg instanceof Uint8Array && holdsPin(arg)) this.given.push(arg);
      return super.call(name, args);
    }
  }

  test.each(["win32", "darwin", "linux"] as const)("clears what it gave to the library of %s", async (platform) => {
    const library = new KeepingLibrary(platform);
    library.readers.push({ name: "Reader", state: 0x20, atr: bytesOf("3B8180018080") });
    const manager = new SystemManager(library, new Threads(4), { runtime: nodeRuntime(), limits: { pollMs: 5 } });
    const context = await manager.establishContext();
    const connection = await context.connect("Reader", { shareMode: "shared", preferredProtocols: ["t1"] });
    library.answers = { transmit: Uint8Array.of(0x90, 0x00), control: 0x8010_0016, setAttrib: 0 };
    await connection.transmit(verify);
    await connection.control(0x42000001, verify).catch(() => {});
    await connection.setAttribute(1, verify).catch(() => {});
    expect(library.given.length).toBe(3);
    expect(library.given.map(isCleared)).toEqual([true, true, true]);
    // Another program's transaction: the caller gives up, and the library is never asked.
    const copies = watchCopies();
    library.lock();
    await failureOf(connection.transmit(verify, { timeoutMs: 20 }));
    library.unlock();
    await connection.disconnect("leave");
    expect(copies.map(isCleared)).toEqual([true]);
    await context.release();
  });
});

describe("the sockets", () => {
  test("send what they were given, though it is cleared at once", { timeout: 60_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "scard-secrets-"));
    const path = join(folder, "socket");
    const arrived = new Promise<Uint8Array>((resolve) => {
      const server = createServer((socket) => {
        let all: Uint8Array = new Uint8Array();
        socket.on("data", (bytes) => {
          all = concatBytes(all, bytes);
          if (all.length === 2 * large.length) {
            socket.destroy();
            server.close();
            resolve(all);
          }
        });
      }).listen(path, () => void write());
    });
    // More than the system takes at once.
    const large = Uint8Array.from({ length: 1_000_000 }, (_, index) => 1 + (index % 251));
    async function write(): Promise<void> {
      const pipe = await dialPcscd({ sockets: [path] })({ received: () => {}, closed: () => {} });
      for (let time = 0; time < 2; time++) {
        const bytes = large.slice();
        pipe.write(bytes);
        bytes.fill(0);
      }
    }
    const all = await arrived;
    expect(Buffer.compare(all.subarray(0, large.length), large)).toBe(0);
    expect(Buffer.compare(all.subarray(large.length), large)).toBe(0);
    await rm(folder, { recursive: true });
  });
});

describe("a vpcd reader", () => {
  async function powered() {
    const runtime = new SimulatedRuntime({ settle });
    const reader = new VpcdReader({ host: "127.0.0.1", port: 1, clock: runtime.clock, trace: () => {} });
    const written: Uint8Array[] = [];
    await reader.open({ inserted: () => {}, removed: () => {}, lost: () => {} });
    const events = reader.attach({ write: (bytes) => written.push(bytes), close: () => {} });
    if (events === undefined) throw new Error("refused");
    const calm = new AbortController().signal;
    const power = reader.power("cold-reset", calm);
    events.received(bytesOf("00063B8180018080"));
    await power;
    written.length = 0;
    return { calm, events, reader, runtime, written };
  }

  test.each([
    ["an answer", ({ events }) => events.received(bytesOf("00029000"))],
    ["a removal", ({ events }) => events.closed("gone")],
    ["silence", ({ runtime }) => runtime.advance(3_600_000)],
    ["a reader that is lost", ({ reader }) => reader.lose("unplugged")],
  ] satisfies [string, (world: Awaited<ReturnType<typeof powered>>) => unknown][])(
    "clears its frame after %s",
    async (_, end) => {
      const set = await powered();
      const asked = watched(set.reader.transmit(verify, "t1", set.calm));
      expect(set.written.filter(holdsPin).length).toBe(1);
      await end(set);
      await asked.catch(() => {});
      expect(set.written.filter(holdsPin)).toEqual([]);
    },
  );

  test("clears its frame after a signal", async () => {
    const { reader, written } = await powered();
    const controller = new AbortController();
    const asked = watched(reader.transmit(verify, "t1", controller.signal));
    controller.abort(new SmartCardError("cancelled", "enough"));
    await failureOf(asked);
    expect(written.filter(holdsPin)).toEqual([]);
  });
});

describe("the socket of a vpcd reader", () => {
  test.each(["tcp", "unix"])("clears what it has sent: %s", async (kind) => {
    const folder = await mkdtemp(join(tmpdir(), "scard-wiped-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const place = kind === "tcp" ? { port: 0 } : { path: join(folder, "vpcd") };
    const listener = await listenVpcd({ runtime: nodeRuntime(), ...place });
    onTestFinished(() => listener.close());
    const [reader] = listener.readers;
    if (reader === undefined) throw new Error("there is no reader");
    const inserted = new Promise<void>((resolve) => {
      void reader.open({ inserted: resolve, removed: () => {}, lost: () => {} });
    });
    const card = connect("path" in place ? place : { port: listener.ports[0] ?? 0, host: "127.0.0.1" });
    onTestFinished(() => void card.destroy());
    const decoder = new FrameDecoder();
    card.on("data", (bytes) => {
      for (const frame of decoder.decode(bytes)) {
        if (frame.length > 1) card.write(encodeFrame(Uint8Array.of(0x90, 0x00)));
        else if (frame[0] === 4) card.write(encodeFrame(bytesOf("3B8180018080")));
      }
    });
    await inserted;
    const calm = new AbortController().signal;
    await reader.power("cold-reset", calm);
    const sent: Uint8Array[] = [];
    const write = Socket.prototype.write;
    vi.spyOn(Socket.prototype, "write").mockImplementation(function (this: Socket, ...args: unknown[]) {
      const [bytes] = args;
      if (bytes instanceof Uint8Array && holdsPin(bytes)) sent.push(bytes);
      return Reflect.apply(write, this, args);
    });
    await reader.transmit(verify, "t1", calm);
    expect(sent).toHaveLength(1);
    await expect.poll(() => sent.every(isCleared)).toBe(true);
  });
});
