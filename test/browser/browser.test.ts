// SPDX-License-Identifier: MIT

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PATIENCE_MS } from "../patience.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import type { PageResult } from "./page.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const chromium: PeerProgram = {
  name: "chromium-headless-shell",
  remedy: "On Debian: sudo apt-get install chromium-headless-shell",
  probe: () => undefined,
};

const HTML = '<!doctype html><meta charset="utf-8"><script type="module" src="/test/browser/page.js"></script>';

/** Serves a folder of modules and the page on loopback, and takes the page's result. */
async function serve(folder: string) {
  let told = (_result: unknown): void => {};
  const result = new Promise<unknown>((resolve) => {
    told = resolve;
  });
  const server = createServer(async (request, response) => {
    if (request.method === "POST") {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part);
      told(JSON.parse(Buffer.concat(parts).toString("utf8")));
      response.end();
    } else if (request.url === "/") {
      response.setHeader("content-type", "text/html").end(HTML);
    } else {
      const { pathname } = new URL(request.url ?? "", "http://127.0.0.1");
      const module = await readFile(join(folder, pathname)).catch(() => undefined);
      if (module === undefined) response.writeHead(404).end();
      else response.setHeader("content-type", "text/javascript").end(module);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { result, url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}

describePeer(chromium, (path) => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "scard-browser-"));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.browser.json"), "--outDir", folder]);
  }, PATIENCE_MS);
  afterAll(() => rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 100 }));

  test("a page drives a USB reader over WebUSB: the same driver and manager", { timeout: PATIENCE_MS }, async () => {
    const { close, result, url } = await serve(folder);
    const flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0"];
    const profile = `--user-data-dir=${join(folder, "profile")}`;
    const browser = spawn(path, [...flags, profile, url], { stdio: ["ignore", "ignore", "pipe"], detached: true });
    let said = "";
    browser.stderr.on("data", (part: Buffer) => {
      said += part.toString("utf8");
    });
    const ended = once(browser, "exit").then(() => {
      throw new Error(`the browser ended before the page had told its result: ${said}`);
    });
    try {
      const told = (await Promise.race([result, ended])) as PageResult;
      expect(told.error).toBeUndefined();
      expect(told).toMatchObject({
        agent: expect.stringContaining("Chrome"),
        hasNode: false,
        readers: ["Gemalto PC Twin Reader (M0001) 00 00"],
        states: ["ours"],
        protocol: "t1",
        answers: [
          [5, 0x9000],
          [255, 0x9000],
          [256, 0x9000],
        ],
        echo: [1, 2, 3],
        removal: expect.objectContaining({ empty: true }),
        insertion: expect.objectContaining({ present: true }),
        afterUnplug: [],
        afterReplug: told.readers,
      });
      expect(told.atr.slice(0, 2)).toEqual([0x3b, 0xd5]);
    } finally {
      ended.catch(() => {});
      // Its helpers, too, which write to the profile: all are in its group.
      if (browser.pid !== undefined && browser.exitCode === null) process.kill(-browser.pid, "SIGKILL");
      close();
    }
  });
});
