// SPDX-License-Identifier: MIT

import { createServer, type Server } from "node:net";
import {
  anyText,
  assert,
  callback,
  checkNewReaderName,
  clockObject,
  limitsOf,
  optional,
  optionsOf,
  partsOf,
  type Runtime,
  SmartCardError,
  text,
  wholeNumber,
} from "../../pcsc/index.ts";
import { DEFAULT_VPCD_PORT, defaultVpcdLimits, MAX_SLOTS, type VpcdLimits, VpcdReader } from "../../vpcd/index.ts";
import { SocketPipe } from "./socket-pipe.ts";

/** How virtual cards can plug in. */
export interface VpcdListenerOptions {
  /** Time for the limits, and where the readers' trace goes. */
  readonly runtime: Pick<Runtime, "clock" | "trace">;
  /**
   * Address to listen on; 127.0.0.1 by default. The protocol has no authentication: with an address that other machines
   * can reach, any program that connects can be the card, and can see the PINs that programs send to it.
   */
  readonly host?: string;
  /** Port of the first slot, 35,963 by default; slot n listens on `port + n`. With 0 the system chooses for each. */
  readonly port?: number;
  /**
   * The name to show, 1 to 127 bytes of UTF-8; "Virtual PCD" by default. Several slots have the same, and the manager numbers
   * them: `Name`, `Name 1`, `Name 2`.
   */
  readonly name?: string;
  /** How many slots, 1 to 64; one by default. Each is a reader of its own. */
  readonly slots?: number;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<VpcdLimits>;
}

const listenerOptions = optionsOf<VpcdListenerOptions>({
  runtime: partsOf<VpcdListenerOptions["runtime"]>(
    { clock: clockObject, trace: callback("a function that is told what happens") },
    "a runtime: nodeRuntime() makes one",
  ),
  host: optional(text("an address", 255)),
  port: optional(wholeNumber(0, 65_535)),
  name: optional(anyText),
  slots: optional(wholeNumber(1, MAX_SLOTS)),
  limits: optional(limitsOf(defaultVpcdLimits)),
});

/** Slots that are open to virtual cards. */
export interface VpcdListener extends AsyncDisposable {
  /** One reader for each slot, in order of the slots: to be handed to a manager, which closes them. */
  readonly readers: readonly VpcdReader[];
  readonly host: string;
  /** The port of each slot, as it really is. */
  readonly ports: readonly number[];
  /** Takes the readers out of service (a manager is told that they are lost) and closes every socket. Never rejects. */
  close(): Promise<void>;
}

/** One slot: the listening socket, and the reader that its connections go to. */
interface Slot {
  readonly server: Server;
  readonly reader: VpcdReader;
  readonly port: number;
}

/**
 * Opens virtual readers that cards of the vsmartcard project plug into: Debian's `vicc`, the Android card emulators,
 * JavaCard simulators. They connect to host and port; a connection is a card in the reader.
 *
 * @throws reader-unavailable (a port is taken: most often by pcscd with vpcd's driver), no-access (the system reserves
 * the port), invalid-value (the name is none that a reader can have), invalid-parameter (port or slots out of range, an address that this machine does not have), comm-error
 * (anything else the system says)
 * @see virtualsmartcard/doc/api.txt of the vsmartcard project
 */
export async function listenVpcd(options: VpcdListenerOptions): Promise<VpcdListener> {
  const checked = listenerOptions(options, { operation: "listenVpcd", path: "options" });
  const { host = "127.0.0.1", port = DEFAULT_VPCD_PORT, slots: count = 1 } = checked;
  if (checked.name !== undefined) checkNewReaderName(checked.name);
  wholeNumber(0, 65_535 - (count - 1))(port, { operation: "listenVpcd", path: "options.port" });
  const slots: Slot[] = [];
  try {
    for (let slot = 0; slot < count; slot++) {
      slots.push(await openSlot(checked, host, port === 0 ? 0 : port + slot));
    }
  } catch (error) {
    await closeAll(slots);
    throw error;
  }
  const close = (): Promise<void> => closeAll(slots);
  return {
    readers: slots.map((slot) => slot.reader),
    host,
    ports: slots.map((slot) => slot.port),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Says whether {@link listenVpcd} would work, but for ports that another program has at this moment: opens each port and
 * closes it. The readers that it answers have no ports.
 *
 * @throws as `listenVpcd`, but for reader-unavailable
 */
export async function tryVpcd(options: VpcdListenerOptions): Promise<VpcdListener> {
  try {
    const listener = await listenVpcd(options);
    await listener.close();
  } catch (error) {
    if (!(error instanceof SmartCardError) || error.code !== "reader-unavailable") throw error;
  }
  const { host = "127.0.0.1", port = DEFAULT_VPCD_PORT, slots = 1, name } = options;
  const { clock, trace } = options.runtime;
  const named = name === undefined ? {} : { name };
  const ports = Array.from({ length: slots }, (_, slot) => port + slot);
  const readers = ports.map((each) => new VpcdReader({ ...named, host, port: each, clock, trace }));
  const close = async (): Promise<void> => {};
  return { readers, host, ports, close, [Symbol.asyncDispose]: close };
}

async function openSlot(options: VpcdListenerOptions, host: string, wantedPort: number): Promise<Slot> {
  const { clock, trace } = options.runtime;
  const limits: VpcdLimits = { ...defaultVpcdLimits, ...options.limits };
  const server = createServer();
  const port = await listen(server, host, wantedPort);
  const { name } = options;
  const named = name === undefined ? {} : { name };
  const reader = new VpcdReader({ ...named, host, port, clock, trace, limits, release: () => closeServer(server) });
  server.on("connection", (socket) => {
    const pipe = new SocketPipe(socket, clock, limits);
    const events = reader.attach(pipe);
    if (events !== undefined) pipe.listen(events);
  });
  // The system could not accept a connection (no file descriptor is free, for one). The next may do.
  server.on("error", (error) => {
    trace({ at: clock.now(), kind: "vpcd-accept-failed", reader: reader.description.id, detail: error.message });
  });
  return { server, reader, port };
}

/** Starts to listen and returns the port, which the system chooses where 0 was asked for. */
function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port));
    server.once("error", onError);
    server.listen({ host, port }, () => {
      server.off("error", onError);
      const address = server.address();
      assert(address !== null && typeof address === "object", "a listening TCP server has an address");
      resolve(address.port);
    });
  });
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

async function closeAll(slots: readonly Slot[]): Promise<void> {
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
