// SPDX-License-Identifier: MIT

// The list of ATRs that Debian ships, in real processes: import it, and cards have names.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LIST_PATH } from "../../src/apps/cli/types-import.ts";
import { hexBytes } from "../../src/base/binary/index.ts";
import { freePort } from "../peers/free-ports.ts";
import { describePeer } from "../peers/peers.ts";
import { Program, run } from "../peers/program.ts";
import { TcpCard } from "./tcp-card.ts";

const program = resolve("dist/bundle/entry/main.js");
const folder = mkdtempSync(join(tmpdir(), "scard-names-"));
const environment = {
  ...process.env,
  SCARD_DATABASE: join(folder, "database.sqlite"),
  SCARD_MANAGER: "embedded:virtual+demo",
};

const YUBI_KEY = "3BFD1300008131FE158073C021C057597562694B657940";
const ESTONIAN_ID = "3BDB960080B1FE451F830012233F536549440F9000F1";
const MIFARE_CLASSIC = "3B8F8001804F0CA000000306030001000000006A";

const pcscTools = {
  name: "pcsc_scan",
  remedy: "scripts/setup-peers.sh installs pcsc-tools, which has the list, on Debian.",
  probe: () => (existsSync(LIST_PATH) ? undefined : `${LIST_PATH} is missing`),
};

function start(...args: string[]): Program {
  return new Program(process.execPath, [program, ...args], environment);
}

afterAll(() => rmSync(folder, { recursive: true }));

describePeer(pcscTools, () => {
  beforeAll(async () => {
    if (!existsSync(program)) throw new Error("dist/ is missing: run `npm run build` first, as `npm test` does");
    const { status, stderr, stdout } = await run(process.execPath, [program, "types", "import"], { environment });
    expect([status, stderr]).toEqual([0, ""]);
    expect(Number(/^(\d+) card types \(\d+ ATR expressions\)/.exec(stdout)?.[1])).toBeGreaterThan(3000);
  });

  it.each([
    [YUBI_KEY, /^Known as +Yubico YubiKey 5 NFC/m],
    [ESTONIAN_ID, /^Known as +Estonia ID-card \(eID\)$/m],
    [MIFARE_CLASSIC, /^Known as +NXP\/Philips MIFARE Classic 1K/m],
  ])("scard atr %s", async (atr, name) => {
    const { status, stderr, stdout } = await run(process.execPath, [program, "atr", atr], { environment });
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(name);
  });

  it("scard watch names a card that is put in", async () => {
    const port = await freePort();
    const watch = start("watch", "--json", "--manager", `embedded:vpcd:${port}`);
    await watch.line((line) => line.includes("reader-present"));
    const card = await TcpCard.insert(port, hexBytes(MIFARE_CLASSIC));
    const line = await watch.line((seen) => seen.includes("card-inserted"));
    expect(JSON.parse(line).cards).toContain("NXP/Philips MIFARE Classic 1K (as per PCSC std part3)");
    watch.signal("SIGINT");
    expect(await watch.ended).toMatchObject({ status: 0, stderr: "" });
    card.close();
  });

  it("scard locate waits for one of them, and passes over others", async () => {
    const port = await freePort();
    const manager = `embedded:virtual:Desk+demo,vpcd:${port}`;
    const locate = start("locate", "estonia id", "--manager", manager);
    let card = await insertOnce(port, MIFARE_CLASSIC);
    card.close();
    card = await insertOnce(port, ESTONIAN_ID);
    const line = await locate.line();
    expect(line).toMatch(/^Virtual PCD {2}Estonia ID-card \(eID\)/);
    expect((await locate.ended).status).toBe(0);
    card.close();
  });

  it("scard locate ends with 130 at Ctrl-C, and prints nothing", async () => {
    const port = await freePort();
    const locate = start("locate", "yubikey", "--manager", `embedded:vpcd:${port}`);
    // It waits as soon as it listens.
    (await insertOnce(port, MIFARE_CLASSIC)).close();
    locate.signal("SIGINT");
    const { status, stderr, stdout } = await locate.ended;
    expect([status, stdout, stderr]).toEqual([130, "", expect.stringMatching(/^waiting for ".*ubi[kK]ey.*\n$/)]);
  });
});

describe("without SQLite", () => {
  /** Node with a `libsql` that fails to load, and without an SQLite of its own. */
  const without = (failure: string): string[] => {
    const hook = `export async function resolve(name, context, next) { if (name === "libsql") throw ${failure}; return next(name, context); }`;
    const loader = `import { register } from "node:module"; register(${JSON.stringify(asModule(hook))});`;
    const own = process.allowedNodeEnvironmentFlags.has("--experimental-sqlite") ? ["--no-experimental-sqlite"] : [];
    return [...own, "--import", asModule(loader), program];
  };

  it("cards have no names, and everything else is as ever", async () => {
    const node = without(
      `Object.assign(new Error("Cannot find package 'libsql' imported from here"), { code: "ERR_MODULE_NOT_FOUND" })`,
    );
    const atr = await run(process.execPath, [...node, "atr", YUBI_KEY], { environment });
    expect([atr.status, atr.stderr]).toEqual([0, ""]);
    expect(atr.stdout).toContain('card with T=1, "YubiKey"');
    expect(atr.stdout).not.toContain("Known as");
    const select = await run(process.execPath, [...node, "select", "--json"], { environment });
    expect(JSON.parse(select.stdout)).toMatchObject({ reader: "Virtual Reader" });
    const types = await run(process.execPath, [...node, "types", "list"], { environment });
    expect([types.status, types.stderr]).toEqual([1, expect.stringContaining("npm install libsql")]);
  });

  it("a libsql that is installed and does not load is told, with the reason", async () => {
    const node = without('new Error("the specified module could not be found")');
    const atr = await run(process.execPath, [...node, "atr", YUBI_KEY], { environment });
    expect([atr.status, atr.stdout]).toEqual([0, expect.stringContaining('card with T=1, "YubiKey"')]);
    expect(atr.stderr).toMatch(
      /^scard: cards are not named: .*libsql is installed, but cannot be loaded: the specified module/,
    );
  });
});

function asModule(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** Connects a card as soon as a reader listens. */
async function insertOnce(port: number, atr: string): Promise<TcpCard> {
  for (;;) {
    try {
      return await TcpCard.insert(port, hexBytes(atr));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
    }
  }
}
