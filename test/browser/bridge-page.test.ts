// SPDX-License-Identifier: MIT

// The page that the bridge serves of its own, in a real browser. SCARD_SCREENSHOTS=1 writes the pictures in docs/images anew.

import { verify, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { servedPage } from "../../src/apps/cli/served-page.ts";
import { newPivImage, provisionPiv } from "../../src/cards/piv/index.ts";
import { VirtualReader } from "../../src/entry/cards.ts";
import { embeddedManager, softwareCard } from "../../src/entry/software.ts";
import { type BridgeNotice, BridgeService } from "../../src/faces/bridge-server/index.ts";
import { bridgeCrypto, listenBridge } from "../../src/platform/node/bridge/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { openCcidDevice } from "../../src/readers/ccid/index.ts";
import { MemoryOrigins } from "../bridge/stage.ts";
import { PATIENCE_MS } from "../patience.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { crypto, PivSession, pin } from "../piv/piv-session.ts";
import { CardLine, memoryUsb, type PinEntry, readerModel } from "../usb/models/index.ts";
import { desktop, overflowOf, problemsOf, settings } from "./axe.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pictures = process.env.SCARD_SCREENSHOTS === "1" ? `${root}docs/images` : undefined;

const headless: PeerProgram = {
  name: "chromium-headless-shell",
  remedy: "On Debian: sudo apt-get install chromium-headless-shell",
  probe: () => undefined,
};

const PIN = "739154";

async function pivCard() {
  const image = await newPivImage(crypto);
  image.pin = { ...image.pin, value: pin(PIN) };
  const period = { notBefore: "20260101000000", notAfter: "20551231235959" } as const;
  await provisionPiv(crypto, image, { slot: 0x9a, algorithm: "p256", subject: "Alice", ...period });
  await provisionPiv(crypto, image, { slot: 0x9c, algorithm: "rsa2048", subject: "Alice", ...period });
  return new PivSession(image).card;
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

  /** A bridge with its page over one virtual reader, and a browser that is at the page. */
  async function stage(options: BrowserContextOptions = desktop) {
    const manager = embeddedManager({ profile: "pcsclite" });
    const { clock, random } = nodeRuntime();
    const reader = new VirtualReader({ clock, name: "Desk" });
    await manager.addReader(reader);
    const notices: BridgeNotice[] = [];
    const origins = new MemoryOrigins([]);
    const service = new BridgeService({
      manager: manager.client({ name: "bridge" }),
      ...{ clock, random, origins },
      crypto: bridgeCrypto,
      notice: (notice) => void notices.push(notice),
    });
    const listener = await listenBridge({ port: 0, service, answer: await servedPage("bridge") });
    const origin = `http://127.0.0.1:${listener.port}`;
    origins.list = [{ origin, pairings: [] }];
    const context = await browser.newContext(options);
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const said: string[] = [];
    page.on("console", (message) => void said.push(message.text()));
    page.on("pageerror", (error) => void said.push(error.message));
    ends.push(
      () => manager.close(),
      () => listener.close(),
      () => service.close(),
      () => context.close(),
    );
    await page.goto(`${origin}/`);
    const code = async (): Promise<string> => {
      const shown = () => notices.findLast((notice) => notice.kind === "pairing-code");
      await expect.poll(shown, { message: "the bridge shows a code" }).toBeDefined();
      const notice = shown();
      return notice?.kind === "pairing-code" ? notice.code : "";
    };
    const pair = async (): Promise<void> => {
      await page.getByRole("button", { name: "Connect" }).click();
      await page.getByLabel("Pairing code").fill(await code());
      await page.getByRole("button", { name: "Pair", exact: true }).click();
      await page.getByRole("heading", { name: "Readers" }).waitFor();
    };
    return { code, context, manager, notices, origin, page, pair, reader, said };
  }

  test("it is paired like any other page, and shows readers and cards as they come and go", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { notices, page, pair, reader, said } = await stage();
    expect(await page.getByRole("button", { name: /Desk/ }).count()).toBe(0);
    await pair();
    expect(notices.map(({ kind }) => kind)).toEqual(["pairing-code", "paired"]);
    const desk = page.getByRole("button", { name: /Desk/ });
    await desk.getByText("no card").waitFor();
    reader.insert(await softwareCard("demo"));
    await desk.getByText("card inserted").waitFor();
    await page.getByRole("status").getByText("Desk: card inserted").waitFor();
    const atr = page.getByRole("region", { name: "Answer to reset" });
    await atr.getByText("direct convention").waitFor();
    expect(await atr.textContent()).toContain("T=1");
    reader.remove();
    await desk.getByText("no card").waitFor();
    expect(await atr.count()).toBe(0);
    expect(said).toEqual([]);
  });

  test("a wrong code is refused, and the page gets nothing", { timeout: PATIENCE_MS }, async () => {
    const { code, page } = await stage();
    await page.getByRole("button", { name: "Connect" }).click();
    const right = await code();
    for (const tries of ["3 tries left", "2 tries left", "the last try"]) {
      await page.getByText(tries).waitFor();
      await page.getByLabel("Pairing code").fill(right === "00000000" ? "1" : "00000000");
      await page.getByRole("button", { name: "Pair", exact: true }).click();
    }
    await page.getByRole("alert").getByText("wrong").waitFor();
    expect(await page.getByRole("heading", { name: "Readers" }).count()).toBe(0);
  });

  test("commands are shown as far as they hold no secret, and a PIN never is", { timeout: PATIENCE_MS }, async () => {
    const { context, page, pair, reader, said } = await stage();
    reader.insert(await pivCard());
    await pair();
    const command = page.getByLabel("Command APDU");
    const log = page.getByRole("log");
    const send = async (text: string, answer: string): Promise<void> => {
      await command.fill(text);
      await command.press("Enter");
      await log.getByText(answer).last().waitFor();
    };
    await send("00 A4 04 00 0B A000000308000010000100", "61 11 4F");
    expect(await log.textContent()).toContain("00 A4 04 00 0B A0 00 00 03 08");
    const digits = Buffer.from(PIN).toString("hex").toUpperCase();
    await send(`00 20 00 80 08 ${digits}FFFF`, "not shown");
    await expect.poll(() => command.inputValue(), { message: "the field is empty" }).toBe("");
    await send("00 DB 3F FF 03 AA BB CC", "00 DB 3F FF [3 bytes withheld]");
    // A mistake repeats nothing of what was typed in either.
    await command.fill("00 2");
    await command.press("Enter");
    await page.getByRole("alert").getByText("at least four bytes").waitFor();
    await command.fill("");
    await expectNoPin(page, context, said);
  });

  /** Neither the PIN nor its digits in hexadecimal are anywhere in the page, in what it keeps, in its address or on its console. */
  async function expectNoPin(page: Page, context: Awaited<ReturnType<Browser["newContext"]>>, said: string[]) {
    const kept = [await context.storageState(), await page.evaluate("JSON.stringify(sessionStorage)")];
    const fields = await page.evaluate("[...document.querySelectorAll('input')].map(({ value }) => value)");
    const all = JSON.stringify([await page.content(), fields, page.url(), kept, said])
      .replace(/\s/g, "")
      .toUpperCase();
    expect(all).not.toContain(PIN);
    expect(all).not.toContain(Buffer.from(PIN).toString("hex").toUpperCase());
  }

  test("a certificate is shown, and its key signs a challenge with the PIN", { timeout: PATIENCE_MS }, async () => {
    const { context, page, pair, reader, said } = await stage();
    reader.insert(await pivCard());
    await pair();
    await page.getByRole("button", { name: "Read certificates" }).click();
    for (const slot of ["9A", "9C"]) {
      const key = page.getByRole("article", { name: `(${slot})` });
      expect(await key.textContent()).toContain("CN=Alice");
      const certificate = new X509Certificate((await key.locator("pre").textContent()) ?? "");
      await key.getByLabel(`PIN for the key ${slot}`).fill(PIN);
      await key.getByRole("button", { name: `Sign a challenge with ${slot}` }).click();
      await key.getByText("verified with the key of the certificate").waitFor();
      const bytes = async (part: string) => Buffer.from((await key.locator(part).textContent()) ?? "", "hex");
      expect(verify("sha256", await bytes(".challenge"), certificate.publicKey, await bytes(".signature"))).toBe(true);
      await expectNoPin(page, context, said);
    }
    const key = page.getByRole("article", { name: "(9A)" });
    await key.getByLabel("PIN for the key 9A").fill("000000");
    await key.getByRole("button", { name: "Sign a challenge with 9A" }).click();
    await page.getByRole("alert").getByText("wrong-chv").waitFor();
    await page.getByText("the PIN has 2 tries left").waitFor();
    expect(said).toEqual([]);
  });

  test("the last try of the PIN is used only where the user has confirmed it", { timeout: PATIENCE_MS }, async () => {
    const { page, pair, reader } = await stage();
    reader.insert(await pivCard());
    await pair();
    await page.getByRole("button", { name: "Read certificates" }).click();
    const key = page.getByRole("article", { name: "(9A)" });
    const sign = key.getByRole("button", { name: "Sign a challenge with 9A" });
    const enter = async (pin: string): Promise<void> => {
      await key.getByLabel("PIN for the key 9A").fill(pin);
      await sign.click();
    };
    for (const left of ["2 tries left", "1 try left"]) {
      expect(await key.getByRole("checkbox").count()).toBe(0);
      await enter("000000");
      await page.getByText(`the PIN has ${left}`).waitFor();
    }
    // The browser does not send the form, and the program refuses it where it is sent all the same.
    const confirmation = key.getByRole("checkbox", { name: /A wrong PIN blocks it/ });
    await enter(PIN);
    expect(await page.getByRole("alert").getByText("verified").count()).toBe(0);
    await page.evaluate("document.querySelector('.last-try input').required = false");
    await enter("000000");
    await page.getByRole("alert").getByText("security-violation").waitFor();
    await page.getByText("the PIN has 1 try left").waitFor();
    await confirmation.check();
    await enter(PIN);
    await key.getByText("verified with the key of the certificate").waitFor();
    await page.getByText("the PIN has 3 tries left").waitFor();
  });

  test("a command that would use the last try of a PIN is sent only where the user has confirmed it", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { context, page, pair, reader, said } = await stage();
    reader.insert(await pivCard());
    await pair();
    const command = page.getByLabel("Command APDU");
    const log = page.getByRole("log");
    const confirmation = page.getByRole("checkbox", { name: /A wrong one blocks it/ });
    const digits = Buffer.from(PIN).toString("hex").toUpperCase();
    const verify = (pin: string): string => `00 20 00 80 08 ${pin}FFFF`;
    const send = async (text: string, answer: string): Promise<void> => {
      await command.fill(text);
      await command.press("Enter");
      await log.getByText(answer).last().waitFor();
    };
    await send("00 A4 04 00 0B A000000308000010000100", "61 11 4F");
    for (const answer of ["63 C2", "63 C1"]) await send(verify("303030303030"), answer);
    for (const held of [verify(digits), `00 24 00 80 10 ${digits}FFFF${digits}FFFF`, `0C${verify(digits).slice(2)}`]) {
      expect(await confirmation.count()).toBe(0);
      await command.fill(held);
      await command.press("Enter");
      await page.getByRole("alert").getByText("It was not sent").waitFor();
      await confirmation.waitFor();
      await expectNoPin(page, context, said);
      // Another command goes through, and what was asked is asked anew.
      await send("00 20 00 80", "63 C1");
      await confirmation.waitFor({ state: "detached" });
    }
    await command.fill(verify(digits));
    await command.press("Enter");
    await confirmation.check();
    await send(verify(digits), "90 00");
    await confirmation.waitFor({ state: "detached" });
    await send("00 20 00 80", "90 00");
    await expectNoPin(page, context, said);
  });

  test("the PIN is entered at the reader's pad", { timeout: PATIENCE_MS }, async () => {
    const { manager, page, pair, said } = await stage();
    const { clock, trace } = nodeRuntime();
    const entries: PinEntry[] = [
      { digits: PIN, key: "enter" },
      { digits: "12", key: "cancel" },
    ];
    const user = (): PinEntry => entries.shift() ?? { digits: "", key: "none" };
    const model = readerModel("extended APDU", { clock, pinSupport: 3, user });
    model.insert(new CardLine(await pivCard()));
    const { readers } = await openCcidDevice(memoryUsb(model), { clock, trace });
    for (const reader of readers) await manager.addReader(reader);
    await pair();
    await page.locator("button.reader").getByText("card inserted").click();
    await page.getByRole("button", { name: "Read certificates" }).click();
    const key = page.getByRole("article", { name: "(9A)" });
    const atPad = key.getByRole("button", { name: "Sign with 9A, PIN at the pad" });
    await atPad.click();
    await key.getByText("verified with the key of the certificate").waitFor();
    await atPad.click();
    await page.getByRole("alert").getByText("cancelled-by-user").waitFor();
    expect(said).toEqual([]);
  });

  test("what is shown of a card goes with the card, however fast another one comes", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { manager, page, pair, reader } = await stage();
    reader.insert(await pivCard());
    await pair();
    await page.getByRole("button", { name: "Read certificates" }).click();
    await page.getByRole("article", { name: "(9A)" }).waitFor();
    const next = await pivCard();
    // The page is woken by another reader, and does not run until the card is another one: its next report has the same state.
    const busy = page.evaluate("for (const end = Date.now() + 3000; Date.now() < end; );");
    const { clock } = nodeRuntime();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await manager.addReader(new VirtualReader({ clock, name: "Wall" }));
    await new Promise((resolve) => setTimeout(resolve, 500));
    reader.remove();
    reader.insert(next);
    await busy;
    await page.getByRole("article", { name: "(9A)" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Read certificates" }).click();
    await page.getByRole("article", { name: "(9A)" }).waitFor();
  });

  test("the keyboard alone is enough", { timeout: PATIENCE_MS }, async () => {
    const { code, page, reader } = await stage();
    reader.insert(await pivCard());
    const keyboard = page.keyboard;
    const focused = (): Promise<string> =>
      page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()");
    const tabTo = async (wanted: RegExp): Promise<void> => {
      for (let presses = 0; presses < 40; presses++) {
        if (wanted.test(await focused())) return;
        await keyboard.press("Tab");
      }
      throw new Error(`Tab does not lead to ${wanted}`);
    };
    await tabTo(/^Connect$/);
    await keyboard.press("Enter");
    await page.getByLabel("Pairing code").waitFor();
    // The field has the focus when it comes.
    await keyboard.type(await code());
    await keyboard.press("Enter");
    await page.getByRole("button", { name: "Read certificates" }).waitFor();
    await tabTo(/^Read certificates$/);
    await keyboard.press("Space");
    await page.getByRole("article", { name: "(9A)" }).waitFor();
    await tabTo(/^pin-9A$/);
    await keyboard.type(PIN);
    await keyboard.press("Enter");
    await page.getByText("verified with the key of the certificate").waitFor();
  });

  test.each(settings)("axe finds nothing serious: $name", { timeout: PATIENCE_MS }, async ({ name, options }) => {
    const { page, pair, reader } = await stage(options);
    expect(await problemsOf(page)).toEqual([]);
    reader.insert(await pivCard());
    await pair();
    await page.getByLabel("Command APDU").fill("00 A4 04 00");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("log").getByText("to card").waitFor();
    await page.getByRole("button", { name: "Read certificates" }).click();
    const key = page.getByRole("article", { name: "(9A)" });
    await key.getByLabel("PIN for the key 9A").fill(PIN);
    await key.getByRole("button", { name: "Sign a challenge with 9A" }).click();
    await key.getByText("verified with the key of the certificate").waitFor();
    await page.locator("button.reader:enabled").waitFor();
    expect(await problemsOf(page)).toEqual([]);
    expect(await overflowOf(page), "nothing is wider than the page").toBe(0);
    if (pictures === undefined || !["desktop-light", "phone-dark"].includes(name)) return;
    mkdirSync(pictures, { recursive: true });
    await page.evaluate("scrollTo(0, 0)");
    await page.screenshot({ path: `${pictures}/bridge-page-${name}.png` });
  });

  test("the browser keeps its policy: nothing of another place is loaded, and no page has it in a frame", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { context, origin, page } = await stage();
    const refused = page.evaluate(`new Promise((resolve) => {
      const found = new Set();
      document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
        found.add(effectiveDirective);
        if (found.size === 5) resolve([...found].sort());
      });
      const add = (name, member, value) => {
        const element = document.createElement(name);
        try { element[member] = value; } catch {}
        document.body.append(element);
      };
      add("style", "textContent", "body { color: red }");
      add("img", "src", "http://127.0.0.1:9/");
      add("iframe", "src", "http://127.0.0.1:9/");
      add("script", "src", "/page.js");
      const other = document.createElement("link");
      other.rel = "stylesheet";
      other.href = "http://127.0.0.1:9/";
      document.head.append(other);
      fetch("http://127.0.0.1:9/").catch(() => {});
    })`);
    expect(await refused).toEqual([
      ...["connect-src", "frame-src", "img-src", "require-trusted-types-for", "style-src-elem"],
    ]);
    const site = createServer((_, response) => {
      response.setHeader("content-type", "text/html").end(`<!doctype html><iframe src="${origin}/"></iframe>`);
    });
    site.listen(0, "127.0.0.1");
    await once(site, "listening");
    ends.push(() => site.close());
    const framing = await context.newPage();
    await framing.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
    const framed = framing.frames()[1];
    expect(await framed?.evaluate("document.querySelector('#page') === null")).toBe(true);
    expect(framed?.url()).toMatch(/^chrome-error:/);
  });

  test("its policy lets in no script or style of another place, and no frame", { timeout: PATIENCE_MS }, async () => {
    const { origin } = await stage();
    const answer = await fetch(`${origin}/`);
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(await answer.text()).not.toMatch(/<script(?![^>]*\bsrc=)|\bstyle=|\bon\w+=/);
    expect((await fetch(`${origin}/package.json`)).status).toBe(404);
    expect((await fetch(`${origin}/`, { method: "POST" })).status).toBe(405);
    const other = await fetch(`${origin.replace("127.0.0.1", "localhost")}/`, { redirect: "manual" });
    expect([other.status, other.headers.get("location")]).toEqual([307, `${origin}/`]);
  });
});
