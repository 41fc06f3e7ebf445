// SPDX-License-Identifier: MIT

import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { LOOPBACK_HOST } from "../../platform/node/pages/index.ts";

/** As deep below the package from the source, from the compiled module, and from the bundle. */
const bundles = new URL("../../../dist/bundle/page/", import.meta.url);

const files = [
  { path: "/", file: "index.html", type: "text/html; charset=utf-8" },
  { path: "/page.js", file: "page.js", type: "text/javascript; charset=utf-8" },
  { path: "/page.css", file: "page.css", type: "text/css; charset=utf-8" },
] as const;

/** Nothing but the files of the page is loaded, it runs no script and no style of its text, and no other page has it in a frame. */
function headersFor(type: string, host: string): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src data:",
    `connect-src ws://${host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types lit-html",
  ];
  return {
    "content-type": type,
    "content-security-policy": policy.join("; "),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
  };
}

/** What answers requests for the page of a command. @throws ENOENT where the package was not built */
export async function servedPage(
  name: "bridge" | "console",
): Promise<(request: IncomingMessage, response: ServerResponse) => void> {
  const folder = new URL(`${name}/`, bundles);
  const contents = await Promise.all(
    files.map(async ({ file, path, type }) => [path, { type, body: await readFile(new URL(file, folder)) }] as const),
  );
  const pages = new Map<string, { readonly type: string; readonly body: Buffer }>(contents);
  return (request, response) => {
    const { host = "" } = request.headers;
    const [path = ""] = (request.url ?? "").split("?");
    const page = pages.get(path);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
    } else if (page === undefined) {
      response.writeHead(404, { "content-type": "text/plain" }).end(`scard ${name}: there is no such page\n`);
    } else if (!host.startsWith(LOOPBACK_HOST)) {
      // Another name of this machine would be another origin.
      response.writeHead(307, { location: `http://${LOOPBACK_HOST}:${request.socket.localPort}${path}` }).end();
    } else {
      response.writeHead(200, headersFor(page.type, host)).end(request.method === "HEAD" ? undefined : page.body);
    }
  };
}
