// SPDX-License-Identifier: MIT

// The Web Smart Card API in a real browser, through the bridge: the file that is published, and the samples as they are.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { embeddedManager, softwareCard } from "../../src/entry/software.ts";
import { type BridgeNotice, BridgeService } from "../../src/faces/bridge-server/index.ts";
import type { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { bridgeCrypto, listenBridge } from "../../src/platform/node/bridge/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { MemoryOrigins } from "../bridge/stage.ts";
import { PATIENCE_MS } from "../patience.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const headless: PeerProgram = {
  name: "chromium-headless-shell",
  remedy: "On Debian: sudo apt-get install chromium-headless-shell",
  probe: () => undefined,
};

const files: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["bridge", "bridge-extensions", "bridge-pairing"].map((name) => [`/${name}.js`, `dist/bundle/page/${name}.js`]),
  ),
  ...Object.fromEntries(
    ["transmit", "transaction", "readers"].map((name) => [`/${name}.js`, `test/web/samples/${name}.js`]),
  ),
};

/** A site of its own, with the published client and the samples. */
async function serveSite() {
  const server = createServer(async (request, response) => {
    const file = files[request.url ?? ""];
    if (file === undefined) response.setHeader("content-type", "text/html").end("<!doctype html><title>site</title>");
    else response.setHeader("content-type", "text/javascript").end(await readFile(`${root}${file}`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, close: () => server.close() };
}

describePeer(headless, (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, chromiumSandbox: false, headless: true, timeout: PATIENCE_MS });
  }, PATIENCE_MS);
  afterAll(() => browser?.close(), PATIENCE_MS);

  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function plugIn(manager: EmbeddedManager, name: string): Promise<void> {
    const reader = new VirtualReader({ clock: nodeRuntime().clock, name });
    reader.insert(await softwareCard("demo"));
    await manager.addReader(reader);
  }

  /** A bridge over a virtual reader, and a page of a site that it lists. The page answers the browser's own prompt with the code. */
  async function stage() {
    const site = await serveSite();
    const manager = embeddedManager({ profile: "pcsclite" });
    await plugIn(manager, "Desk");
    const { clock, random } = nodeRuntime();
    const notices: BridgeNotice[] = [];
    const service = new BridgeService({
      manager: manager.client({ name: "bridge" }),
      ...{ clock, random },
      origins: new MemoryOrigins([{ origin: site.origin, pairings: [] }]),
      crypto: bridgeCrypto,
      notice: (notice) => void notices.push(notice),
    });
    const listener = await listenBridge({ port: 0, service });
    const url = `ws://127.0.0.1:${listener.port}`;
    const context = await browser.newContext();
    ends.push(
      () => manager.close(),
      () => site.close(),
      () => listener.close(),
      () => service.close(),
      () => context.close(),
    );
    const code = (): string => {
      const shown = notices.findLast((notice) => notice.kind === "pairing-code");
      return shown?.kind === "pairing-code" ? shown.code : "";
    };
    const open = async (): Promise<Page> => {
      const page = await context.newPage();
      page.on("dialog", (dialog) => void dialog.accept(code()));
      await page.goto(`${site.origin}/`);
      return page;
    };
    return { manager, service, notices, url, code, open };
  }

  /** Runs a sample as it is, with the bridge in the place of navigator.smartCard. */
  function runSample(page: Page, url: string, name: string): Promise<string[]> {
    return page.evaluate(
      `(async () => {
        const { smartCard } = await import("/bridge.js");
        Object.defineProperty(navigator, "smartCard", { value: smartCard({ url: ${JSON.stringify(url)} }), configurable: true });
        const sample = await import("/${name}.js");
        const lines = [];
        await sample.${name}Sample((line) => { lines.push(line); globalThis.told?.(line); });
        return lines;
      })()`,
    );
  }

  test("the samples run as they are, and the page is paired once", { timeout: PATIENCE_MS }, async () => {
    const { manager, notices, open, url } = await stage();
    const page = await open();
    expect(await runSample(page, url, "transmit")).toEqual(["reader: Desk", "protocol: t1", "answer: 90 00"]);
    expect(await runSample(page, url, "transaction")).toEqual([
      ...["answer: 144 0", "answer: 106 130", "the transaction has ended"],
      "RangeError: the callback has failed",
    ]);
    const other = await open();
    await other.exposeFunction("told", (line: string) => {
      if (line.startsWith("readers:")) setTimeout(() => void plugIn(manager, "Wall"), 50);
    });
    expect(await runSample(other, url, "readers")).toEqual(["readers: Desk", "new: Wall"]);
    expect(notices.map(({ kind }) => kind)).toEqual(["pairing-code", "paired"]);
  });

  test("a worker uses the pairing of its page", { timeout: PATIENCE_MS }, async () => {
    const { open, url } = await stage();
    const page = await open();
    await runSample(page, url, "transmit");
    const worker = `import { smartCard } from "/bridge.js";
      const context = await smartCard({ url: ${JSON.stringify(url)} }).establishContext();
      postMessage(await context.listReaders());`;
    const readers = await page.evaluate(
      `new Promise((resolve, reject) => {
        const source = ${JSON.stringify(worker)}.replace("/bridge.js", location.origin + "/bridge.js");
        const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      })`,
    );
    expect(readers).toEqual(["Desk"]);
  });

  test("errors are those of the page: classes, names, the signal's reason", { timeout: PATIENCE_MS }, async () => {
    const { open, url } = await stage();
    const page = await open();
    const told = await page.evaluate(`(async () => {
      const { bridgedSmartCard, SmartCardError } = await import("/bridge.js");
      const context = await bridgedSmartCard({ url: ${JSON.stringify(url)} }).establishContext();
      const failure = (promise) => promise.then(() => "it succeeds", (error) => error);
      const unknown = await failure(context.connect("no such reader", "shared", { preferredProtocols: ["t1"] }));
      const wrong = await failure(context.connect("Desk", "alone"));
      const reason = {};
      const aborted = await failure(context.getStatusChange([], { signal: AbortSignal.abort(reason) }));
      const lost = await failure(bridgedSmartCard({ url: "ws://127.0.0.1:9" }).establishContext());
      return [
        unknown instanceof SmartCardError && unknown instanceof DOMException && unknown.responseCode,
        unknown.name, wrong instanceof TypeError, aborted === reason, lost.responseCode,
      ];
    })()`);
    expect(told).toEqual(["unknown-reader", "SmartCardError", true, true, "no-service"]);
  });

  test("what this package adds to the API works in a page that asks for it", { timeout: PATIENCE_MS }, async () => {
    const { open, url } = await stage();
    const page = await open();
    const told = await page.evaluate(`(async () => {
      const { bridgedSmartCard } = await import("/bridge.js");
      const context = await bridgedSmartCard({ url: ${JSON.stringify(url)}, extensions: true }).establishContext();
      const kinds = [];
      for await (const { kind } of context.watch()) {
        kinds.push(kind);
        if (kind === "state-complete") break;
      }
      const { connection } = await context.connect("Desk", "shared", { preferredProtocols: ["t1"], timeout: 5000 });
      const { sw } = await connection.send({ cla: 0, ins: 0xa4, p1: 0, p2: 12, data: Uint8Array.of(0x3f, 0) });
      const reason = {};
      const aborted = await connection.status({ signal: AbortSignal.abort(reason) }).catch((error) => error === reason);
      const { activeProtocol } = await connection.reconnect();
      await connection[Symbol.asyncDispose]();
      const ended = await connection.status().catch(({ name }) => name);
      await context[Symbol.asyncDispose]();
      return [kinds, sw, aborted, activeProtocol, ended, await context.listReaders().catch(({ name }) => name)];
    })()`);
    expect(told).toEqual([
      ["reader-arrived", "card-inserted", "state-complete"],
      ...[0x9000, true, "t1", "InvalidStateError", "InvalidStateError"],
    ]);
  });

  test("a program that has the bridge's port and says nothing holds no page up", { timeout: PATIENCE_MS }, async () => {
    const { open } = await stage();
    const silent = createTcpServer().listen(0, "127.0.0.1");
    const connected = once(silent, "connection");
    await once(silent, "listening");
    ends.push(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const page = await open();
    await page.clock.install();
    await page.evaluate(`import("/bridge.js").then(({ smartCard }) => {
      globalThis.outcome = smartCard({ url: "ws://127.0.0.1:${port}" }).establishContext().catch(({ responseCode, message }) => [responseCode, message]);
    })`);
    const [socket] = (await connected) as [Socket];
    socket.on("error", () => undefined);
    await page.clock.fastForward(10_000);
    expect(await page.evaluate("outcome")).toEqual(["no-service", expect.stringContaining("within 10 s")]);
    socket.destroy();
  });

  test("the browser's own navigator.smartCard comes first", { timeout: PATIENCE_MS }, async () => {
    const { open } = await stage();
    const page = await open();
    const isOwn = await page.evaluate(`(async () => {
      const own = { establishContext() {} };
      Object.defineProperty(navigator, "smartCard", { value: own });
      const { bridgedSmartCard, smartCard } = await import("/bridge.js");
      return [smartCard() === own, bridgedSmartCard() === own];
    })()`);
    expect(isOwn).toEqual([true, false]);
  });

  test("a tab that is closed in the middle of a transaction: the card is reset, the lock free", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { manager, open, service, url } = await stage();
    const page = await open();
    const own = await manager.client({ name: "another program" }).establishContext();
    const connection = await own.connect("Desk", { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
    await page.evaluate(`(async () => {
      const { smartCard } = await import("/bridge.js");
      const context = await smartCard({ url: ${JSON.stringify(url)} }).establishContext();
      const { connection } = await context.connect("Desk", "shared", { preferredProtocols: ["t0", "t1"] });
      await new Promise((resolve) => void connection.startTransaction(() => { resolve(); return new Promise(() => {}); }));
    })()`);
    const waiting = connection.beginTransaction().then(
      () => "begun",
      (error: { readonly code?: string }) => error.code,
    );
    await page.close();
    expect(await waiting).toBe("reset-card");
    await connection.reconnect({ shareMode: "shared", preferredProtocols: ["t0", "t1"], initialization: "leave" });
    await connection.beginTransaction();
    await connection.endTransaction();
    await expect.poll(() => service.size, { message: "nothing of the tab is left" }).toBe(0);
  });

  test("a page of an origin that is not listed gets nothing", { timeout: PATIENCE_MS }, async () => {
    const { open, notices, url } = await stage();
    const page = await open();
    const evil = await serveSite();
    ends.push(() => evil.close());
    await page.goto(`${evil.origin}/`);
    const code = await page.evaluate(`(async () => {
      const { smartCard } = await import("/bridge.js");
      return smartCard({ url: ${JSON.stringify(url)} }).establishContext().catch((error) => error.responseCode);
    })()`);
    expect(code).toBe("no-service");
    expect(notices).toEqual([{ kind: "refused", origin: evil.origin, reason: "it is not listed" }]);
  });
});
