// SPDX-License-Identifier: MIT

import { closeSync } from "node:fs";
import { type Server, Socket, type SocketConstructorOpts } from "node:net";
import { loadKoffi } from "../koffi/index.ts";
import { ASKED_AT_ONCE } from "./reading-order.ts";

/** A connection that the system has accepted, before there is a stream for it. It is nothing but a descriptor, and costs little. */
export interface AcceptedHandle {
  readonly fd: number;
  /** What its stream is made of: Node's own handle, or the descriptor. */
  readonly source: { readonly handle: object } | { readonly fd: number };
  close(): void;
}

/** What takes the bytes of a connection. The bytes are in a place that is used again for the next. */
export type Reading = (bytes: Uint8Array) => void;

/** What Node does not ask the system for. */
export interface SocketCalls {
  /** `accept4(2)` on a listening socket that does not block: the descriptor of the next connection, or -1 where there is none. */
  acceptNext(listening: number): number;
  /** Whether the other end of a connection is closed: `poll(2)` tells so also where there are bytes that were not read. */
  isHungUp(fd: number): boolean;
  /**
   * Which of the connections have bytes to be read, or have come to their end, by `poll(2)`: true at their places. {@link ASKED_AT_ONCE}
   * at most. What it returns is valid until the next call.
   */
  readable(fds: readonly number[]): readonly boolean[];
}

/** So many connections are taken in one turn of the event loop, so that a flood of them does not stop what is served. */
const ACCEPTED_AT_ONCE = 32;

/** So many bytes are read at once. A client that floods us is paused behind them, so they are what it can make us hold. */
const READ_BYTES = 8192;

/** One for all: what is in it is taken before anything else is read. */
const readBuffer = new Uint8Array(READ_BYTES);

// Linux, asm-generic/fcntl.h.
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
// Linux, asm-generic/poll.h.
const POLLIN = 0x1;
const POLLHUP = 0x10;

/** Makes ready to ask the system ourselves. Undefined where `koffi` is missing, and outside Linux. */
export function loadSocketCalls(): SocketCalls | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const system = loadKoffi().load(null);
    const accept = system.func("int accept4(int fd, void *address, void *length, int flags)");
    const poll = system.func("int poll(_Inout_ uint8_t *fds, unsigned long count, int timeout)");
    // struct pollfd: the descriptor, 32 bits; events and what has happened, 16 bits each.
    const asked = new Int32Array(2 * ASKED_AT_ONCE);
    const askedBytes = new Uint8Array(asked.buffer);
    const happened = new Int16Array(asked.buffer);
    const found: boolean[] = [];
    return {
      acceptNext: (listening) => Number(accept(listening, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC)),
      isHungUp: (fd) => {
        asked.set([fd, 0]);
        return Number(poll(askedBytes, 1, 0)) === 1 && ((happened[3] ?? 0) & POLLHUP) !== 0;
      },
      readable: (fds) => {
        for (let index = 0; index < fds.length; index++) {
          asked[2 * index] = fds[index] ?? -1;
          happened[4 * index + 2] = POLLIN;
          happened[4 * index + 3] = 0;
        }
        poll(askedBytes, fds.length, 0);
        found.length = fds.length;
        for (let index = 0; index < fds.length; index++) found[index] = happened[4 * index + 3] !== 0;
        return found;
      },
    };
  } catch {
    return undefined;
  }
}

/**
 * Takes the connections of a server as the system has accepted them. Node makes a stream for each at once, and accepts one
 * in each turn of the event loop: a flood of connections that are closed again keeps the others waiting behind them. Here the
 * stream is made when there is time for it, and more that wait are taken where `calls` are there.
 *
 * False where this Node does not show its handles, and nothing is changed: connections come by the event "connection".
 */
export function takeHandles(
  server: Server,
  take: (handle: AcceptedHandle) => void,
  calls: SocketCalls | undefined,
): boolean {
  const listening: unknown = Reflect.get(server, "_handle");
  if (typeof listening !== "object" || listening === null) return false;
  const ordinary: unknown = Reflect.get(listening, "onconnection");
  if (typeof ordinary !== "function") return false;
  return Reflect.set(listening, "onconnection", (status: number, handle: unknown) => {
    if (status !== 0 || !isHandle(handle)) {
      Reflect.apply(ordinary, listening, [status, handle]);
      return;
    }
    take({ fd: handle.fd, source: { handle }, close: () => handle.close() });
    const from: unknown = Reflect.get(listening, "fd");
    if (calls === undefined || typeof from !== "number" || from < 0) return;
    for (let count = 1; count < ACCEPTED_AT_ONCE; count++) {
      const fd = calls.acceptNext(from);
      // None is left, or the system is out of something, which it tells Node as well.
      if (fd < 0) return;
      take({ fd, source: { fd }, close: () => closeSync(fd) });
    }
  });
}

/** The stream of an accepted connection: nothing is read until it is resumed. Bytes go to `reading`, not through the stream. */
export function streamOf({ source }: AcceptedHandle, reading: Reading): Socket {
  const options = {
    ...source,
    pauseOnCreate: true,
    allowHalfOpen: true,
    onread: {
      buffer: readBuffer,
      callback: (length: number, buffer: Uint8Array): boolean => {
        reading(buffer.subarray(0, length));
        // It may have been a PIN.
        buffer.fill(0, 0, length);
        return true;
      },
    },
  };
  return new Socket(options satisfies SocketConstructorOpts);
}

function isHandle(value: unknown): value is { readonly fd: number; close(): void } {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof Reflect.get(value, "fd") === "number" &&
    typeof Reflect.get(value, "close") === "function"
  );
}
