// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ScardService, startScard } from "./daemon.ts";
import { describePeer, type PeerProgram } from "./peers.ts";
import { run } from "./program.ts";

/** The demo card's ATR, and what it is asked: SELECT by the name of its application. */
const DEMO_ATR = "3B 8D 80 11 FE 80 31 F8 73 F7 21 60 65 73 63 61 72 64 6C";
const SELECT_DEMO = "00A404000BF073636172642E64656D6F00";

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";
const works = (): undefined => undefined;
const pcscScan: PeerProgram = { name: "pcsc_scan", remedy: SET_UP, probe: works };
const openscTool: PeerProgram = { name: "opensc-tool", remedy: SET_UP, probe: works };
const scdaemon: PeerProgram = { name: "/usr/lib/gnupg/scdaemon", remedy: SET_UP, probe: works };

let service: ScardService;

beforeAll(async () => {
  service = await startScard(["--reader", "virtual:Desk", "--card", "demo"]);
});

afterAll(async () => {
  await service.stop();
});

/** Runs a program that has to succeed, and returns what it printed. */
async function output(path: string, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(path, args, { environment: service.environment });
  expect(status, stderr).toBe(0);
  return stdout;
}

describePeer(pcscScan, (path) => {
  it("lists the readers", async () => {
    expect(await output(path, "-n", "-r")).toBe("0: Desk\n1: Virtual PCD\n2: Virtual PCD 1\n");
  });

  it("lists the cards", async () => {
    const cards = await output(path, "-n", "-c");
    expect(cards).toMatch(/Reader 0: Desk\n {2}Event number: \d+\n {2}Card state: Card inserted, *\n/);
    expect(cards).toContain(`ATR: ${DEMO_ATR}`);
    expect(cards).toMatch(/Reader 1: Virtual PCD\n {2}Event number: \d+\n {2}Card state: Card removed, *\n/);
  });
});

describePeer(openscTool, (path) => {
  it("lists the readers", async () => {
    const list = await output(path, "--list-readers");
    expect(list).toMatch(/^0 {4}Yes {13}Desk$/m);
    expect(list).toMatch(/^1 {4}No {14}Virtual PCD$/m);
  });

  it("prints the ATR", async () => {
    expect((await output(path, "--atr")).trim().toUpperCase()).toBe(DEMO_ATR.replaceAll(" ", ":"));
  });

  it("exchanges a command", async () => {
    const exchange = await output(path, "--send-apdu", SELECT_DEMO);
    expect(exchange).toContain("Received (SW1=0x90, SW2=0x00)");
    // The application's label, which opensc-tool prints beside the bytes.
    expect(exchange.replaceAll(/\s+/g, "")).toContain("scard");
  });
});

describePeer(scdaemon, (path) => {
  it("sees the readers and exchanges a command", async () => {
    const home = mkdtempSync(join(tmpdir(), "scard-gnupg-"));
    try {
      // Without this it would look for readers on USB before it asks the service.
      writeFileSync(join(home, "scdaemon.conf"), "disable-ccid\n");
      const commands = ["GETINFO version", "SERIALNO undefined", "GETINFO reader_list", `APDU ${SELECT_DEMO}`, "BYE"];
      const { stdout, stderr, status } = await run(path, ["--homedir", home, "--server"], {
        environment: service.environment,
        input: `${commands.join("\n")}\n`,
      });
      expect(status, stderr).toBe(0);
      expect(stderr).toContain("detected reader 'Desk'");
      expect(stdout).toContain("D Desk%0AVirtual PCD%0AVirtual PCD 1%0A".replaceAll("%0A", "%0A\nD ").slice(0, -3));
      // A card that it has no application for gets a serial number of scdaemon's own making.
      expect(stdout).toMatch(/^S SERIALNO FF7F00$/m);
      expect(stdout).not.toMatch(/^ERR/m);
      expect(stdout).toContain("scard demo");
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
