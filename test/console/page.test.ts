// SPDX-License-Identifier: MIT

// The page of `scard console` in a real browser, over a real daemon. SCARD_SCREENSHOTS=1 writes the pictures in docs/images anew.

import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { servedPage } from "../../src/apps/cli/served-page.ts";
import { type AskDaemon, ConsoleService } from "../../src/apps/console/index.ts";
import { listenPages } from "../../src/platform/node/pages/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { desktop, overflowOf, problemsOf, settings } from "../browser/axe.ts";
import { PATIENCE_MS } from "../patience.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { client, consoleProgram, daemonStage, waitsForLock } from "./stage.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pictures = process.env.SCARD_SCREENSHOTS === "1" ? `${root}docs/images` : undefined;

const headless: PeerProgram = {
  name: "chromium-headless-shell",
  remedy: "On Debian: sudo apt-get install chromium-headless-shell",
  probe: () => undefined,
};

describePeer(headless, (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, chromiumSandbox: false, headless: true, timeout: PATIENCE_MS });
  }, PATIENCE_MS);
  afterAll(() => browser?.close(), PATIENCE_MS);

  /** A browser at an address. */
  async function opened(url: string, options: BrowserContextOptions = desktop) {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(PATIENCE_MS);
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const said: string[] = [];
    page.on("console", (message) => void said.push(message.text()));
    page.on("pageerror", (error) => void said.push(error.message));
    await page.goto(url);
    return { context, page, said };
  }

  /** A daemon, its console, and a browser that is at the page. */
  async function stage(options: BrowserContextOptions = desktop) {
    const daemon = await daemonStage();
    const program = await consoleProgram(daemon.control);
    const [url = ""] = program.urls();
    return { ...daemon, ...program, url, ...(await opened(url, options)) };
  }

  const readerIn = (page: Page, name: string) => page.getByRole("article", { name });

  test("who holds a card and who waits for it is shown, and the token stays nowhere", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { context, page, said, socket, url } = await stage();
    const desk = readerIn(page, "Desk");
    await desk.locator("dd").first().getByText("card with T=0 and T=1").waitFor();
    await readerIn(page, "Shelf").getByText("no card").waitFor();
    const [a, b] = await Promise.all([client(socket), client(socket)]);
    await a.do("begin");
    await desk.locator(".holder").getByText(`(pid ${a.pid}) for`).waitFor();
    b.start("begin");
    await desk.getByText(`(pid ${b.pid}): begin, for`).waitFor();
    await a.do("end");
    await desk.locator(".holder").getByText(`(pid ${b.pid}) for`).waitFor();
    await page.getByRole("status").getByText("held by").waitFor();
    const { hash, origin } = new URL(url);
    const kept = [await context.storageState(), await page.evaluate("JSON.stringify(sessionStorage)"), page.url()];
    expect(JSON.stringify([await page.content(), kept, said])).not.toContain(hash.slice(1));
    expect(page.url()).toBe(`${origin}/`);
    expect(said).toEqual([]);
  });

  test("a card is ejected when that is confirmed, and another is inserted", { timeout: PATIENCE_MS }, async () => {
    const { page, said } = await stage();
    const desk = readerIn(page, "Desk");
    await desk.getByRole("button", { name: "Eject" }).click();
    await desk.getByRole("button", { name: "No", exact: true }).click();
    await desk.getByRole("button", { name: "Eject" }).click();
    await desk.getByRole("button", { name: "Yes", exact: true }).click();
    await desk.getByText("no card").waitFor();
    await page.getByRole("status").getByText("Desk: the card is out").or(page.getByText("Ejected: Desk")).waitFor();
    await desk.getByLabel("Card to insert").fill("nothing");
    await desk.getByRole("button", { name: "Insert" }).click();
    await page.getByRole("alert").getByText("Desk: ").waitFor();
    await desk.getByLabel("Card to insert").fill("piv");
    await desk.getByLabel("Card to insert").press("Enter");
    await desk.getByText("no card").waitFor({ state: "detached" });
    expect(said).toEqual([]);
  });

  test("a wrong and a used token show nothing but how to get in; a reload is let in", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { page, url } = await stage();
    await readerIn(page, "Desk").waitFor();
    const { page: other } = await opened(url);
    await other.getByRole("heading", { name: "This page is not let in" }).waitFor();
    const { page: wrong } = await opened(`${new URL(url).origin}/#${"A".repeat(43)}`);
    await wrong.getByRole("alert").getByText("the token is wrong or was used").waitFor();
    for (const one of [other, wrong]) expect(await one.getByRole("article").count()).toBe(0);
    await page.reload();
    await readerIn(page, "Desk").waitFor();
  });

  test("a page says that the daemon has gone, and goes on when it is back", { timeout: PATIENCE_MS }, async () => {
    const { daemon, page, start } = await stage();
    await readerIn(page, "Desk").waitFor();
    await daemon.program.end("SIGKILL");
    await page.getByRole("alert").getByText("The daemon does not answer").waitFor();
    expect(await page.getByRole("article").count()).toBe(0);
    await start();
    await readerIn(page, "Desk").waitFor();
    await page.getByRole("status").getByText("The daemon is back").waitFor();
  });

  test("the time line says who waited behind whom", { timeout: PATIENCE_MS }, async () => {
    const { control, page, said, socket } = await stage();
    const [a, b] = await Promise.all([client(socket), client(socket)]);
    const locks = page.getByRole("list", { name: "Locks" });
    await readerIn(page, "Desk").waitFor();
    await a.do("begin");
    await locks.getByText(`(pid ${a.pid}) holds the lock for`).waitFor();
    b.start("begin");
    await locks.getByText(new RegExp(`pid ${b.pid}\\) waits behind .*pid ${a.pid}\\)`)).waitFor();
    await a.do("end");
    await locks.getByText(new RegExp(`pid ${b.pid}\\) waited .* behind .*pid ${a.pid}\\)`)).waitFor();
    await locks.getByText(`(pid ${a.pid}) held the lock for`).waitFor();
    await locks.getByText(`(pid ${b.pid}) holds the lock for`).waitFor();
    await page.getByRole("img", { name: "Time line" }).waitFor();
    expect(await page.locator("rect.waited").count()).toBeGreaterThan(0);
    await b.do("end");
    // What is over before the daemon is asked again is there too, also for a page that is opened afterwards.
    b.start("begin");
    await b.answer("begin");
    a.start("begin");
    await waitsForLock(control, a.pid);
    await b.do("end");
    await a.answer("begin");
    await a.do("end");
    await locks.getByText(new RegExp(`pid ${a.pid}\\) waited .* behind .*pid ${b.pid}\\)$`)).waitFor();
    await page.reload();
    await locks.getByText(new RegExp(`pid ${a.pid}\\) waited .* behind .*pid ${b.pid}\\)$`)).waitFor();
    expect(said).toEqual([]);
  });

  test("a client is cut off, and a card reset, when that is confirmed", { timeout: PATIENCE_MS }, async () => {
    const { page, said, socket } = await stage();
    const desk = readerIn(page, "Desk");
    const [a, b] = await Promise.all([client(socket), client(socket)]);
    await a.do("begin");
    const cut = desk.getByRole("button", { name: new RegExp(`Disconnect .*pid ${a.pid}`) });
    await cut.click();
    await desk.getByText(/Cut .* off from all readers/).waitFor();
    await desk.getByRole("button", { name: "No", exact: true }).click();
    await cut.click();
    await desk.getByRole("button", { name: "Yes", exact: true }).click();
    await desk.locator(".holder").waitFor({ state: "detached" });
    await cut.waitFor({ state: "detached" });
    expect(await a.do("send 00A40000")).not.toBe("send done");
    await desk.getByRole("button", { name: "Reset" }).click();
    await desk.getByRole("button", { name: "Yes", exact: true }).click();
    await page.getByRole("status").getByText("Reset: Desk").waitFor();
    expect(await b.do("send 00A40000")).toBe("send reset-card");
    expect(said).toEqual([]);
  });

  test("the tools explain an ATR and data objects, and refuse others", { timeout: PATIENCE_MS }, async () => {
    const { page, said } = await stage();
    await page.getByLabel("ATR", { exact: true }).fill("3B8D8011FE8031F873F721606573636172646C");
    const atr = page.getByRole("region", { name: "Answer to reset" });
    await atr.getByText("direct convention").waitFor();
    await page.getByLabel("ATR", { exact: true }).fill("3B8");
    await atr.getByText("pairs of hexadecimal digits").waitFor();
    const tlv = page.getByRole("region", { name: "BER-TLV" });
    await page.getByLabel("Data objects").fill("6F0A 8408A000000003000000");
    await tlv.getByText("84 8 bytes: A0 00 00 00 03 00 00 00").waitFor();
    await page.getByLabel("Data objects").fill("6F0A84");
    await tlv.getByText("No BER-TLV").waitFor();
    expect(said).toEqual([]);
  });

  /** A console over a daemon that answers as the test says. */
  async function scripted(ask: AskDaemon, options: BrowserContextOptions = desktop) {
    let origin: string | undefined;
    const service = new ConsoleService({ ...nodeRuntime(), ask, origin: () => origin, tokenUsed: () => undefined });
    const listener = await listenPages({
      ...{ name: "console", port: 0, taken: "", maxMessageBytes: 65_536, service },
      answer: await servedPage("console"),
    });
    onTestFinished(async () => {
      service.close();
      await listener.close();
    });
    origin = `http://127.0.0.1:${listener.port}`;
    return opened(`${origin}/#${service.newToken()}`, options);
  }

  const HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>\u202e\u001b[31m';

  /** A daemon whose readers and clients have names that attack the page. */
  const hostile: AskDaemon = async ({ command }) => {
    const client = { name: HOSTILE, pid: 4711, uid: 1000 };
    const reader = {
      ...{ name: `Desk ${HOSTILE}`, id: "desk", eventCount: 1 },
      card: { atr: "3B00", powered: true, mute: false, protocol: undefined },
      connections: [{ client, shareMode: "shared", protocol: undefined, connectedMs: 5 }],
      lock: { client, heldMs: 1200, depth: 1, lastExchangeMs: undefined },
      queue: [{ client, operation: HOSTILE, waitingMs: 10 }],
      virtual: true,
    };
    const daemon = { pid: 1, profile: "pcsclite", runningMs: 1000, knowsClients: true, sessions: 1 };
    const span = { client, reader: `Desk ${HOSTILE}`, from: Date.now() - 9000, to: Date.now() - 1000 };
    const over = [{ ...span, kind: "held" }] as const;
    const answers = {
      who: { daemon, readers: [reader], clients: [] },
      locks: { over, open: [], last: 1, missed: 0 },
    };
    return ((answers as Record<string, unknown>)[command] ?? {}) as never;
  };

  test("names of readers and programs are text, whatever is in them", { timeout: PATIENCE_MS }, async () => {
    const { page, said } = await scripted(hostile);
    await page.locator(".holder").getByText("<img src=x").waitFor();
    await page.getByRole("list", { name: "Locks" }).getByText("<img src=x").waitFor();
    await page.getByRole("button", { name: "Eject" }).click();
    await page.getByRole("button", { name: "Yes", exact: true }).click();
    await page.getByRole("status").getByText("Ejected").waitFor();
    expect(await page.locator("img, #page script").count()).toBe(0);
    expect(await page.title()).toBe("Smart cards: scard console");
    const content = await page.content();
    for (const character of ["\u202e", "\u001b"]) expect(content).not.toContain(character);
    expect(said).toEqual([]);
  });

  test.each(settings)("axe finds nothing serious: $name", { timeout: PATIENCE_MS }, async ({ name, options }) => {
    const { page, socket } = await stage(options);
    const [a, b] = await Promise.all([client(socket), client(socket)]);
    await a.do("begin");
    b.start("begin");
    await readerIn(page, "Desk").getByText(": begin, for").waitFor();
    await readerIn(page, "Desk").getByText("ATR 3B").click();
    expect(await problemsOf(page)).toEqual([]);
    expect(await overflowOf(page), "nothing is wider than the page").toBe(0);
    if (pictures === undefined || !["desktop-light", "phone-dark"].includes(name)) return;
    await page.screenshot({ path: `${pictures}/console-${name}.png` });
  });
});
