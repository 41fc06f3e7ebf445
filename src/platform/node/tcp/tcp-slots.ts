// SPDX-License-Identifier: MIT

import { createServer, type Server, type Socket } from "node:net";
import { assert, type PeerRule, type Runtime, SmartCardError } from "../../../port/index.ts";
import {
  admitsAnybody,
  CardDoor,
  defaultVpcdLimits,
  type VpcdLimits,
  type VpcdLog,
  VpcdReader,
} from "../../../readers/vpcd/index.ts";
import { PeerUsers } from "./peer-users.ts";
import { SocketPipe } from "./socket-pipe.ts";
import { isLoopback } from "./socket-table.ts";

/** How slots are opened by TCP; all of it is checked by then. */
export interface TcpSlotsOptions {
  readonly runtime: Pick<Runtime, "clock" | "trace">;
  readonly host: string;
  /** Slot n listens on `port + n`; with 0 the system chooses for each. */
  readonly port: number;
  readonly slots: number;
  readonly name?: string;
  readonly limits?: Partial<VpcdLimits>;
  /** Who may be the card, where they are given. */
  readonly access?: readonly PeerRule[];
  readonly log: VpcdLog;
  /** Tells who is at the other end; the system's table where it is left out. Undefined where the system does not tell. */
  readonly users?: Pick<PeerUsers, "userOf"> | undefined;
}

/** One slot: the listening socket, and the reader that its connections go to. */
export interface TcpSlot {
  readonly server: Server;
  readonly reader: VpcdReader;
  readonly port: number;
}

/**
 * Opens slots that cards plug into by TCP. Only programs of this process' user and of root may be the card, or those that
 * `access` admits; which user a connection belongs to, the kernel's table of sockets tells.
 *
 * Portability: the check takes Linux. Elsewhere any program that reaches the port can be the card, unless `access` is given:
 * what is not known counts against a program there.
 *
 * @throws reader-unavailable, no-access, invalid-parameter, comm-error: see `listenVpcd`; no slot is left open then
 */
export async function openTcpSlots(options: TcpSlotsOptions): Promise<readonly TcpSlot[]> {
  const { host, log, port, slots: count } = options;
  const users = "users" in options ? options.users : process.platform === "linux" ? new PeerUsers() : undefined;
  const slots: TcpSlot[] = [];
  try {
    for (let slot = 0; slot < count; slot++) {
      slots.push(await openSlot({ ...options, users }, port === 0 ? 0 : port + slot));
    }
  } catch (error) {
    await closeTcpSlots(slots);
    throw error;
  }
  if (users === undefined && options.access === undefined) {
    const message = `who plugs into port ${slots[0]?.port} of ${host} cannot be checked on ${process.platform}`;
    const remedy = 'listen on a Unix socket ("path"), whose permissions the system enforces';
    log({ level: "warn", message, remedy });
  }
  return slots;
}

async function openSlot(options: TcpSlotsOptions, wantedPort: number): Promise<TcpSlot> {
  const { access, host, log, name, users } = options;
  const { clock, trace } = options.runtime;
  const limits: VpcdLimits = { ...defaultVpcdLimits, ...options.limits };
  // Nothing is read from a connection before it is known whose it is.
  const server = createServer({ pauseOnConnect: true });
  const port = await listen(server, options, wantedPort);
  const named = name === undefined ? {} : { name };
  const reader = new VpcdReader({ ...named, host, port, clock, trace, limits, release: () => closeServer(server) });
  const door = new CardDoor({
    reader,
    clock,
    log,
    rules: access ?? [],
    ownUid: process.geteuid?.(),
    admitsUnknown: users === undefined && access === undefined,
    unknownRemedy:
      'let the card plug into a Unix socket ("path" of the reader), or admit every program that reaches the port: "access": [{"effect":"allow"}]',
  });
  server.on("connection", (socket) => {
    const pipe = new SocketPipe(socket, clock, limits);
    void plugIn(socket, pipe, door, users).catch((error: unknown) => {
      socket.destroy();
      trace({ at: clock.now(), kind: "vpcd-accept-failed", reader: reader.description.id, detail: String(error) });
    });
  });
  // The system could not accept a connection (no file descriptor is free, for one). The next may do.
  server.on("error", (error) => {
    trace({ at: clock.now(), kind: "vpcd-accept-failed", reader: reader.description.id, detail: error.message });
  });
  return { server, reader, port };
}

/** Makes a connection the card where its user may be it; nothing is sent to it, nor read from it, before that is known. */
async function plugIn(
  socket: Socket,
  pipe: SocketPipe,
  door: CardDoor,
  users: TcpSlotsOptions["users"],
): Promise<void> {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (
    localAddress === undefined ||
    localPort === undefined ||
    remoteAddress === undefined ||
    remotePort === undefined
  ) {
    // It was closed before it could be looked at.
    socket.destroy();
    return;
  }
  const user = await users?.userOf({ localAddress, localPort, remoteAddress, remotePort });
  if (socket.destroyed) return;
  const known = user !== undefined && "uid" in user;
  const events = door.admit(pipe, {
    credentials: known ? { uid: user.uid } : undefined,
    program: undefined,
    ...(user !== undefined && !known && { reason: user.reason }),
  });
  if (events === undefined) return;
  pipe.listen(events);
  socket.resume();
}

/** Starts to listen and returns the port, which the system chooses where 0 was asked for. */
function listen(server: Server, { access, host }: TcpSlotsOptions, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port));
    server.once("error", onError);
    server.listen({ host, port }, () => {
      server.off("error", onError);
      const address = server.address();
      assert(address !== null && typeof address === "object", "a listening TCP server has an address");
      // A name may lead to any address, so it is looked at when it is known; nothing has been accepted by then.
      if (isLoopback(address.address) || admitsAnybody(access ?? [])) resolve(address.port);
      else server.close(() => reject(openToOthers(host)));
    });
  });
}

function openToOthers(host: string): SmartCardError {
  const message =
    `${host} is an address that other machines reach, and who their users are is not known: leave it out for 127.0.0.1, or ` +
    'admit every program that reaches the port, which can then see the PINs that are sent to the card: "access": [{"effect":"allow"}]';
  return new SmartCardError("invalid-parameter", message, { operation: "listen" });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): SmartCardError {
  const operation = { operation: "listen" };
  const where = `port ${port} of ${host}`;
  switch (error.code) {
    case "EADDRINUSE": {
      const remedy = "stop the program that listens there (pcscd with vpcd's driver does), or choose another port";
      return new SmartCardError("reader-unavailable", `${where} is taken: ${remedy}`, operation, { cause: error });
    }
    case "EACCES": {
      const remedy = "choose a port from 1024 on";
      return new SmartCardError("no-access", `${where} is reserved: ${remedy}`, operation, { cause: error });
    }
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN": {
      const message = `${host} is not an address of this machine: leave it out for 127.0.0.1`;
      return new SmartCardError("invalid-parameter", message, operation, { cause: error });
    }
    default:
      return new SmartCardError("comm-error", `cannot listen on ${where}: ${error.message}`, operation, {
        cause: error,
      });
  }
}

/** Takes the readers out of service and closes every socket. Never rejects. */
export async function closeTcpSlots(slots: readonly TcpSlot[]): Promise<void> {
  for (const slot of slots) slot.reader.lose("the listener was closed");
  await Promise.all(slots.map((slot) => closeServer(slot.server)));
}

/** Stops listening and waits until the last connection is closed. Does nothing more when it was called before. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // An error says that the server was closed already; its connections may still be ending.
    server.close(() => resolve());
  });
}
