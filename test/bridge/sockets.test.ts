// SPDX-License-Identifier: MIT

// The bridge on real sockets, with programs in the place of browsers: whatever they send, pages that are paired go on.

import { once } from "node:events";
import { get, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { testRig } from "../../src/entry/test-rig.ts";
import { BridgedSmartCard } from "../../src/faces/bridge-client/index.ts";
import { type BridgeNotice, BridgeService } from "../../src/faces/bridge-server/index.ts";
import { startTimer } from "../../src/platform/browser/index.ts";
import { bridgeCrypto, listenBridge } from "../../src/platform/node/bridge/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import type { ResourceManager } from "../../src/port/index.ts";
import { closeCodes, encodePageMessage, MAX_BRIDGE_MESSAGE_BYTES } from "../../src/wire/bridge/index.ts";
import { startDaemon, testFolder } from "../daemon/running.ts";
import { pagePairing } from "./page-pairing.ts";
import { MemoryOrigins, ORIGIN } from "./stage.ts";

const bytes32 = new Uint8Array(32);
const greeting = () => encodePageMessage({ kind: "hello", version: 3, nonce: bytes32 });

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function bridge(
  port = 0,
  origins = new MemoryOrigins([{ origin: ORIGIN, pairings: [] }]),
  given: { readonly manager?: ResourceManager } = {},
) {
  const rig = await testRig({ card: "demo" });
  ends.push(() => rig.close());
  const { clock, random } = nodeRuntime();
  const notices: BridgeNotice[] = [];
  const manager = given.manager ?? rig.manager.client({ name: "bridge" });
  const notice = (told: BridgeNotice): void => void notices.push(told);
  const service = new BridgeService({ manager, clock, random, origins, crypto: bridgeCrypto, notice });
  const listener = await listenBridge({ port, service });
  const close = async (): Promise<void> => {
    await service.close();
    await listener.close();
  };
  ends.push(close);
  return { rig, notices, origins, service, port: listener.port, url: `ws://127.0.0.1:${listener.port}`, close };
}

type Bridge = Awaited<ReturnType<typeof bridge>>;

/** A page of the origin, in this process. */
function page({ notices, url }: Pick<Bridge, "notices" | "url">, kept: { token?: Uint8Array | undefined } = {}) {
  const sockets: WebSocket[] = [];
  const smartCard = new BridgedSmartCard({
    later: startTimer,
    dial: (events) => {
      const socket = new WebSocket(url, { origin: ORIGIN });
      sockets.push(socket);
      socket.on("open", events.opened);
      socket.on("message", (data) => events.received(new Uint8Array(data as Buffer)));
      socket.on("error", () => undefined);
      socket.on("close", (code, reason) => events.closed(code, reason.toString()));
      return { send: (message) => socket.send(message), close: () => socket.close() };
    },
    pairing: pagePairing(
      ORIGIN,
      url,
      () => {
        const shown = notices.findLast((notice) => notice.kind === "pairing-code");
        return shown?.kind === "pairing-code" ? shown.code : undefined;
      },
      kept,
    ),
  });
  return { smartCard, sockets, kept };
}

async function transmits(smartCard: BridgedSmartCard): Promise<number> {
  const context = await smartCard.establishContext();
  const [reader = ""] = await context.listReaders();
  const { connection } = await context.connect(reader, "shared", { preferredProtocols: ["t0", "t1"] });
  const answer = await connection.transmit(Uint8Array.of(0, 0xa4, 4, 0));
  return answer.byteLength;
}

/** How a connection ends: the status of HTTP where it is refused, or its close code. */
async function endOf(socket: WebSocket): Promise<{ status?: number; code?: number; reason?: string }> {
  return new Promise((resolve) => {
    socket.on("unexpected-response", (request, response) => {
      resolve({ ...(response.statusCode !== undefined && { status: response.statusCode }) });
      request.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
}

describe("the bridge on sockets", () => {
  it("refuses an origin that is not listed, none at all, and another name of the host", async () => {
    const { url, port, notices } = await bridge();
    expect(await endOf(new WebSocket(url, { origin: "https://evil.example" }))).toEqual({ status: 403 });
    expect(await endOf(new WebSocket(url))).toEqual({ status: 403 });
    expect(await endOf(new WebSocket(url, { origin: "null" }))).toEqual({ status: 403 });
    const rebound = new WebSocket(url, { origin: ORIGIN, headers: { host: `evil.example:${port}` } });
    expect(await endOf(rebound)).toEqual({ status: 403 });
    expect(notices.map(({ kind, origin }) => [kind, origin])).toContainEqual(["refused", "https://evil.example"]);
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { origin: "https://evil.example" } });
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([404, null]);
  });

  it("ends a connection for an oversized or malformed message, and for text, and goes on", async () => {
    const opened = await bridge();
    const send = async (message: Uint8Array | string) => {
      const socket = new WebSocket(opened.url, { origin: ORIGIN });
      await once(socket, "open");
      const end = endOf(socket);
      socket.send(message);
      return (await end).code;
    };
    expect(await send(new Uint8Array(MAX_BRIDGE_MESSAGE_BYTES + 1))).toBe(1009);
    expect(await send(Uint8Array.of(0xff))).toBe(closeCodes.malformed);
    expect(await send("hello")).toBe(closeCodes.malformed);
    expect(await send(Uint8Array.of(1, 200, 0))).toBe(closeCodes.version);
    const raw = connect(opened.port, "127.0.0.1");
    raw.resume();
    raw.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx: ${"a".repeat(20_000)}\r\n`);
    await once(raw, "close").catch(() => undefined);
    expect(await transmits(page(opened).smartCard)).toBeGreaterThanOrEqual(2);
    expect(opened.service.size).toBe(1);
  });

  it("serves a paired page while 1,000 sockets of the same origin come, and frees them all", async () => {
    const opened = await bridge();
    const { smartCard } = page(opened);
    await transmits(smartCard);
    const sockets = Array.from({ length: 1000 }, () => new WebSocket(opened.url, { origin: ORIGIN }));
    const ended = sockets.map(endOf);
    const first = await Promise.all(
      sockets.map((socket, place) => Promise.race([once(socket, "open").then(() => "open"), ended[place]])),
    );
    expect(first.filter((outcome) => outcome === "open").length).toBeGreaterThan(0);
    expect(opened.service.size).toBeLessThanOrEqual(32);
    expect(await transmits(smartCard)).toBeGreaterThanOrEqual(2);
    for (const socket of sockets) socket.terminate();
    const codes = (await Promise.all(ended)).map(({ code }) => code);
    expect(codes.filter((code) => code === closeCodes.tooMany).length).toBeGreaterThan(900);
    await expect.poll(() => opened.service.size, { message: "all but the page are gone" }).toBe(1);
    expect(await transmits(page(opened, {}).smartCard)).toBeGreaterThanOrEqual(2);
  });

  it("whose page is killed in the middle of a transaction resets the card, and frees the lock", async () => {
    const opened = await bridge();
    const { smartCard, sockets } = page(opened);
    const context = await smartCard.establishContext();
    const [reader = ""] = await context.listReaders();
    const { connection } = await context.connect(reader, "shared", { preferredProtocols: ["t0", "t1"] });
    const own = await opened.rig.connect();
    await new Promise<void>((resolve) => {
      const held = connection.startTransaction(() => {
        resolve();
        return new Promise(() => undefined);
      });
      void held.catch(() => undefined);
    });
    const waiting = own.beginTransaction().then(
      () => "begun",
      (error) => error.code,
    );
    sockets[0]?.terminate();
    expect(await waiting).toBe("reset-card");
    await own.reconnect({ shareMode: "shared", preferredProtocols: ["t0", "t1"], initialization: "leave" });
    await own.beginTransaction();
    await own.endTransaction();
  });

  it("lets go of a refused connection whose other side stays open", async () => {
    const { port } = await bridge();
    const raw = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    raw.on("error", () => undefined).resume();
    raw.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: x://\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    await once(raw, "end");
    const isGone = (): boolean => {
      if (raw.writable) raw.write("x");
      return raw.destroyed;
    };
    await expect.poll(isGone, { message: "the bridge has closed its end", timeout: 20_000 }).toBe(true);
  });

  it("stops within seconds where a page does not read what was sent", async () => {
    let pipe: { send(message: Uint8Array): void } | undefined;
    const service = {
      refusal: () => undefined,
      accept: (_: string, given: { send(message: Uint8Array): void }) => {
        pipe = given;
        return { received: () => undefined, drained: () => undefined, closed: async () => undefined };
      },
    };
    const listener = await listenBridge({ port: 0, service });
    const socket = new WebSocket(`ws://127.0.0.1:${listener.port}`, { origin: ORIGIN });
    socket.on("error", () => undefined);
    await once(socket, "open");
    socket.pause();
    pipe?.send(new Uint8Array(32 << 20));
    const late = new Promise((resolve) => setTimeout(resolve, 20_000, "late").unref());
    expect(await Promise.race([listener.close().then(() => "stopped"), late])).toBe("stopped");
    socket.terminate();
  });

  it("lets go of a program that asks for pages and does not read them", async () => {
    const { service } = await bridge();
    let isGone = false;
    const answer = (_: IncomingMessage, response: ServerResponse): void => {
      response.on("close", () => {
        isGone = true;
      });
      response.end(Buffer.alloc(32 << 20));
    };
    const listener = await listenBridge({ port: 0, service, answer });
    ends.push(() => listener.close());
    const raw = connect(listener.port, "127.0.0.1");
    raw.on("error", () => undefined);
    raw.pause();
    raw.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await expect.poll(() => isGone, { message: "the bridge has ended the connection", timeout: 30_000 }).toBe(true);
    raw.destroy();
  });

  it("serves nothing that follows a text message", async () => {
    const { notices, url } = await bridge();
    const socket = new WebSocket(url, { origin: ORIGIN });
    await once(socket, "open");
    const end = endOf(socket);
    socket.send(greeting());
    await once(socket, "message");
    socket.send("hello");
    // It would be told as a wrong code.
    socket.send(encodePageMessage({ kind: "pair", share: bytes32, proof: bytes32 }));
    expect((await end).code).toBe(closeCodes.malformed);
    expect(notices.map(({ kind }) => kind)).toEqual(["pairing-code"]);
  });

  it("ends the session at once for a frame that cannot be, and for text, though the page does not answer", async () => {
    const { port, service } = await bridge();
    for (const frame of [Uint8Array.of(0xf2, 0x80, 0, 0, 0, 0), Uint8Array.of(0x81, 0x80, 0, 0, 0, 0)]) {
      const raw = connect(port, "127.0.0.1");
      raw.on("error", () => undefined);
      const key = Buffer.alloc(16).toString("base64");
      raw.write(
        `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: ${ORIGIN}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      );
      await once(raw, "data");
      expect(service.size).toBe(1);
      // Without a first message the session would end by itself.
      const hello = greeting();
      raw.write(Uint8Array.of(0x82, 0x80 | hello.length, 0, 0, 0, 0, ...hello));
      raw.write(frame);
      await expect.poll(() => service.size, { message: "the session has ended", timeout: 20_000 }).toBe(0);
      raw.destroy();
    }
  });

  it("answers no request for another name of the host, whatever its path", async () => {
    const { service } = await bridge();
    const listener = await listenBridge({ port: 0, service, answer: (_, response) => void response.end("page") });
    ends.push(() => listener.close());
    const status = async (path: string, host: string) => {
      const asked = get({ port: listener.port, host: "127.0.0.1", path, headers: { host } });
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      response.resume();
      return response.statusCode;
    };
    for (const path of ["/", "/page.js", "/page.css", "/none", "//evil.example/"]) {
      expect(await status(path, `evil.example:${listener.port}`), path).toBe(403);
      expect(await status(path, "127.0.0.1.evil.example"), path).toBe(403);
      expect(await status(path, `localhost:${listener.port}`), path).toBe(200);
    }
  });

  it("is started anew on its port: the page pairs no second time", async () => {
    const opened = await bridge();
    const { kept, smartCard } = page(opened);
    await transmits(smartCard);
    await opened.close();
    await expect(smartCard.establishContext()).rejects.toMatchObject({
      name: "SmartCardError",
      responseCode: "no-service",
    });
    const again = await bridge(opened.port, opened.origins);
    expect(kept.token).toHaveLength(32);
    expect(await transmits(smartCard)).toBeGreaterThanOrEqual(2);
    expect(again.notices).toEqual([]);
  });

  it("bears that the daemon below it is started anew: calls fail, and the next context works", async () => {
    const socket = join(testFolder(), "pcscd.comm");
    const start = () => startDaemon("--socket", socket, "--reader", "virtual", "--card", "demo");
    const first = await start();
    const opened = await bridge(0, undefined, { manager: pcscdManager({ socket }) });
    const { smartCard } = page(opened);
    const context = await smartCard.establishContext();
    const waiting = context
      .getStatusChange([{ readerName: "\\\\?PnP?\\Notification", currentState: {} }])
      .catch((error: unknown) => error);
    await first.program.end("SIGKILL");
    expect(await waiting).toBeInstanceOf(DOMException);
    await expect(context.listReaders()).rejects.toBeInstanceOf(DOMException);
    await expect(smartCard.establishContext()).rejects.toMatchObject({ responseCode: "no-service" });
    await start();
    expect(await transmits(smartCard)).toBeGreaterThanOrEqual(2);
    expect(opened.notices.map(({ kind }) => kind)).toEqual(["pairing-code", "paired"]);
  });

  it("says what to do where its port is taken", async () => {
    const { port } = await bridge();
    await expect(bridge(port)).rejects.toMatchObject({
      code: "reader-unavailable",
      message: expect.stringContaining(`port ${port} of 127.0.0.1 is taken`),
    });
  });
});
