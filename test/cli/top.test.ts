// SPDX-License-Identifier: MIT

// `scard top` in a real terminal under tmux, over a daemon with two programs that want the same card.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Client, scard, scardProgram, startDaemon, testFolder } from "../daemon/running.ts";
import { describePeer } from "../peers/peers.ts";
import { Program } from "../peers/program.ts";
import { TmuxTerminal, tmuxProgram } from "./tmux.ts";

const open: { close(): Promise<unknown> }[] = [];
const isOver = /set as before/;
let control = "";
let socket = "";

beforeAll(() => {
  if (!existsSync(scardProgram)) throw new Error("dist/ is missing: run `npm run build` first, as `npm test` does");
});
beforeEach(async () => {
  const folder = testFolder();
  control = join(folder, "control");
  socket = join(folder, "comm");
  const readers = ["--reader", "virtual:Desk", "--card", "demo", "--reader", "virtual:Door"];
  await startDaemon("--socket", socket, "--control", control, ...readers);
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** A program that uses the card of the reader Desk: `scard shell` by a script. Each of its lines ends with one of its own. */
function program(): Program {
  const args = [scardProgram, "shell", "--json", "--manager", `pcscd:${socket}`, "--reader", "Desk"];
  const started = new Program(process.execPath, args);
  open.push({ close: () => started.end("SIGKILL") });
  return started;
}

async function top(path: string, ...args: string[]): Promise<TmuxTerminal> {
  const words = [process.execPath, scardProgram, "top", "--control", control, "--interval", "0.1", ...args];
  const line = `before=$(stty -g); ${words.map((word) => `'${word}'`).join(" ")}; echo "code=$?"; [ "$before" = "$(stty -g)" ] && echo "set as before"`;
  const terminal = await TmuxTerminal.run(path, line, { ...process.env, SCARD_DATABASE: join(testFolder(), "none") });
  open.push(terminal);
  return terminal;
}

async function asked(request: object): Promise<{ ok: boolean; result?: unknown; error?: { code: string } }> {
  const client = await Client.connect(control);
  const answer = await client.ask(request);
  client.end();
  return answer;
}

describePeer(tmuxProgram, (path) => {
  it("shows who holds a card and who waits, filters, and disconnects the holder", async () => {
    const [a, b] = [program(), program()];
    a.write("begin\n");
    expect(await a.line()).toContain('"ok":true');
    b.write("begin\n");
    const terminal = await top(path);
    const screen = await terminal.shows(/1\. .*waits for/);
    expect(screen).toMatch(new RegExp(`^> Desk .*held by .*\\(pid ${a.pid}\\) for `, "m"));
    expect(screen).toMatch(new RegExp(`1\\. .*\\(pid ${b.pid}\\) waits for .*: `));
    expect(screen).toMatch(/^ {2}Door\s+no card$/m);
    terminal.press("/", ..."door", "Enter");
    expect(await terminal.shows(/^filter "door", Esc clears it/m)).not.toMatch(/Desk/);
    terminal.press("Escape");
    await terminal.shows(/^> Desk/m);
    terminal.press("d");
    await terminal.shows(new RegExp(`^Disconnect .*\\(pid ${a.pid}\\)\\? .*\\[y/N\\]`, "m"));
    terminal.press("n");
    await terminal.shows(/nothing was done/);
    terminal.press("d");
    await terminal.shows(/\[y\/N\]/);
    terminal.press("y");
    await terminal.shows(new RegExp(`held by .*\\(pid ${b.pid}\\)`));
    expect(await b.line()).toContain('"ok":true');
    a.write("00A4040005A000000308\n");
    expect(await a.line()).toContain('"ok":false');
    terminal.press("q");
    expect(await terminal.shows(isOver)).toContain("code=0");
    expect(terminal.cursorIsVisible).toBe(true);
  });

  it("tells calls as they happen, and filters them", async () => {
    const a = program();
    const terminal = await top(path);
    await terminal.shows(/^calls/m);
    a.write("00A4040005A000000308\n");
    await a.line();
    await terminal.shows(new RegExp(`\\(pid ${a.pid}\\) {2}Desk {2}.*SELECT.* {2}[0-9A-F]{4} {2}`));
    await terminal.shows(/[\d.]+ APDU\/s/);
    a.write("00 20 00 81 04 31323334\n");
    await a.line();
    expect(await terminal.shows(/VERIFY/)).not.toMatch(/31 ?32 ?33/);
    terminal.press("/", ..."verify", "Enter");
    expect(await terminal.shows(/^calls, with "verify"\n.*VERIFY/m)).not.toMatch(/SELECT.*0 ms$/m);
    terminal.press("Escape");
    await terminal.shows(/SELECT[\s\S]*VERIFY/);
    terminal.press("p");
    await terminal.shows(/^scard top {2}paused/);
  });

  it("resets and ejects a card once that is confirmed", async () => {
    const a = program();
    a.write("00A4040005A000000308\n");
    expect(await a.line()).toContain('"ok":true');
    const terminal = await top(path);
    await terminal.shows(/^> Desk/m);
    terminal.press("r");
    await terminal.shows(/^Reset the card in "Desk"\?/m);
    terminal.press("y");
    await terminal.shows(/the card was reset/);
    a.write("00A4040005A000000308\n");
    expect(await a.line()).toContain("reset-card");
    terminal.press("e");
    await terminal.shows(/^Eject the card of "Desk"\?/m);
    terminal.press("y");
    await terminal.shows(/^> Desk\s+no card/m);
  });

  it("is drawn anew for a terminal of another size", async () => {
    const terminal = await top(path);
    await terminal.shows(/^> Desk/m);
    const rows = (): readonly string[] => terminal.screen.split("\n");
    terminal.resize(50, 12);
    await terminal.shows(/^> Desk(?:.|\n)*^ {2}Door\s+no card$/m);
    expect(rows().length).toBeLessThanOrEqual(12);
    expect(Math.max(...rows().map((row) => row.length))).toBeLessThanOrEqual(50);
    terminal.press("?");
    await terminal.shows(/disconnect/i);
    terminal.press("Escape");
    terminal.resize(120, 30);
    await terminal.shows(/^> Desk(?:.|\n)*^ {2}Door\s+no card$/m);
    // A screen too small for anything, and back.
    terminal.resize(10, 3);
    terminal.resize(90, 20);
    await terminal.shows(/^> Desk(?:.|\n)*^ {2}Door\s+no card$/m);
    terminal.press("q");
    await terminal.shows(isOver);
    expect(terminal.screen).toContain("code=0");
  });

  it("explains its keys, and leaves the terminal as it was at Ctrl-C", async () => {
    const terminal = await top(path);
    await terminal.shows(/^> Desk/m);
    terminal.press("?");
    await terminal.shows(/disconnect the client, or the holder/);
    terminal.press("C-c");
    expect(await terminal.shows(isOver)).toContain("code=0");
  });

  it.runIf(process.platform === "linux")("leaves the terminal as it was at a SIGTERM", async () => {
    const terminal = await top(path);
    await terminal.shows(/^> Desk/m);
    for (const child of terminal.children) process.kill(child, "SIGTERM");
    expect(await terminal.shows(isOver)).toContain("code=143");
    expect(terminal.cursorIsVisible).toBe(true);
  });
});

it("prints everything once, for people and for programs", async () => {
  const once = await scard("top", "--control", control, "--once");
  expect([once.status, once.stderr]).toEqual([0, ""]);
  expect(once.stdout).toMatch(/^scard top {2}daemon \d+, .*\n {2}Desk {2}.*\n {2}Door {2}no card\n$/);
  const json = await scard("top", "--control", control, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({
    readers: [{ name: "Desk", card: { names: [] } }, { name: "Door" }],
    clients: [],
  });
  const none = await scard("top", "--control", control);
  expect([none.status, none.stderr]).toEqual([2, expect.stringContaining("--once or --json prints everything once")]);
});

it("refuses to reset or to disconnect what is not there", async () => {
  expect(await asked({ command: "reset", reader: "Shelf" })).toMatchObject({
    ok: false,
    error: { code: "unknown-reader" },
  });
  expect(await asked({ command: "reset", reader: "Door" })).toMatchObject({
    ok: false,
    error: { code: "no-smartcard" },
  });
  expect(await asked({ command: "disconnect", pid: 1 })).toMatchObject({ ok: false, error: { code: "invalid-value" } });
  expect(await asked({ command: "disconnect", pid: 0 })).toMatchObject({
    ok: false,
    error: { code: "invalid-parameter" },
  });
});
