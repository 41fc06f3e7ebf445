// SPDX-License-Identifier: MIT

// The dialog in a real terminal: `scard select` under tmux.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeAll, expect, it } from "vitest";
import { freePort } from "../peers/free-ports.ts";
import { describePeer } from "../peers/peers.ts";
import { TcpCard } from "./tcp-card.ts";
import { TmuxTerminal, tmuxProgram } from "./tmux.ts";

const program = resolve("dist/bundle/entry/main.js");
const folder = mkdtempSync(join(tmpdir(), "scard-dialog-"));
const open: { close(): Promise<void> | void }[] = [];

beforeAll(() => {
  if (!existsSync(program)) throw new Error("dist/ is missing: run `npm run build` first, as `npm test` does");
  return () => rmSync(folder, { recursive: true });
});

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** Runs `scard` in a terminal; then its exit code is printed, and whether the terminal is set as it was before. */
async function scard(path: string, ...args: string[]): Promise<TmuxTerminal> {
  const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(" ");
  const shell = `before=$(stty -g); ${command}; echo "code=$?"; [ "$before" = "$(stty -g)" ] && echo "set as before"`;
  const { SCARD_MANAGER: _, ...inherited } = process.env;
  const environment = { ...inherited, SCARD_DATABASE: join(folder, "database.sqlite") };
  const terminal = await TmuxTerminal.run(path, shell, environment);
  open.push(terminal);
  return terminal;
}

const two = ["--manager", "embedded:virtual:Desk+demo,virtual:Door+demo,virtual:Shelf"];
const isOpen = /Enter chooses/;
const isOver = /set as before/;

describePeer(tmuxProgram, (path) => {
  it("opens, follows the arrow keys, and prints what was chosen", async () => {
    const terminal = await scard(path, "select", "--title", "Which one?", ...two);
    const first = await terminal.shows(isOpen);
    expect(first.split("\n")).toEqual([
      "Which one? Please insert a smart card",
      '> Desk  card with T=0 and T=1, "scard"',
      '  Door  card with T=0 and T=1, "scard"',
      "  Shelf  no card",
      "up and down move, Enter chooses, Esc cancels",
    ]);
    terminal.press("Down", "Down");
    await terminal.shows(/> Shelf/);
    terminal.press("Enter");
    await terminal.shows(/^Shelf: no card$/m);
    terminal.press("Up");
    await terminal.shows(/> Door/);
    terminal.press("Enter");
    expect((await terminal.shows(isOver)).split("\n")).toEqual(["Door", "code=0", "set as before"]);
    expect(terminal.cursorIsVisible).toBe(true);
  });

  it("shows a card that is put in while it is open, and one that is pulled", async () => {
    const port = await freePort();
    const terminal = await scard(path, "select", "--manager", `embedded:virtual:Desk,vpcd:${port}`);
    expect(await terminal.shows(isOpen)).toMatch(/> Desk {2}no card\n {2}Virtual PCD {2}no card\n/);
    const card = await TcpCard.insert(port, Uint8Array.of(0x3b, 0x02, 0x14, 0x50));
    open.push(card);
    await terminal.shows(/> Virtual PCD {2}card with T=0\n/);
    card.close();
    await terminal.shows(/Virtual PCD {2}no card\n/);
    open.push(await TcpCard.insert(port, Uint8Array.of(0x3b, 0x02, 0x14, 0x50)));
    await terminal.shows(/> Virtual PCD {2}card with T=0\n/);
    terminal.press("Enter");
    expect(await terminal.shows(isOver)).toMatch(/^Virtual PCD\ncode=0\n/);
  });

  it.each([
    ["C-c", "code=130\nset as before"],
    ["Escape", "scard: SCARD_W_CANCELLED_BY_USER: the person closed the dialog\ncode=1\nset as before"],
  ])("closes at %s, and leaves the terminal as it was", async (key, left) => {
    const terminal = await scard(path, "select", ...two);
    await terminal.shows(isOpen);
    terminal.press("Down", "x", key);
    expect(await terminal.shows(isOver)).toBe(left);
    expect(terminal.cursorIsVisible).toBe(true);
  });

  it.runIf(process.platform === "linux").each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("closes at a %s too", async (signal, code) => {
    const terminal = await scard(path, "select", ...two);
    await terminal.shows(isOpen);
    for (const child of terminal.children) process.kill(child, signal);
    expect(await terminal.shows(isOver)).toBe(`code=${code}\nset as before`);
    expect(terminal.cursorIsVisible).toBe(true);
  });

  it("draws where the output does not go: into a pipe goes only the choice", async () => {
    const command = `'${process.execPath}' '${program}' select --force --json ${two.map((word) => `'${word}'`).join(" ")}`;
    const { SCARD_MANAGER: _, ...inherited } = process.env;
    const environment = { ...inherited, SCARD_DATABASE: join(folder, "database.sqlite") };
    const terminal = await TmuxTerminal.run(path, `chosen=$(${command}); echo "code=$?"; echo "$chosen"`, environment);
    open.push(terminal);
    await terminal.shows(isOpen);
    terminal.press("Enter");
    const screen = await terminal.shows(/^\}$/m);
    expect(screen.startsWith("code=0\n")).toBe(true);
    expect(JSON.parse(screen.slice("code=0\n".length))).toEqual({ reader: "Desk", connected: false });
  });
});
