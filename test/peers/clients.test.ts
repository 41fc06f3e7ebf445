// SPDX-License-Identifier: MIT

// Client programs of the table in docs/interop/clients-tried.md that Debian has, on our daemon.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compileC } from "./compile.ts";
import { type ScardService, startScard } from "./daemon.ts";
import { describePeer, type PeerProgram } from "./peers.ts";
import { run } from "./program.ts";

const PATIENCE_MS = 120_000;
const DEMO_ATR = "3B8D8011FE8031F873F721606573636172646C";
const SELECT_DEMO = "00A404000BF073636172642E64656D6F00";
const SELECTED = "6F2382013883027F10840BF073636172642E64656D6F8A0105500A73636172642064656D6F9000";

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";
const works = (): undefined => undefined;
const scriptor: PeerProgram = { name: "scriptor", remedy: SET_UP, probe: works };
const ykman: PeerProgram = { name: "/usr/bin/ykman", remedy: SET_UP, probe: works };
const WINPR_HEADER = "/usr/include/winpr2/winpr/smartcard.h";
const winpr: PeerProgram = {
  name: "gcc",
  remedy: "scripts/setup-peers.sh installs it and libwinpr2-dev on Debian.",
  probe: () => (existsSync(WINPR_HEADER) ? undefined : `there is no ${WINPR_HEADER}`),
};

let service: ScardService;
let folder: string;

beforeAll(async () => {
  service = await startScard(["--reader", "virtual:Desk", "--card", "demo"]);
  folder = mkdtempSync(join(tmpdir(), "scard-clients-"));
});

afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true });
});

/** Runs a program that has to succeed, and returns what it printed. */
async function output(path: string, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(path, args, { environment: service.environment });
  expect(status, `${stdout}${stderr}`).toBe(0);
  return stdout;
}

describePeer(scriptor, (path) => {
  it("sends a script of commands", { timeout: PATIENCE_MS }, async () => {
    const script = join(folder, "script");
    writeFileSync(script, `${SELECT_DEMO}\n00 B0 00 00 00\nreset\n${SELECT_DEMO}\n`);
    const printed = await output(path, "-r", "Desk", script);
    expect(printed.match(/90 00 : Normal processing/g)).toHaveLength(2);
    expect(printed).toContain("> RESET");
    expect(printed.replaceAll(/[\s<]+/g, "")).toContain(SELECTED);
  });
});

describePeer(ykman, (path) => {
  it("lists the readers, and exchanges a command", { timeout: PATIENCE_MS }, async () => {
    expect((await output(path, "list", "--readers")).split("\n")).toContain("Desk");
    const exchange = await output(path, "--reader", "Desk", "apdu", "a40400:F073636172642E64656D6F");
    expect(exchange).toContain("(SW=9000)");
  });

  it("finds out that the card is no YubiKey", { timeout: PATIENCE_MS }, async () => {
    expect(await output(path, "--reader", "Desk", "info")).toMatch(/^PIV\s+Not available/m);
  });
});

describePeer(winpr, () => {
  it("FreeRDP's layer makes all calls of a session", { timeout: PATIENCE_MS }, async () => {
    const program = compileC("winpr", ["test/peers/winpr.c"], ["-I/usr/include/winpr2", "-lwinpr2"]);
    const lines = (await output(program, "Desk", SELECT_DEMO)).split("\n");
    expect(lines.filter((line) => line.startsWith("SCard") && !line.endsWith(" SCARD_S_SUCCESS"))).toEqual([]);
    expect(lines).toEqual(
      expect.arrayContaining([
        "reader Desk",
        "state present",
        `ATR ${DEMO_ATR}`,
        "protocol 2",
        "card state 6 protocol 2",
        `response ${SELECTED}`,
        "SCardReleaseContext SCARD_S_SUCCESS",
      ]),
    );
  });
});
