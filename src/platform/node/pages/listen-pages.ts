// SPDX-License-Identifier: MIT

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { SmartCardError } from "../../../port/index.ts";
import { closeCodes } from "../../../wire/bridge/index.ts";

/** The only address that pages are served on. */
export const LOOPBACK_HOST = "127.0.0.1";

/** The connection of a page: what a service does with it. */
export interface PagePipe {
  /** Where the page has connected to: not what it says, but where the connection is. */
  readonly address: string;
  send(message: Uint8Array): void;
  readonly waitingBytes: number;
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
}

/** What a service is told of a connection. */
export interface PageEvents {
  received(message: Uint8Array): void;
  drained(): void;
  closed(): Promise<void>;
}

/** Who serves the pages. */
interface PageService {
  /** Why a page of this origin may not connect; undefined where it may. */
  refusal(origin: string | undefined): { readonly status: 403 | 503; readonly reason: string } | undefined;
  accept(origin: string, pipe: PagePipe): PageEvents;
}

/** How to listen. */
export interface ListenPagesOptions {
  /** What listens, as its refusals name it: `bridge`. */
  readonly name: string;
  /** 0: the system chooses. */
  readonly port: number;
  /** What to do where the port is taken. */
  readonly taken: string;
  /** The longest message of a page, in bytes. */
  readonly maxMessageBytes: number;
  readonly service: PageService;
  /** Answers requests for pages that are served here. @default 404 */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** What listens. */
export interface PagesListener {
  readonly port: number;
  /** Ends all connections, and stops listening. */
  close(): Promise<void>;
}

/** TCP connections at a time, more than a service accepts: the rest waits for nothing. */
const MAX_TCP_CONNECTIONS = 2048;
/** For a request of HTTP to arrive as a whole, in milliseconds. */
const REQUEST_MS = 10_000;
/** For a connection that ends to be gone, in milliseconds: its other side may never end, or never read what was sent. */
const END_MS = 10_000;
/** The same where the listener itself ends, which waits for it. */
const STOP_MS = 1000;
/** Bytes of all headers of a request. */
const MAX_HEADER_BYTES = 8192;

/**
 * Listens for WebSockets of pages, on the loopback address alone. Who may connect the service decides, by the origin that the browser names;
 * the name of the host must be a loopback one, so that no page of another site gets here by a name that leads to this machine.
 *
 * @throws reader-unavailable (the port is taken), no-access (a port below 1024), comm-error
 */
export async function listenPages(options: ListenPagesOptions): Promise<PagesListener> {
  // Loaded when pages are served: no other part of the package needs it.
  const { WebSocketServer } = await import("ws");
  const { name } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: options.maxMessageBytes,
    perMessageDeflate: false,
  });
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: REQUEST_MS,
    headersTimeout: REQUEST_MS,
    connectionsCheckingInterval: REQUEST_MS,
  });
  server.maxConnections = MAX_TCP_CONNECTIONS;
  // A program that does not read its answers. A WebSocket has no such limit.
  server.timeout = REQUEST_MS;
  const open = new Set<Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.setNoDelay(true);
    socket.once("close", () => open.delete(socket));
  });
  server.on("request", (request, response) => {
    const type = { "content-type": "text/plain" };
    if (!isForLoopback(request)) response.writeHead(403, type).end(`scard ${name}: ${FOREIGN_HOST}\n`);
    else if (options.answer !== undefined) options.answer(request, response);
    else response.writeHead(404, type).end(`scard ${name}: pages connect by WebSocket\n`);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const { origin } = request.headers;
    const refusal = isForLoopback(request)
      ? options.service.refusal(origin)
      : ({ status: 403, reason: FOREIGN_HOST } as const);
    if (refusal?.status === 403 || origin === undefined) {
      refuse(socket, `scard ${name}: ${refusal?.reason ?? "the origin is missing"}\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      // A page cannot read the status of HTTP, so a listed origin is told in the words of a WebSocket.
      if (refusal === undefined) serve(webSocket, socket, origin, options.service);
      else end(webSocket, socket, closeCodes.tooMany, refusal.reason);
      // A frame that is refused: ws has told the page with a close code, and reads no further.
      webSocket.on("error", () => endWithin(socket, END_MS));
    });
  });
  const port = await listen(server, options);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // What was sent before, such as why a connection ends, still goes out.
        for (const socket of open) {
          endWithin(socket, STOP_MS);
          socket.destroySoon();
        }
      }),
  };
}

/** However a connection ends, it is gone after so many milliseconds. */
function endWithin(socket: Socket, milliseconds: number): void {
  const late = setTimeout(() => socket.destroy(), milliseconds).unref();
  socket.once("close", () => clearTimeout(late));
}

function end(webSocket: WebSocket, socket: Socket, code: number, reason: string): void {
  // A connection that is paused does not see the answer to its end.
  webSocket.resume();
  webSocket.close(code, Buffer.from(reason).subarray(0, MAX_REASON_BYTES).toString());
  endWithin(socket, END_MS);
}

function serve(webSocket: WebSocket, socket: Socket, origin: string, service: PageService): void {
  const pipe: PagePipe = {
    // Without the port that a browser does not write.
    address: new URL(`ws://${LOOPBACK_HOST}:${socket.localPort}`).host,
    send: (message) => webSocket.send(message, () => events.drained()),
    get waitingBytes() {
      return webSocket.bufferedAmount;
    },
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    close: (code, reason) => end(webSocket, socket, code, reason),
  };
  const events = service.accept(origin, pipe);
  webSocket.on("message", (data, isBinary) => {
    if (isBinary && data instanceof Uint8Array) {
      events.received(data);
      return;
    }
    // What follows the text in the socket is not served.
    void events.closed();
    pipe.close(closeCodes.malformed, "messages are binary");
  });
  webSocket.on("error", () => void events.closed());
  webSocket.on("close", () => void events.closed());
}

/** RFC 6455, 5.5: a control frame has 125 bytes, and two of them are the code. A character may be cut: three bytes are kept for it. */
const MAX_REASON_BYTES = 120;

function refuse(socket: Socket, text: string): void {
  endWithin(socket, END_MS);
  socket.end(
    `HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
  );
  // The other side may keep its half open.
  socket.destroySoon();
}

/** Why a request is refused that names another host. */
const FOREIGN_HOST = "this host is not served";

/** A name of another site that leads to this machine is not served: DNS rebinding. */
function isForLoopback({ headers }: IncomingMessage): boolean {
  return /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/i.test(headers.host ?? "");
}

function listen(server: Server, { port, taken }: ListenPagesOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, port, taken)));
    server.listen({ host: LOOPBACK_HOST, port }, () => {
      // The system could not accept a connection (no file descriptor is free, for one). The next may do.
      server.removeAllListeners("error").on("error", () => undefined);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, port: number, taken: string): SmartCardError {
  const details = { operation: "listen" };
  const where = `port ${port} of ${LOOPBACK_HOST}`;
  if (error.code === "EADDRINUSE")
    return new SmartCardError("reader-unavailable", `${where} is taken: ${taken}`, details, { cause: error });
  if (error.code === "EACCES")
    return new SmartCardError("no-access", `${where} is reserved: choose a port from 1024 on`, details, {
      cause: error,
    });
  return new SmartCardError("comm-error", `cannot listen on ${where}: ${error.message}`, details, { cause: error });
}
