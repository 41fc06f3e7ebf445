// SPDX-License-Identifier: MIT

// scard bridge: what it prints, what it keeps, and how its pages are sent away.

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { bridgeLine, quietRefusals } from "../../src/apps/cli/bridge-text.ts";
import { runProgram } from "../../src/apps/cli/program.ts";
import { BridgedSmartCard } from "../../src/faces/bridge-client/index.ts";
import { startTimer } from "../../src/platform/browser/index.ts";
import { OriginsFile } from "../../src/platform/node/bridge/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { pagePairing } from "../bridge/page-pairing.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";

const ORIGIN = "https://app.example";
const managerOption = ["--manager", "embedded:virtual:Desk+demo,virtual:Vault+demo"];

let folder = "";
let file = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-bridge-"));
  file = join(folder, "origins", "bridge.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

async function scard(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const terminal = new RecordedTerminal();
  const code = await runProgram(["bridge", ...args, "--file", file], terminal);
  return { code, out: terminal.printed, err: terminal.said };
}

/** A bridge that runs, until it is stopped. */
async function running(...args: readonly string[]) {
  const terminal = new RecordedTerminal();
  const code = runProgram(["bridge", "--port", "0", "--json", "--file", file, ...managerOption, ...args], terminal);
  const events = (): readonly Readonly<Record<string, string>>[] =>
    terminal.printed
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  await expect.poll(() => terminal.printed, { message: "it listens" }).toContain("ws://127.0.0.1:");
  return {
    url: events()[0]?.url ?? "",
    events,
    stop: async () => {
      terminal.interrupt("SIGINT");
      return code;
    },
  };
}

function page(
  url: string,
  code: () => string,
  origin = ORIGIN,
): { smartCard: BridgedSmartCard; closed: Promise<number> } {
  let ended = (_code: number): void => undefined;
  const closed = new Promise<number>((resolve) => {
    ended = resolve;
  });
  const smartCard = new BridgedSmartCard({
    later: startTimer,
    dial: (events) => {
      const socket = new WebSocket(url, { origin });
      socket.on("open", events.opened);
      socket.on("message", (data) => events.received(new Uint8Array(data as Buffer)));
      socket.on("error", () => undefined);
      socket.on("close", (close, reason) => {
        events.closed(close, reason.toString());
        ended(close);
      });
      return { send: (message) => socket.send(message), close: () => socket.close() };
    },
    pairing: pagePairing(origin, url, code),
  });
  return { smartCard, closed };
}

test("a page is paired with the code that is printed, remembered, listed, and revoked while the bridge runs", async () => {
  const { events, stop, url } = await running("--origin", ORIGIN, "--reader", "Desk*");
  expect(events()[0]).toMatchObject({ url, origins: [ORIGIN] });
  const { closed, smartCard } = page(url, () => events().findLast(({ event }) => event === "pairing-code")?.code ?? "");
  const context = await smartCard.establishContext();
  expect(await context.listReaders()).toEqual([expect.stringContaining("Desk")]);
  expect(events().map(({ event }) => event)).toEqual([undefined, "pairing-code", "paired"]);

  const list = await scard("list", "--json");
  expect([list.code, JSON.parse(list.out)]).toEqual([
    0,
    {
      origins: [{ origin: ORIGIN, readers: ["Desk*"], pairings: [{ since: expect.stringMatching(/^\d{4}-/) }] }],
      withheld: ["Desk*"],
    },
  ]);
  expect((await scard("list")).out).toMatch(
    /^https:\/\/app\.example\n {2}readers: Desk\*\n {2}paired: .*\nkept from origins that were given no readers:\n {2}Desk\*\n$/,
  );
  // The secret of the page is not in the file, and only its user may read the file.
  expect(JSON.parse(readFileSync(file, "utf8")).origins[0].pairings[0]).toEqual({
    id: expect.stringMatching(/^[0-9A-F]{32}$/),
    stored: expect.stringMatching(/^[0-9A-F]{64}$/),
    service: expect.stringMatching(/^[0-9A-F]{64}$/),
    since: expect.any(String),
  });
  if (process.platform !== "win32") expect(statSync(file).mode & 0o077).toBe(0);

  expect(await scard("revoke", ORIGIN)).toEqual({ code: 0, out: `${ORIGIN}: revoked\n`, err: "" });
  expect(await closed).toBe(4401);
  expect(await stop()).toBe(0);
  const again = await scard("revoke", ORIGIN, "--json");
  expect([again.code, JSON.parse(again.out)]).toEqual([1, { revoked: [], unknown: [ORIGIN] }]);
  expect((await scard("list")).err).toBe("no origin was paired\n");
});

test("the bridge's own page is served and said, has to be paired, and is forgotten at the end", async () => {
  const { events, stop, url } = await running();
  const own = url.replace("ws:", "http:");
  expect(events()[0]).toMatchObject({ origins: [], page: `${own}/` });
  expect((await fetch(`${own}/page.js`)).headers.get("content-type")).toContain("javascript");
  const code = () => events().findLast(({ event }) => event === "pairing-code")?.code ?? "";
  let asked = 0;
  const { smartCard } = page(url, () => (asked++ === 0 ? "1" : code()), own);
  await smartCard.establishContext();
  // A wrong code got nothing; the pairing holds while the bridge runs, and is in no file.
  expect(events().map(({ event }) => event)).toEqual([undefined, "pairing-code", "wrong-code", "paired"]);
  smartCard.close();
  await smartCard.establishContext();
  expect(asked).toBe(2);
  expect(await stop()).toBe(0);
  expect((await scard("list")).err).toBe("no origin was paired\n");
  const without = await running("--no-page", "--origin", ORIGIN);
  expect(without.events()[0]).not.toHaveProperty("page");
  expect((await fetch(without.url.replace("ws:", "http:"))).status).toBe(404);
  await without.stop();
});

test("origins that were paired before need not be named, and the bridge says what it waits for", async () => {
  const nothing = await scard("--no-page", ...managerOption);
  expect([nothing.code, nothing.err]).toEqual([2, expect.stringContaining("name its origin with --origin")]);
  const first = await running("--origin", ORIGIN);
  const { smartCard } = page(first.url, () => first.events().at(-1)?.code ?? "");
  await smartCard.establishContext();
  await first.stop();
  const second = await running();
  expect(second.events()[0]).toMatchObject({ origins: [ORIGIN] });
  await second.stop();
});

test.each([
  [["--origin", "app.example"], "--origin is an origin such as https://example.org"],
  [["--origin", "https://app.example/page"], "--origin is an origin"],
  [["--origin", "file:///home"], "--origin is an origin"],
  [["--origin", "https://:pw@app.example"], "leave the user and the password out"],
  [["--origin", "https://user@app.example"], "leave the user and the password out"],
  [["--origin", "ws://app.example"], "pages come by https or http, not by ws:"],
  [["--origin", "ftp://app.example"], "not by ftp:"],
  [["--origin", "https://*.app.example"], "name each origin; a * stands for nothing here"],
  [["--origin", "https://app.example?x"], "leave out what follows the host"],
  [["--origin", ORIGIN, "--port", "65536"], "--port is a number from 0 to 65535"],
  [["--reader", "Desk"], "--reader needs --origin"],
  [["--reader", "Desk", "--no-page"], "no page may use cards yet"],
  [["revoke"], "the origins are missing"],
  [["revoke", "https://app.example/page"], "argument 1 is an origin"],
  [["lisst"], 'did you mean "list"'],
])("wrong words are refused: %j", async (args, says) => {
  const { code, err } = await scard(...args);
  expect([code, err]).toEqual([2, expect.stringContaining(says)]);
  expect(err).not.toContain("pw@");
});

test("a damaged file is told, with what to do", async () => {
  file = join(folder, "bridge.json");
  writeFileSync(file, "{");
  const broken = await scard("list", "--json");
  expect([broken.code, JSON.parse(broken.out).error.message]).toEqual([
    1,
    expect.stringMatching(/is not JSON: mend it/),
  ]);
  writeFileSync(file, JSON.stringify({ version: 2, origins: [{ origin: "x", pairings: [{ id: "00", since: "" }] }] }));
  expect((await scard("list")).err).toMatch(/is not what scard bridge writes: \$\.origins\[0\]/);
});

test("of a file of an older version origins and readers hold, and the pages have to be paired again", async () => {
  file = join(folder, "bridge.json");
  const old = { origin: ORIGIN, readers: ["Desk"], pairings: [{ hash: "0".repeat(64), since: "2026-01-01" }] };
  writeFileSync(file, JSON.stringify({ version: 1, withheld: ["Vault"], origins: [old] }));
  const opened = await OriginsFile.open(file);
  expect(opened.origins).toEqual([{ origin: ORIGIN, readers: ["Desk"], pairings: [] }]);
  expect(opened.withheld).toEqual(["Vault"]);
});

test.runIf(process.platform !== "win32")("a file that others can write to is refused", async () => {
  file = join(folder, "bridge.json");
  writeFileSync(file, JSON.stringify({ version: 1, origins: [] }));
  chmodSync(file, 0o666);
  const refused = await scard("list");
  expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/is not trusted: others can write to it/)]);
});

test.runIf(process.platform !== "win32")(
  "a folder that others can write to is refused, but for one like /tmp",
  async () => {
    const open = join(folder, "open");
    mkdirSync(open);
    file = join(open, "bridge.json");
    chmodSync(open, 0o777);
    const refused = await scard("list");
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringMatching(/is not trusted: others can write to .*open/),
    ]);
    await expect(OriginsFile.open(join(open, "deeper", "bridge.json"))).rejects.toMatchObject({ code: "no-access" });
    // With the sticky bit others cannot put another file in its place.
    chmodSync(open, 0o1777);
    expect((await scard("list")).code).toBe(0);
  },
);

test("a pairing that cannot be kept is told in the terminal, with the reason", async () => {
  const { events, stop, url } = await running("--origin", ORIGIN);
  // Something stands in the place of the folder.
  writeFileSync(join(folder, "origins"), "");
  const { smartCard } = page(url, () => events().findLast(({ event }) => event === "pairing-code")?.code ?? "");
  await expect(smartCard.establishContext()).rejects.toMatchObject({
    message: expect.stringContaining("cannot be kept"),
  });
  expect(events().at(-1)).toMatchObject({ event: "not-kept", origin: ORIGIN, reason: expect.stringMatching(/\w{4}/) });
  await stop();
  const line = bridgeLine({ kind: "not-kept", origin: ORIGIN, reason: "the disk is full" }, (_, text) => text);
  expect(line).toBe(`${ORIGIN} has sent the right code, but the pairing cannot be kept: the disk is full`);
});

test("a revocation is told to who reads it first, and readers of a revoked origin are given to no other", async () => {
  file = join(folder, "bridge.json");
  const pairingOf = (digit: string) => ({
    ...{ id: digit.repeat(32), stored: digit.repeat(64), service: digit.repeat(64) },
    since: "2026-01-01T00:00:00.000Z",
  });
  const own = await OriginsFile.open(file);
  await own.pair(ORIGIN, pairingOf("0"), ["Desk"]);
  await (await OriginsFile.open(file)).revoke(ORIGIN);
  // This change reads the revocation, and says so before it goes on.
  const seen: string[] = [];
  own.onChange(() => {
    seen.push(own.origins.map(({ origin }) => origin).join());
  });
  await own.pair("https://other.example", pairingOf("1"), undefined);
  expect(seen).toEqual(["", "https://other.example"]);
  expect(own.withheld).toEqual(["Desk"]);
  await own.pair("https://other.example", pairingOf("2"), ["Vault"]);
  await own.pair("https://other.example", pairingOf("2"), ["Lobby"]);
  expect((await OriginsFile.open(file)).withheld).toEqual(["Desk", "Vault", "Lobby"]);
});

test("ten refusals are told in ten seconds, then their number", async () => {
  const runtime = new SimulatedRuntime({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
  const told: string[] = [];
  const tell = quietRefusals(runtime.clock, (notice) => told.push("reason" in notice ? notice.reason : notice.kind));
  for (let n = 0; n < 100; n++) tell({ kind: "refused", origin: ORIGIN, reason: "malformed" });
  tell({ kind: "paired", origin: ORIGIN });
  expect(told).toEqual([...Array.from({ length: 10 }, () => "malformed"), "paired"]);
  await runtime.advance(10_000);
  expect(told.at(-1)).toBe("90 more in ten seconds");
});

test("the help names the actions", async () => {
  const { code, out } = await scard("--help");
  expect([code, out]).toEqual([0, expect.stringMatching(/serve[\s\S]*list[\s\S]*revoke/)]);
  expect((await scard("serve", "--help")).out).toMatch(/--origin ORIGIN[\s\S]*--reader NAME[\s\S]*41964/);
});
