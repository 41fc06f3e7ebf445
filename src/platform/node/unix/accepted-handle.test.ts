// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type AcceptedHandle, loadSocketCalls, streamOf, takeHandles } from "./accepted-handle.ts";
import { DeferredTasks } from "./deferred-tasks.ts";
import { SocketConnection } from "./unix-connection.ts";

const clock = { now: () => 0, wallTime: () => 0, schedule: () => () => {} };

/** A server whose handle the test has, as Node has it. */
function held(handle: unknown): Server {
  return Object.assign(new Server(), { _handle: handle });
}

async function serverAt(): Promise<{ readonly server: Server; readonly path: string }> {
  const folder = mkdtempSync(join(tmpdir(), "scard-handle-"));
  const path = join(folder, "socket");
  const server = createServer().listen(path);
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { server, path };
}

function client(path: string): Socket {
  const socket = connect(path);
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

it("takes the connections that wait, and in one turn of the event loop a bounded number", () => {
  const listening = { fd: 7, onconnection: () => {} };
  const taken: number[] = [];
  let waiting = 100;
  const calls = {
    acceptNext: (fd: number) => (fd === 7 && waiting > 0 ? 1000 - waiting-- : -1),
    isHungUp: () => false,
    readable: () => [],
  };
  expect(takeHandles(held(listening), ({ fd }) => taken.push(fd), calls)).toBe(true);
  const arrive = (handle: unknown, status = 0): void => {
    Reflect.apply(listening.onconnection, listening, [status, handle]);
  };
  arrive({ fd: 20, close: () => {} });
  expect([taken.length, taken[0]]).toEqual([32, 20]);
  waiting = 2;
  arrive({ fd: 21, close: () => {} });
  expect(taken.length).toBe(35);
});

it("takes those alone that Node hands over where the system cannot be asked", () => {
  const listening = { fd: 7, onconnection: () => {} };
  const taken: number[] = [];
  takeHandles(held(listening), ({ fd }) => taken.push(fd), undefined);
  Reflect.apply(listening.onconnection, listening, [0, { fd: 20, close: () => {} }]);
  expect(taken).toEqual([20]);
});

it("leaves other handles to Node", () => {
  const seen: unknown[] = [];
  const listening = { fd: 7, onconnection: (...args: unknown[]) => seen.push(args) };
  takeHandles(held(listening), () => seen.push("taken"), undefined);
  Reflect.apply(listening.onconnection, listening, [-24, undefined]);
  expect(seen).toEqual([[-24, undefined]]);
});

it.each([undefined, {}, { onconnection: 1 }])("changes nothing where Node shows %j", (handle) => {
  expect(takeHandles(held(handle), () => {}, undefined)).toBe(false);
});

it.skipIf(loadSocketCalls() === undefined)(
  "accepts itself what the system keeps, reads from it and answers",
  async () => {
    const { server, path } = await serverAt();
    const calls = loadSocketCalls();
    const handles: AcceptedHandle[] = [];
    takeHandles(server, (handle) => handles.push(handle), calls);
    const clients = Array.from({ length: 8 }, () => client(path));
    const read: Uint8Array[] = [];
    await expect.poll(() => handles.length).toBe(8);
    for (const handle of handles) {
      expect(calls?.isHungUp(handle.fd)).toBe(false);
      const stream = streamOf(handle, (bytes) => {
        read.push(bytes);
        stream.write(Uint8Array.from(bytes));
      }).resume();
      onTestFinished(() => void stream.destroy());
    }
    for (const [number, one] of clients.entries()) {
      one.write(`hello ${number}`);
      expect(String((await once(one, "data"))[0])).toBe(`hello ${number}`);
    }
    // What was read may have been a PIN.
    expect([read.length, read.every((bytes) => bytes.every((byte) => byte === 0))]).toEqual([8, true]);
  },
);

it.skipIf(loadSocketCalls() === undefined)("tells who has gone, also where it left bytes behind", async () => {
  const { server, path } = await serverAt();
  const calls = loadSocketCalls();
  const handles: AcceptedHandle[] = [];
  takeHandles(server, (handle) => handles.push(handle), calls);
  const one = client(path);
  await once(one, "connect");
  await expect.poll(() => handles.length).toBe(1);
  const [handle] = handles as [AcceptedHandle];
  const deps = {
    credentials: undefined,
    clock,
    limits: limits(),
    calls,
    tasks: new DeferredTasks(clock),
    order: undefined,
  };
  let released = 0;
  const connection = new SocketConnection(handle, { ...deps, released: () => released++ });
  expect(connection.isGone).toBe(false);
  await new Promise((resolve) => one.write("left behind", resolve));
  one.destroy();
  await once(one, "close");
  expect(connection.isGone).toBe(true);
  connection.close("the client has gone", { atOnce: true });
  expect([connection.isGone, released]).toEqual([true, 1]);
});

it.skipIf(loadSocketCalls() === undefined)("tells which of them have something to be read, or their end", async () => {
  const { server, path } = await serverAt();
  const calls = loadSocketCalls();
  const handles: AcceptedHandle[] = [];
  takeHandles(server, (handle) => handles.push(handle), calls);
  const clients: Socket[] = [];
  for (let count = 1; count <= 5; count++) {
    clients.push(client(path));
    await expect.poll(() => handles.length).toBe(count);
  }
  const fds = handles.map(({ fd }) => fd);
  expect(calls?.readable(fds)).toEqual([false, false, false, false, false]);
  await new Promise((resolve) => clients[1]?.write("one", resolve));
  clients[3]?.destroy();
  await expect.poll(() => calls?.readable(fds)).toEqual([false, true, false, true, false]);
  expect(calls?.readable(fds.slice(1, 2))).toEqual([true]);
  expect(calls?.readable([])).toEqual([]);
  for (const handle of handles) handle.close();
});

it("serves a stream of Node's own as well, where the handles are hidden", async () => {
  const { server, path } = await serverAt();
  const one = client(path);
  const [socket] = (await once(server, "connection")) as [Socket];
  const without = { credentials: undefined, calls: undefined, order: undefined };
  const deps = { ...without, clock, limits: limits(), tasks: new DeferredTasks(clock) };
  const connection = new SocketConnection(socket, { ...deps, released: () => {} });
  one.write("early ");
  const arrived: Uint8Array[] = [];
  let text = "";
  const closed = new Promise<string>((resolve) => {
    connection.listen({
      received: (bytes) => {
        text += new TextDecoder().decode(bytes);
        arrived.push(bytes);
        connection.send(Uint8Array.from(bytes));
      },
      closed: resolve,
    });
  });
  one.write("late");
  await expect.poll(() => text).toBe("early late");
  // What was received may have been a PIN.
  expect(arrived.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
  expect([connection.isGone, connection.credentials]).toEqual([false, undefined]);
  one.end();
  expect(await closed).toBe("the client closed the connection");
});

function limits() {
  return { highWaterBytes: 65_536, maxUnsentBytes: 1_000_000, closeGraceMs: 1000, pausedLookMs: 500 };
}
