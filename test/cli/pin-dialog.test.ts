// SPDX-License-Identifier: MIT

// PINs that are typed in, and questions before what cannot be undone, in a real terminal under tmux.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { describePeer } from "../peers/peers.ts";
import { TmuxTerminal, tmuxProgram } from "./tmux.ts";

const program = resolve("dist/bundle/entry/main.js");
const open: TmuxTerminal[] = [];
let folder = "";
const isOver = /code=\d+/;

beforeAll(() => {
  if (!existsSync(program)) throw new Error("dist/ is missing: run `npm run build` first, as `npm test` does");
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-dialog-"));
  execFileSync(process.execPath, [program, "card", "new", "piv", join(folder, "card.json")]);
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  rmSync(folder, { recursive: true });
});

async function scard(path: string, ...args: string[]): Promise<TmuxTerminal> {
  return shell(path, quoted(args));
}

function quoted(args: readonly string[]): string {
  return [process.execPath, program, ...args].map((word) => `'${word}'`).join(" ");
}

/** Runs a shell's command in a terminal; then its exit code is printed. */
async function shell(path: string, command: string): Promise<TmuxTerminal> {
  const environment = {
    ...process.env,
    SCARD_DATABASE: join(folder, "database.sqlite"),
    SCARD_MANAGER: `embedded:virtual+${join(folder, "card.json")}`,
  };
  const terminal = await TmuxTerminal.run(path, `${command}; echo "code=$?"`, environment);
  open.push(terminal);
  return terminal;
}

describePeer(tmuxProgram, (path) => {
  const type = (terminal: TmuxTerminal, text: string): void => terminal.press(...text, "Enter");

  it("asks for the PIN, and for the new one twice, and shows stars", async () => {
    const terminal = await scard(path, "piv", "access", "change-pin");
    await terminal.shows(/^PIN:/m);
    terminal.press(..."123456");
    expect(await terminal.shows(/PIN: \*{6}$/m)).not.toContain("123456");
    terminal.press("Enter");
    await terminal.shows(/^new PIN:/m);
    type(terminal, "271828");
    await terminal.shows(/^new PIN again:/m);
    type(terminal, "271828");
    const screen = await terminal.shows(isOver);
    expect(screen).toContain("New PIN set.\ncode=0");
    expect(screen).not.toMatch(/123456|271828/);
  });

  it("asks on the terminal while standard input and output are data", async () => {
    const [made, card] = [join(folder, "9a.pem"), join(folder, "card.json")];
    execFileSync(process.execPath, [program, "card", "provision", card, "--key", "9A"]);
    const sign = `echo data | ${quoted(["piv", "sign", "9a"])} >"${folder}/signature"`;
    const terminal = await shell(path, `${quoted(["piv", "keys", "export", "9a", made])}; ${sign}`);
    await terminal.shows(/^PIN:/m);
    type(terminal, "123456");
    expect(await terminal.shows(isOver)).toContain("code=0");
    const verify = ["dgst", "-sha256", "-verify", made, "-signature", join(folder, "signature")];
    expect(execFileSync("openssl", verify, { input: "data\n", encoding: "utf8" })).toContain("OK");
  });

  it("changes nothing where the two answers differ", async () => {
    const terminal = await scard(path, "piv", "access", "change-pin");
    await terminal.shows(/^PIN:/m);
    type(terminal, "123456");
    await terminal.shows(/^new PIN:/m);
    type(terminal, "271828");
    await terminal.shows(/^new PIN again:/m);
    type(terminal, "271829");
    const screen = await terminal.shows(isOver);
    expect(screen.replaceAll("\n", "")).toContain("the two answers for the new PIN differ; nothing was changed");
    expect(screen).toContain("code=1");
  });

  it("asks before it resets, and takes no for an answer", async () => {
    const terminal = await scard(path, "piv", "reset");
    await terminal.shows(/Proceed\?\s+\[y\/N\]/);
    type(terminal, "n");
    expect(await terminal.shows(isOver)).toMatch(/nothing was changed\s+code=1/);
    const second = await scard(path, "piv", "reset");
    await second.shows(/Proceed\?\s+\[y\/N\]/);
    type(second, "y");
    expect(await second.shows(isOver)).toMatch(/Reset complete\.[\s\S]*code=0/);
  });

  it("ends at Ctrl-C", async () => {
    const terminal = await scard(path, "piv", "access", "verify-pin");
    await terminal.shows(/^PIN:/m);
    terminal.press("C-c");
    expect(await terminal.shows(isOver)).toMatch(/code=(1|130)/);
  });
});
