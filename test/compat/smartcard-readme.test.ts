// SPDX-License-Identifier: MIT

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDaemon, testFolder } from "../daemon/running.ts";
import { describePeer } from "../peers/peers.ts";
import { run } from "../peers/program.ts";
import { npmPackage, runContactless } from "./packages.ts";

// The programs in the README of smartcard, as its package has it, with one import changed.

const SLOW = 30_000;
/** Inside the package, so that `scard/…` is this very build. */
const folder = fileURLToPath(new URL("../../dist/.smartcard-readme/", import.meta.url));

describePeer(npmPackage("smartcard"), (packageFolder) => {
  beforeAll(() => mkdir(folder, { recursive: true }));
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** The program behind a heading of the README, in a file. */
  async function program(heading: string): Promise<string> {
    const readme = await readFile(join(packageFolder, "README.md"), "utf8");
    const section = readme.slice(readme.indexOf(`### ${heading}`));
    const [, code = ""] = /^```javascript\n(.*?)^```$/ms.exec(section) ?? [];
    const changed = code.replace("require('smartcard')", "require('scard/compat/smartcard')");
    expect(changed).not.toBe(code);
    const file = join(folder, `${heading.replaceAll(/\W+/g, "-")}.cjs`);
    await writeFile(file, changed);
    return file;
  }

  test("the first script sees a card and its UID", { timeout: SLOW }, async () => {
    const first = runContactless(await program("3. Connect a reader and run your first script"), { TAG: "inserted" });
    expect(await first.line()).toBe("Card detected in ACS ACR122U PICC Interface");
    expect(await first.line()).toBe("ATR: 3b8f8001804f0ca0000003060300030000000068");
    expect(await first.line()).toBe("UID: 04a23b7a112280");
  });

  test("the event-driven program sees everything come and go", { timeout: SLOW }, async () => {
    const events = runContactless(await program("High-Level API (Event-Driven)"));
    expect(await events.line()).toBe("Reader attached: ACS ACR122U PICC Interface");
    for (let round = 0; round < 2; round++) {
      events.write("insert\n");
      expect(await events.line()).toBe("Card inserted in ACS ACR122U PICC Interface");
      expect(await events.line()).toMatch(/^ {2}ATR: 3b8f80/);
      expect(await events.line()).toBe("  UID: 04a23b7a112280");
      events.write("remove\n");
      expect(await events.line()).toBe("Card removed from ACS ACR122U PICC Interface");
    }
    events.write("unplug\n");
    expect(await events.line()).toBe("Reader detached: ACS ACR122U PICC Interface");
    expect((await events.end()).stderr).toBe("");
  });

  test("the direct program lists, connects, transmits, and ends by itself", { timeout: SLOW }, async () => {
    const direct = runContactless(await program("Low-Level API (Direct PC/SC)"), { TAG: "inserted" });
    const { status, stderr, stdout } = await direct.ended;
    expect(stderr).toBe("");
    expect(stdout.split("\n")).toEqual(
      expect.arrayContaining([
        "Context valid: true",
        "Readers: [ 'ACS ACR122U PICC Interface' ]",
        "Connected, protocol: 2",
        "  ATR: 3b8f8001804f0ca0000003060300030000000068",
        "  Response: 04a23b7a1122809000",
      ]),
    );
    expect(status).toBe(0);
  });

  test("the waiting program sees a card come, and ends by itself", { timeout: SLOW }, async () => {
    const waiting = runContactless(await program("Waiting for Card Changes"));
    await waiting.line((line) => line === "Waiting for card...");
    waiting.write("insert\n");
    expect(await waiting.line()).toMatch(/^ACS ACR122U PICC Interface: state changed to \d+$/);
    const { status, stderr } = await waiting.ended;
    expect([status, stderr]).toEqual([0, ""]);
  });

  test("the direct program finds the readers of a service at once, and ends by itself", { timeout: SLOW }, async () => {
    const socket = join(testFolder(), "comm");
    const control = join(testFolder(), "control");
    await startDaemon("--socket", socket, "--control", control, "--reader", "virtual:Desk+demo");
    const { SCARD_MANAGER: _, ...environment } = process.env;
    const ending = await run(process.execPath, [await program("Low-Level API (Direct PC/SC)")], {
      environment: { ...environment, PCSCLITE_CSOCK_NAME: socket },
    });
    expect(ending.stderr).toBe("");
    expect(ending.stdout).toContain("Readers: [ 'Desk' ]");
    expect(ending.stdout).toMatch(/Connected, protocol: \d/);
    expect(ending.stdout).toContain("  Response: 6e00");
    expect(ending.status).toBe(0);
  });

  test("without a service the direct program hears so at once", { timeout: SLOW }, async () => {
    const { SCARD_MANAGER: _, ...environment } = process.env;
    const ending = await run(process.execPath, [await program("Low-Level API (Direct PC/SC)")], {
      environment: { ...environment, PCSCLITE_CSOCK_NAME: join(testFolder(), "missing") },
    });
    expect(ending.status).toBe(1);
    expect(ending.stderr).toContain("ServiceNotRunningError: PC/SC service not running");
  });
});
