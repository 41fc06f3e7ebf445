// SPDX-License-Identifier: MIT

import { createServer, type Server, type Socket } from "node:net";
import { type Clock, SmartCardError } from "../../../port/index.ts";
import { type AcceptedHandle, loadSocketCalls, takeHandles } from "./accepted-handle.ts";
import { DeferredTasks } from "./deferred-tasks.ts";
import type { PeerCredentialsReader } from "./peer-credentials.ts";
import { ReadingOrder } from "./reading-order.ts";
import { listenError, SocketFile, type SocketPlace } from "./socket-file.ts";
import { SocketConnection, type UnixConnection, type UnixConnectionLimits } from "./unix-connection.ts";

/** What a listening socket may cost. */
interface UnixListenerLimits extends UnixConnectionLimits {
  /** Connections that the system keeps for us until they are accepted: all of them are, in one turn of the event loop. */
  readonly backlog: number;
  /** Connections at once; further ones are closed at once. */
  readonly connections: number;
}

/** The limits in force where none are given. */
const defaultUnixLimits: UnixListenerLimits = {
  backlog: 511,
  connections: 8192,
  highWaterBytes: 65_536,
  maxUnsentBytes: 4 * 1024 * 1024,
  closeGraceMs: 1000,
  pausedLookMs: 500,
};

/** How to listen. */
export interface UnixListenerOptions {
  /** A path, or the file descriptor of a socket that listens already. */
  readonly at: SocketPlace | { readonly fd: number };
  readonly clock: Clock;
  /** Tells who clients are; without it they are unknown. */
  readonly credentials?: PeerCredentialsReader | undefined;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<UnixListenerLimits>;
  onConnection(connection: UnixConnection): void;
  /** A connection could not be taken: the limit is reached, or the system is out of something. The next may do. */
  onTrouble(message: string): void;
}

/** A listening socket. */
export interface UnixListener {
  /** Stops listening, removes the path if it is still ours, and ends all connections. Never rejects. */
  close(): Promise<void>;
}

/**
 * Listens on a Unix stream socket. What a daemon that was killed has left at the path is removed; a live daemon's
 * socket, and anything other than a socket, is not. The path appears when clients can connect, with its permissions.
 *
 * @throws sharing-violation (another daemon answers there), no-access (the folder, the group or what is at the path is
 * not ours, or others can change the folder), invalid-parameter (the path is too long, or the descriptor is not a Unix
 * socket), comm-error (anything else the system says)
 */
export async function listenUnix(options: UnixListenerOptions): Promise<UnixListener> {
  const limits: UnixListenerLimits = { ...defaultUnixLimits, ...options.limits };
  const connections = new Set<SocketConnection>();
  const tasks = new DeferredTasks(options.clock);
  const calls = loadSocketCalls();
  const order = calls && new ReadingOrder({ clock: options.clock, readable: calls.readable });
  let allReleased: (() => void) | undefined;
  const { clock, credentials } = options;
  const dropped = (): void => options.onTrouble(`there are ${limits.connections} connections, the limit`);
  const take = (accepted: Socket | AcceptedHandle): void => {
    const released = (): void => {
      connections.delete(connection);
      if (connections.size === 0) allReleased?.();
    };
    const connection = new SocketConnection(accepted, { credentials, clock, limits, calls, tasks, order, released });
    connections.add(connection);
    options.onConnection(connection);
  };
  const server = createServer(take);
  server.maxConnections = limits.connections;
  server.on("drop", dropped);
  const file = "fd" in options.at ? undefined : new SocketFile(options.at);
  await listen(server, options.at, file, limits.backlog);
  if (!isUnixSocket(server)) {
    server.close();
    throw noUnixSocket(options.at);
  }
  takeHandles(
    server,
    (handle) => {
      if (connections.size < limits.connections) {
        take(handle);
        return;
      }
      handle.close();
      dropped();
    },
    calls,
  );
  // The system could not accept a connection (no file descriptor is free, for one).
  server.on("error", (error) => options.onTrouble(error.message));
  try {
    await file?.publish();
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    close: async () => {
      file?.withdraw();
      const closed = new Promise((resolve) => server.close(resolve));
      const released = new Promise<void>((resolve) => {
        allReleased = resolve;
      });
      for (const connection of [...connections]) connection.close("the daemon has stopped");
      await closed;
      if (connections.size > 0) await released;
    },
  };
}

/** Whether a listening socket is of the family AF_UNIX: one of the network has a port. */
function isUnixSocket(server: Server): boolean {
  const address = server.address();
  return typeof address !== "object" || address === null || !("port" in address);
}

function noUnixSocket(at: UnixListenerOptions["at"]): SmartCardError {
  const which = "fd" in at ? `file descriptor ${at.fd}` : at.path;
  const message = `${which} is a socket of the network: clients cannot be told apart there. ListenStream= names a path`;
  return new SmartCardError("invalid-parameter", message, { operation: "listen" });
}

/**
 * Checks whether {@link listenUnix} would work, apart from a daemon that already answers at the path: binds and removes a socket
 * beside it. Folders that it makes for that are removed again.
 *
 * @throws as `listenUnix`, but for sharing-violation
 */
export async function tryUnix(options: UnixListenerOptions): Promise<UnixListener> {
  if (!("fd" in options.at)) {
    const file = new SocketFile(options.at);
    const server = createServer();
    try {
      await listen(server, options.at, file, 1);
    } catch (error) {
      file.removeFolders();
      throw error;
    }
    try {
      file.tryOut();
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }
  return { close: async () => {} };
}

function listen(server: Server, at: UnixListenerOptions["at"], file: SocketFile | undefined, backlog: number) {
  return new Promise<void>((resolve, reject) => {
    const where = "fd" in at ? `file descriptor ${at.fd}` : at.path;
    const failed = (error: NodeJS.ErrnoException): void => reject(file?.error(error) ?? listenError(where, error));
    server.once("error", failed);
    const umask = file && process.umask(file.umask);
    try {
      server.listen(file === undefined ? { ...at, backlog } : { path: file.temporaryPath, backlog }, () => {
        server.off("error", failed);
        resolve();
      });
    } finally {
      if (umask !== undefined) process.umask(umask);
    }
  });
}
