// SPDX-License-Identifier: MIT

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type ErrorCode, SmartCardError } from "../../port/index.ts";

/** Connections that are served at once: a scraper needs one. */
const MAX_CONNECTIONS = 16;
/** How long a request may take to come in, in milliseconds. */
const REQUEST_MS = 5000;
/** Bytes of all headers of a request. */
const MAX_HEADER_BYTES = 8192;

const LOOPBACK = "127.0.0.1";

/** The content type of the text format. */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A server that is listening. */
export interface MetricsServer {
  /** Where it listens: a port or a path. */
  readonly at: number | string;
  close(): Promise<void>;
}

/**
 * Serves `GET /metrics` to scrapers on this machine: on the loopback address, or on a Unix socket. A request whose `Host` is another
 * name is refused, so that no page in a browser can read it through a name of its own.
 *
 * @param at a port, 0 for any free one, or the path of a socket
 * @param text is asked for the metrics
 * @throws sharing-violation (it is taken), no-access, comm-error
 */
export async function serveMetrics(at: number | string, text: () => Promise<string>): Promise<MetricsServer> {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: REQUEST_MS,
    },
    (request, response) => {
      void answer(request, response, text);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on("clientError", (_, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(failure(at, error)));
    const listening = (): void => resolve();
    if (typeof at === "number") server.listen(at, LOOPBACK, listening);
    else server.listen(at, listening);
  });
  const address = server.address();
  return {
    at: typeof address === "object" && address !== null ? address.port : at,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, text: () => Promise<string>): Promise<void> {
  const refuse = (status: number, reason: string): void => {
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
    response.end(`${reason}\n`);
  };
  if (!isLocal(request.headers.host)) return refuse(421, "only for localhost");
  if (request.url !== "/metrics") return refuse(404, "only /metrics is here");
  if (request.method !== "GET") return refuse(405, "only GET");
  if (request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined)
    return refuse(413, "a request has no body");
  try {
    const body = Buffer.from(await text());
    response.writeHead(200, {
      "content-type": CONTENT_TYPE,
      "content-length": body.length,
      "cache-control": "no-store",
    });
    response.end(body);
  } catch {
    refuse(500, "the metrics cannot be made");
  }
}

/** `localhost`, 127.0.0.1 or ::1, with any port. */
function isLocal(host: string | undefined): boolean {
  return host !== undefined && /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(host);
}

const codes: Readonly<Record<string, ErrorCode>> = {
  EADDRINUSE: "sharing-violation",
  EACCES: "no-access",
  EPERM: "no-access",
};

function failure(at: number | string, error: NodeJS.ErrnoException): SmartCardError {
  const where = typeof at === "number" ? `${LOOPBACK}:${at}` : at;
  const message = `metrics cannot be served on ${where}: ${error.message}`;
  return new SmartCardError(codes[String(error.code)] ?? "comm-error", message, {}, { cause: error });
}
