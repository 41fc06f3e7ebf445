// SPDX-License-Identifier: MIT

/**
 * `scard/bridge-server`: serves the Web Smart Card API to a page of one's own program, over a MessagePort.
 */

import { BridgeService } from "../faces/bridge-server/index.ts";
import { nodeRuntime } from "../platform/node/runtime/index.ts";
import { having, listOf, managerObject, optional, optionsOf, type ResourceManager, text } from "../port/index.ts";

/** A port of Node (`MessagePort`), or of Electron's main process (`MessagePortMain`). */
export interface ServedPort {
  postMessage(message: Uint8Array): void;
  /** Electron gives an event with `data`, Node the message itself. */
  on(event: "message", listener: (message: unknown) => void): unknown;
  on(event: "close", listener: () => void): unknown;
  /** Electron's ports have to be started. */
  start?(): void;
  close(): void;
}

/** What a page over a port may use. */
export interface ServePortOptions {
  readonly manager: ResourceManager;
  /** The readers that it sees: names, or what they begin with and a `*`. @default all */
  readonly readers?: readonly string[] | undefined;
}

/** A page that is served. */
export interface ServedPage {
  /** Ends it: all contexts of the page end, and a card in a transaction is reset. Never rejects. */
  close(): Promise<void>;
}

const portObject = having<ServedPort>(
  ["postMessage", "on", "close"],
  "a MessagePort of Node, or of Electron's main process",
);
const portOptions = optionsOf<ServePortOptions>({
  manager: managerObject,
  readers: optional(listOf(text("the name of a reader"), "names of readers")),
});

/** The origin of a page that has a port: nothing else can be connected to it. */
const ORIGIN = "port:";

/**
 * Serves the Web Smart Card API over a MessagePort, whose other end `smartCardOverPort()` of `scard/bridge` uses: for the renderer of an Electron
 * program, with isolation and sandbox on, and for worker threads. It needs no pairing, since the program has made the port itself.
 *
 * When the port closes, as it does when the renderer ends, all contexts end, and a card in a transaction is reset.
 *
 * @throws invalid-parameter
 */
export function servePort(port: ServedPort, options: ServePortOptions): ServedPage {
  const checkedPort = portObject(port, { operation: "servePort", path: "port" });
  const { manager, readers } = portOptions(options, { operation: "servePort", path: "options" });
  const { clock, random } = nodeRuntime();
  const service = new BridgeService({
    ...{ manager, clock, random },
    origins: { all: () => [{ origin: ORIGIN, readers, pairings: [] }], remember: async () => undefined },
    notice: () => undefined,
  });
  const session = service.acceptTrusted(ORIGIN, {
    address: ORIGIN,
    send: (message) => checkedPort.postMessage(message),
    // A port does not say what the other side has taken. The number of calls limits what waits there.
    waitingBytes: 0,
    pause: () => undefined,
    resume: () => undefined,
    close: () => checkedPort.close(),
  });
  checkedPort.on("message", (message) => session.received(new Uint8Array(bytesIn(message))));
  checkedPort.on("close", () => void session.closed());
  checkedPort.start?.();
  return { close: () => service.close() };
}

/** Anything but bytes counts as an empty message, which ends the connection. */
function bytesIn(message: unknown): Uint8Array {
  const data: unknown = message instanceof Uint8Array ? message : (message as { readonly data?: unknown } | null)?.data;
  return data instanceof Uint8Array ? data : new Uint8Array();
}
