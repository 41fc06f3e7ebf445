// SPDX-License-Identifier: MIT

import { connect, type Socket } from "node:net";
import { copyBytes, zeroBytes } from "../../../base/binary/index.ts";
import type { Dial, Pipe, PipeEvents } from "../../../managers/pcscd/index.ts";
import {
  type Check,
  callback,
  listOf,
  optional,
  optionsOf,
  partsOf,
  SmartCardError,
  text,
} from "../../../port/index.ts";
import { socketPathProblem } from "../../../wire/pcsclite/index.ts";

/** Room for what one read takes out of a socket: all answers but long ones and large tables fit at once. */
const READ_BYTES = 8192;

/** One for all connections: what is in it is taken before anything else is read. */
const readBuffer = new Uint8Array(READ_BYTES);

/** With so many unsent bytes the service has stopped reading, and the connection is closed. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;

/** The pauses before a full queue is tried again, in milliseconds: each twice the one before, two seconds in all. */
const FIRST_PAUSE_MS = 4;
const LAST_PAUSE_MS = 1024;

/** Where to look for the service. */
export interface DialPcscdOptions {
  /** Paths of sockets, in the order in which they are tried; {@link pcscdSockets} by default. */
  readonly sockets?: readonly string[];
  /** Called for each request that is sent: its answer is likely to come soon. */
  readonly stir?: () => void;
}

/** Of which machine the sockets are asked for. */
export interface PcscdSocketsOptions {
  /** Environment variables. @default this process's */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** A value of `process.platform`. @default this machine's */
  readonly platform?: string;
}

const socketsOptions = optionsOf<PcscdSocketsOptions>({
  environment: optional(partsOf<NonNullable<PcscdSocketsOptions["environment"]>>({}, "an object")),
  platform: optional(text("a platform") as Check<NodeJS.Platform>),
});
const dialOptions = optionsOf<DialPcscdOptions>({
  sockets: optional(listOf(text("a socket's path"), "paths of sockets", 64)),
  stir: optional(callback<() => void>("a function that is told of each request")),
});

/**
 * The sockets on which pcscd, or a daemon in its place, may listen: only the one that `PCSCLITE_CSOCK_NAME` names, if it is
 * set; otherwise the usual paths. None where the system has no pcscd.
 */
export function pcscdSockets(options: PcscdSocketsOptions = {}): readonly string[] {
  const { environment = process.env, platform = process.platform } = socketsOptions(options, {
    operation: "pcscdSockets",
    path: "options",
  });
  const named = environment.PCSCLITE_CSOCK_NAME;
  if (named) return [named];
  return platform === "win32" || platform === "darwin" ? [] : ["/run/pcscd/pcscd.comm", "/var/run/pcscd/pcscd.comm"];
}

/** Makes the connections of a `PcscdManager`: to the first of the sockets with a listener. */
export function dialPcscd(options: DialPcscdOptions = {}): Dial {
  const { sockets: given, stir } = dialOptions(options, { operation: "dialPcscd", path: "options" });
  return async (events) => {
    const sockets = given ?? pcscdSockets();
    const failures: NodeJS.ErrnoException[] = [];
    for (const path of sockets) {
      const pipe = await dialPatiently(path, events, stir).catch((error: NodeJS.ErrnoException) => {
        failures.push(error);
        return undefined;
      });
      if (pipe !== undefined) return pipe;
    }
    throw dialError(sockets, failures);
  };
}

/**
 * The system refuses at once while the service's listen queue is full (pcscd's has 16 places), which lasts only a moment;
 * a program that blocks in connect(2), as libpcsclite does, never sees it.
 */
async function dialPatiently(path: string, events: PipeEvents, stir?: () => void): Promise<Pipe> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
    try {
      return await dialOne(path, events, stir);
    } catch (error) {
      const isFull = error instanceof Error && "code" in error && error.code === "EAGAIN";
      if (!isFull || pauseMs > LAST_PAUSE_MS) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function dialOne(path: string, events: PipeEvents, stir?: () => void): Promise<Pipe> {
  return new Promise((resolve, reject) => {
    // Node cuts a longer path off, and would look somewhere else.
    const problem = socketPathProblem(path, process.platform);
    if (problem !== undefined) throw new SmartCardError("invalid-parameter", `${path} ${problem}`, details);
    let reason: string | undefined;
    let connected = false;
    const socket: Socket = connect({
      path,
      onread: {
        buffer: readBuffer,
        callback: (length, buffer) => {
          events.received(buffer.subarray(0, length));
          // It may be what a PIN protects.
          buffer.fill(0, 0, length);
          return true;
        },
      },
    });
    socket.once("connect", () => {
      connected = true;
      resolve({
        write: (bytes) => {
          if (socket.destroyed) return;
          // The caller may clear its bytes; this copy is cleared when the system has taken it.
          const sent = copyBytes(bytes);
          socket.write(sent, () => zeroBytes(sent));
          stir?.();
          if (socket.writableLength <= MAX_UNSENT_BYTES) return;
          reason = `the service left ${socket.writableLength} bytes unread`;
          socket.destroy();
        },
        close: () => socket.destroy(),
      });
    });
    // Every error is followed by "close"; without a listener it would end the process.
    socket.on("error", (error) => {
      reason ??= error.message;
      if (!connected) reject(error);
    });
    // A service that will send no more is gone.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      if (connected) events.closed(reason ?? "it closed the connection");
    });
  });
}

const noListener: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "ENOTSOCK", "ECONNREFUSED"]);
const details = { operation: "establish context" };

/** The most specific failure. */
function dialError(sockets: readonly string[], failures: readonly NodeJS.ErrnoException[]): SmartCardError {
  if (process.platform === "win32") {
    const message =
      "Windows has no pcscd: leave SCARD_MANAGER out, or say system, for Windows' own service; " +
      "embedded:virtual+demo has a software card";
    return new SmartCardError("no-service", message, details, { cause: failures[0] });
  }
  const denied = failures.findIndex(({ code }) => code === "EACCES" || code === "EPERM");
  if (denied >= 0) {
    const message =
      `${sockets[denied]} is not accessible to this user: ask for membership in the socket's group (ls -l shows it), or widen ` +
      "socket.mode and socket.group of the daemon, or SocketMode= and SocketGroup= of its systemd unit";
    return new SmartCardError("no-access", message, details, { cause: failures[denied] });
  }
  const other = failures.findIndex(({ code }) => !noListener.has(code));
  const cause = failures[other];
  if (cause instanceof SmartCardError) return cause;
  if (cause?.code === "EAGAIN") {
    return new SmartCardError("server-too-busy", `too many wait for ${sockets[other]}`, details, { cause });
  }
  if (cause !== undefined) {
    const message = `cannot connect to ${sockets[other]}: ${cause.message}`;
    return new SmartCardError("comm-error", message, details, { cause });
  }
  const tried = failures.map(({ code }, index) => `${sockets[index]} (${code})`).join(", ");
  const how =
    "start pcscd (systemctl enable --now pcscd.socket) or scard daemon (npx scard daemon), or name its socket in " +
    "PCSCLITE_CSOCK_NAME";
  const where = sockets.length === 0 ? "this system has no pcscd" : `nothing listens on ${tried}`;
  return new SmartCardError("no-service", `${where}; ${how}`, details, { cause: failures[0] });
}
