// SPDX-License-Identifier: MIT

// `scard shell` as a person uses it: in a real terminal under tmux.

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { startDaemon } from "../daemon/running.ts";
import { freePort } from "../peers/free-ports.ts";
import { describePeer } from "../peers/peers.ts";
import { Program } from "../peers/program.ts";
import { TcpCard } from "./tcp-card.ts";
import { TmuxTerminal, tmuxProgram } from "./tmux.ts";

const program = resolve("dist/bundle/entry/main.js");
const open: { close(): Promise<void> | void }[] = [];
const isOver = /set as before/;
let folder = "";

beforeAll(() => {
  if (!existsSync(program)) throw new Error("dist/ is missing: run `npm run build` first, as `npm test` does");
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-shell-"));
  execFileSync(process.execPath, [program, "card", "new", "piv", join(folder, "card.json")]);
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  rmSync(folder, { recursive: true });
});

const history = (): string => join(folder, "state", "scard", "shell-history");

/** Runs a shell; then its exit code is printed, and whether the terminal is set as it was before. */
async function shell(path: string, manager?: string, ...args: string[]): Promise<TmuxTerminal> {
  const words = [process.execPath, program, "shell", ...args].map((word) => `'${word}'`).join(" ");
  const line = `before=$(stty -g); ${words}; echo "code=$?"; [ "$before" = "$(stty -g)" ] && echo "set as before"`;
  const environment = {
    ...process.env,
    SCARD_DATABASE: join(folder, "database.sqlite"),
    SCARD_MANAGER: manager ?? `embedded:virtual:Desk+${join(folder, "card.json")},virtual:Front door`,
    XDG_STATE_HOME: join(folder, "state"),
  };
  const terminal = await TmuxTerminal.run(path, line, environment);
  open.push(terminal);
  return terminal;
}

const type = (terminal: TmuxTerminal, text: string): void => terminal.press("-l", text);
const enter = (terminal: TmuxTerminal, text: string): void => {
  type(terminal, text);
  terminal.press("Enter");
};

describePeer(tmuxProgram, (path) => {
  it("takes lines, completes words, and ends with Ctrl-D", async () => {
    const terminal = await shell(path);
    expect(await terminal.shows(/^Desk>$/m)).toContain('"Desk", card with T=1, "YubiKey"; "help" lists the commands');
    type(terminal, "sel");
    terminal.press("Tab");
    await terminal.shows(/^Desk> select$/m);
    type(terminal, "pi");
    terminal.press("Tab");
    await terminal.shows(/^Desk> select piv$/m);
    terminal.press("Enter");
    expect(await terminal.shows(/9000 success/)).toMatch(/^Desk> select piv/m);
    type(terminal, "read obj");
    terminal.press("Tab");
    await terminal.shows(/^Desk> read object$/m);
    type(terminal, "chu");
    terminal.press("Tab");
    await terminal.shows(/^Desk> read object chuid$/m);
    terminal.press("Enter");
    await terminal.shows(/^0000 {2}53 3B/m);
    type(terminal, "connect fr");
    terminal.press("Tab");
    await terminal.shows(/^Desk> connect "Front door"$/m);
    terminal.press("C-c");
    await terminal.shows(/^Desk>$/m);
    terminal.press("C-d");
    expect(await terminal.shows(isOver)).toContain("code=0");
    expect(terminal.cursorIsVisible).toBe(true);
  });

  it("asks for a PIN without showing or keeping it", async () => {
    const terminal = await shell(path);
    await terminal.shows(/^Desk>$/m);
    enter(terminal, "select piv");
    await terminal.shows(/9000 success/);
    enter(terminal, "verify");
    await terminal.shows(/^PIN 80:/m);
    type(terminal, "123456");
    expect(await terminal.shows(/PIN 80: \*{6}$/m)).not.toContain("123456");
    terminal.press("Enter");
    expect(await terminal.shows(/the PIN 80 is right/)).not.toContain("123456");
    enter(terminal, "00 20 00 80 08 313233343536FFFF");
    await terminal.shows(/VERIFY \(00 20 00 80\)/);
    enter(terminal, "123456");
    await terminal.shows(/unknown command/);
    terminal.press("Up");
    await terminal.shows(/^Desk> apdu 00 20 00 80 \[8 bytes withheld\]$/m);
    terminal.press("Up");
    await terminal.shows(/^Desk> verify$/m);
    terminal.press("C-c");
    await terminal.shows(/^Desk>$/m);
    enter(terminal, "quit");
    await terminal.shows(isOver);
    expect(readFileSync(history(), "utf8")).toBe("select piv\nverify\napdu 00 20 00 80 [8 bytes withheld]\nquit\n");
    expect(statSync(history()).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "state", "scard")).mode & 0o777).toBe(0o700);
  });

  it("has the lines of the shell before, whose file only the owner reads", async () => {
    mkdirSync(join(folder, "state", "scard"), { recursive: true });
    writeFileSync(history(), "select gids\n");
    chmodSync(history(), 0o644);
    const terminal = await shell(path);
    await terminal.shows(/^Desk>$/m);
    terminal.press("Up");
    await terminal.shows(/^Desk> select gids$/m);
    expect(statSync(history()).mode & 0o777).toBe(0o600);
  });

  it("shows how long a transaction is held", async () => {
    const terminal = await shell(path);
    await terminal.shows(/^Desk>$/m);
    enter(terminal, "begin");
    await terminal.shows(/^Desk \[held [\d.]+ m?s\]>$/m);
    enter(terminal, "end");
    expect(await terminal.shows(/^Desk>$/m)).toMatch(/the transaction is over, held for/);
  });

  it("tells of a card that is pulled, and goes on with the next one", async () => {
    const port = await freePort();
    const atr = Uint8Array.of(0x3b, 0x02, 0x14, 0x50);
    const terminal = await shell(path, `embedded:vpcd:${port}`);
    await terminal.shows(/^Virtual PCD>$/m);
    const card = await TcpCard.insert(port, atr);
    open.push(card);
    await terminal.shows(/a card was put into "Virtual PCD"/);
    enter(terminal, "00A4000C023F00");
    await terminal.shows(/9000 success/);
    type(terminal, "stat");
    card.close();
    await terminal.shows(/the card was pulled out of "Virtual PCD"\s+Virtual PCD> stat$/);
    terminal.press("Tab");
    await terminal.shows(/Virtual PCD> status$/);
    terminal.press("Enter");
    await terminal.shows(/the card was pulled out of "Virtual PCD"; put one in|there is no card/);
    open.push(await TcpCard.insert(port, atr));
    await terminal.shows(/a card was put into[\s\S]*a card was put into/);
    enter(terminal, "status");
    await terminal.shows(/Share mode:\s+shared/);
  });

  it("ends what waits at Ctrl-C, and the shell at the second one", async () => {
    const terminal = await shell(path);
    await terminal.shows(/^Desk>$/m);
    terminal.press("C-c");
    await terminal.shows(/once more, or Ctrl-D, ends the shell/);
    enter(terminal, "expect 9000");
    await terminal.shows(/there was no answer yet/);
    terminal.press("C-c");
    await terminal.shows(/once more[\s\S]*once more/);
    terminal.press("C-c");
    expect(await terminal.shows(isOver)).toContain("code=130");
  });

  it("ends a wait at Ctrl-C, and goes on", async () => {
    const socket = join(folder, "comm");
    await startDaemon("--socket", socket, "--reader", "virtual:Desk", "--card", "demo");
    const terminal = await shell(path, `pcscd:${socket}`);
    await terminal.shows(/^Desk>$/m);
    const holder = new Program(process.execPath, [program, "shell", "--json", "--manager", `pcscd:${socket}`]);
    open.push({ close: async () => void (await holder.end("SIGKILL")) });
    holder.write("begin\n");
    expect(await holder.line()).toContain('"ok":true');
    enter(terminal, "begin");
    await terminal.shows(/waiting for the card in "Desk": .* is in a transaction/);
    terminal.press("C-c");
    await terminal.shows(/ended by Ctrl-C\s+Desk>$/);
    holder.write("end\n");
    expect(await holder.line()).toContain('"ok":true');
    enter(terminal, "begin");
    await terminal.shows(/^Desk \[held/m);
  });

  it.runIf(process.platform === "linux")("leaves the terminal as it was at a SIGTERM", async () => {
    const terminal = await shell(path);
    await terminal.shows(/^Desk>$/m);
    for (const child of terminal.children) process.kill(child, "SIGTERM");
    expect(await terminal.shows(isOver)).toContain("code=143");
  });
});
