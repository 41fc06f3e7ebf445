// SPDX-License-Identifier: MIT

// Readers of the page itself, between the browser's own API and the bridge: the published files, in a page and in a worker of a real browser.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { embeddedManager, softwareCard } from "../../src/entry/software.ts";
import { type BridgeNotice, BridgeService } from "../../src/faces/bridge-server/index.ts";
import { bridgeCrypto, listenBridge } from "../../src/platform/node/bridge/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { MemoryOrigins } from "../bridge/stage.ts";
import { PATIENCE_MS } from "../patience.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import type { UsbPageResult } from "./usb-page.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const headless: PeerProgram = {
  name: "chromium-headless-shell",
  remedy: "On Debian: sudo apt-get install chromium-headless-shell",
  probe: () => undefined,
};

describePeer(headless, (executablePath) => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scard-usb-page-"));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.browser.json"), "--outDir", folder]);
    browser = await chromium.launch({ executablePath, chromiumSandbox: false, headless: true, timeout: PATIENCE_MS });
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 100 });
  }, PATIENCE_MS);

  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  /** A site with the published files and the page of the test, and a bridge with the reader "Desk" that lists it. */
  async function stage() {
    const loaded: string[] = [];
    const site = createServer(async (request, response) => {
      const { pathname } = new URL(request.url ?? "", "http://127.0.0.1");
      loaded.push(pathname);
      const place = /^\/bridge[-a-z]*\.js$/.test(pathname) ? join(root, "dist/bundle/page") : folder;
      const module = pathname === "/" ? undefined : await readFile(join(place, pathname)).catch(() => undefined);
      if (module === undefined)
        response.setHeader("content-type", "text/html").end("<!doctype html><title>site</title>");
      else response.setHeader("content-type", "text/javascript").end(module);
    });
    site.listen(0, "127.0.0.1");
    await once(site, "listening");
    const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
    const { clock, random } = nodeRuntime();
    const manager = embeddedManager();
    const reader = new VirtualReader({ clock, name: "Desk" });
    reader.insert(await softwareCard("demo"));
    await manager.addReader(reader);
    const notices: BridgeNotice[] = [];
    const service = new BridgeService({
      manager: manager.client({ name: "bridge" }),
      ...{ clock, random, crypto: bridgeCrypto },
      origins: new MemoryOrigins([{ origin, pairings: [] }]),
      notice: (notice) => void notices.push(notice),
    });
    const listener = await listenBridge({ port: 0, service });
    const page = await browser.newPage();
    page.on("dialog", (dialog) => {
      const shown = notices.findLast((notice) => notice.kind === "pairing-code");
      void dialog.accept(shown?.kind === "pairing-code" ? shown.code : "");
    });
    ends.push(
      () => manager.close(),
      () => site.close(),
      () => listener.close(),
      () => service.close(),
      () => page.close(),
    );
    await page.goto(`${origin}/`);
    return { loaded, notices, origin, page, url: `ws://127.0.0.1:${listener.port}` };
  }

  const expected = {
    readers: ["Gemalto PC Twin Reader (M0001) 00 00"],
    answer: [expect.any(Number), expect.any(Number), expect.any(Number), expect.any(Number), 0x90, 0],
    inTransaction: 6,
    failure: [true, "unknown-reader"],
    afterUnplug: ["Desk"],
  };

  test("a page uses its own reader by WebUSB, and the bridge when it has gone", { timeout: PATIENCE_MS }, async () => {
    const { loaded, notices, page, url } = await stage();
    const told = (await page.evaluate(
      `import("/test/browser/usb-page.js").then(() => usbPage(${JSON.stringify(url)}))`,
    )) as UsbPageResult;
    expect(told.error).toBeUndefined();
    expect(told).toEqual({ isPage: true, ...expected });
    // The bridge was asked only when the page had no reader of its own.
    expect(notices.map(({ kind }) => kind)).toEqual(["pairing-code", "paired"]);
    expect(loaded.filter((path) => path.startsWith("/bridge"))).toEqual([
      ...["/bridge.js", "/bridge-usb.js", "/bridge-pairing.js"],
    ]);
  });

  test("and so does a worker", { timeout: PATIENCE_MS }, async () => {
    const { origin, page, url } = await stage();
    // Pairs the origin: a worker cannot ask.
    await page.evaluate(
      `import("/bridge.js").then(({ bridgedSmartCard }) => bridgedSmartCard({ url: ${JSON.stringify(url)} }).establishContext())`,
    );
    const source = `import "${origin}/test/browser/usb-page.js"; void usbPage(${JSON.stringify(url)});`;
    const told = (await page.evaluate(`new Promise((resolve, reject) => {
      const blob = new Blob([${JSON.stringify(source)}], { type: "text/javascript" });
      const worker = new Worker(URL.createObjectURL(blob), { type: "module" });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    })`)) as UsbPageResult;
    expect(told.error).toBeUndefined();
    expect(told).toEqual({ isPage: false, ...expected });
  });

  test("the driver is not loaded where the page does not ask for it, or the browser has no WebUSB", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { loaded, page, url } = await stage();
    const readers = await page.evaluate(`(async () => {
      const { bridgedSmartCard } = await import("/bridge.js");
      const told = [];
      const list = async (options) => {
        const bridge = bridgedSmartCard({ url: ${JSON.stringify(url)}, ...options });
        told.push(await (await bridge.establishContext()).listReaders());
        bridge.close();
      };
      Object.defineProperty(navigator, "usb", { value: {}, configurable: true });
      await list({});
      Object.defineProperty(navigator, "usb", { value: undefined, configurable: true });
      await list({ usb: true });
      return told;
    })()`);
    expect(readers).toEqual([["Desk"], ["Desk"]]);
    expect(loaded).not.toContain("/bridge-usb.js");
  });
});
