// SPDX-License-Identifier: MIT

// The packed package on Windows' Node: the demo, the commands, the database, vpcd, and the conformance suite.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { softwareCard } from "../../src/entry/embedded.ts";
import { describePeer } from "../peers/peers.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";
import {
  HANG_MS,
  type Installed,
  installForWindows,
  type NodeVersion,
  nodeVersions,
  runNode,
  type WindowsEnding,
  type WindowsOptions,
  WindowsProgram,
  windows,
  windowsPath,
} from "./rig.ts";

const card = await softwareCard("demo");
const ATR = encodeHex(card.reset());
const patience = { timeout: HANG_MS };

/** In one process, a manager with a vpcd reader: it prints the port, and what the card that plugs in answers. */
const VPCD_PROGRAM = `
import { embeddedManager, listenVpcd } from "scard/embedded";
const listener = await listenVpcd({ port: 0 });
const manager = embeddedManager();
for (const reader of listener.readers) await manager.addReader(reader);
console.log("port " + listener.ports[0]);
const context = await manager.establishContext();
const [reader] = await context.listReaders();
await context.getStatusChange([{ reader, flags: { empty: true } }]);
const card = await context.connect(reader, { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
const { sw } = await card.send({ cla: 0, ins: 0xa4, p1: 4, p2: 0, data: Buffer.from("F073636172642E64656D6F", "hex") });
console.log("answer " + sw.toString(16));
await card.disconnect();
const { eventCount } = (await context.getStatusChange([{ reader }]))[0];
await context.getStatusChange([{ reader, flags: { present: true }, eventCount }]);
console.log("gone");
await manager.close();
await listener.close();
`;

describePeer(windows, () => {
  let installed: Installed;
  let data: string;
  beforeAll(async () => {
    installed = await installForWindows();
    writeFileSync(join(installed.folder, "vpcd.mjs"), VPCD_PROGRAM);
  }, HANG_MS);
  afterAll(() => installed?.remove());

  test("npm brings what the package needs on Windows", () => {
    const lock = JSON.parse(readFileSync(join(installed.folder, "node_modules/.package-lock.json"), "utf8"));
    const names = Object.keys(lock.packages).map((path) => path.replace(/.*node_modules\//, ""));
    expect(names).toEqual(expect.arrayContaining(["@koromix/koffi-win32-x64", "@libsql/win32-x64-msvc"]));
    expect(names.filter((name) => /linux|darwin/.test(name))).toEqual([]);
  });

  describe.each(nodeVersions)("Node %s for Windows", (version: NodeVersion) => {
    beforeAll(() => {
      data = mkdtempSync(join(installed.folder, "data-"));
    });

    function scard(args: readonly string[], options: WindowsOptions = {}): Promise<WindowsEnding> {
      const env = {
        SCARD_MANAGER: "embedded:virtual:Desk+demo",
        LOCALAPPDATA: windowsPath(join(data, "local")),
        ProgramData: windowsPath(join(data, "all")),
        ...options.env,
      };
      return runNode(version, [installed.scard, ...args], { cwd: data, ...options, env });
    }

    /** What a command prints that has to succeed, and to complain of nothing. */
    async function printed(args: readonly string[], options?: WindowsOptions): Promise<string> {
      const { status, stderr, stdout } = await scard(args, options);
      expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: expect.not.stringMatching(/scard:|Warning/) });
      return stdout;
    }

    test("runs scard demo, and every step is right", patience, async () => {
      expect(await runNode(version, ["-p", "process.platform + process.version"])).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(`^win32v${version}[.]`),
      });
      expect(await printed(["demo"])).toContain("75 steps");
    });

    test("runs the commands that need no service", patience, async () => {
      expect(await printed(["readers"])).toMatch(/^0 {2}Desk {2}card present/);
      expect(await printed(["atr", ATR])).toContain("T=1");
      expect(await printed(["apdu", "00A404000BF073636172642E64656D6F"])).toContain("9000");
      const script = "00A404000BF073636172642E64656D6F\r\n# a comment\r\n\r\n00B0000000\r\n";
      expect((await printed(["apdu", "-"], { input: script })).match(/^< /gm)).toHaveLength(2);
      expect(await printed(["select"])).toBe("Desk\n");
      expect(await printed(["groups", "list"])).toContain("SCard$DefaultReaders");
      expect(JSON.parse(await printed(["audit", "--json"]))).toEqual([]);
      expect(await printed(["--version"])).toMatch(/^scard \d|^\d/);
      expect(await printed(["help", "watch"])).toContain("Usage: scard watch");
      expect(await printed(["completion", "bash"])).toContain("complete");
    });

    test("has the database in the folders that Windows has for it", patience, async () => {
      expect(await printed(["types", "introduce", "Demo card", "--atr", ATR])).toBeDefined();
      expect(await printed(["types", "introduce", "For all", "--atr", "3B00", "--scope", "system"])).toBeDefined();
      expect(readdirSync(join(data, "local/scard"))).toContain("database.sqlite");
      expect(readdirSync(join(data, "all/scard"))).toContain("database.sqlite");
      expect(await printed(["types", "list"])).toMatch(/Demo card[\s\S]*For all/);
      expect(await printed(["locate", "--timeout", "60", "Demo"])).toContain("Demo card");
      const list = "3B 01\r\n\tA card with Windows' line ends\r\n";
      writeFileSync(join(data, "liste é.txt"), list);
      expect(await printed(["types", "import", "liste é.txt"])).toContain("1");
      expect(await printed(["types", "list", "--json"])).toContain(`"A card with Windows' line ends"`);
    });

    test("reads a card image at a path of Windows, as its editors write it", patience, async () => {
      const image = `\uFEFF{\r\n  "name": "Bücherei"\r\n}\r\n`;
      mkdirSync(join(data, "my cards é"));
      const path = join(data, "my cards é", "card.json");
      writeFileSync(path, image);
      const SCARD_MANAGER = `embedded:virtual:Desk+${windowsPath(path)}`;
      expect(await printed(["readers"], { env: { SCARD_MANAGER } })).toContain("card present");
      const relative = { env: { SCARD_MANAGER: "embedded:virtual+.\\my cards é\\card.json" } };
      expect(await printed(["readers"], relative)).toContain("card present");
      const folder = await scard(["readers"], { env: { SCARD_MANAGER: "embedded:virtual+.\\my cards é" } });
      expect(folder).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/my cards é cannot be read: it is a folder/),
      });
    });

    test("says what Windows does not have, and what to do", patience, async () => {
      for (const spec of ["pcscd", "pcscd:/run/pcscd/pcscd.comm"]) {
        const refused = await scard(["readers", "--manager", spec]);
        expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("Windows has no pcscd") });
      }
      const daemon = await scard(["daemon", "--reader", "virtual"]);
      expect(daemon).toMatchObject({ status: 1, stderr: expect.stringContaining("there is no pcscd to stand in for") });
      expect(daemon.stderr).not.toContain("koffi");
    });

    test("doctor never says that all is well without a service", patience, async () => {
      const { status, stdout } = await scard(["doctor", "--json"], { env: { SCARD_MANAGER: "" } });
      const found = JSON.parse(stdout);
      expect({ status, healthy: found.healthy, name: found.platform.name }).toEqual({
        status: 1,
        healthy: false,
        name: "Windows",
      });
      const versions = found.packages.map((one: { readonly version?: string }) => one.version);
      expect(versions).toEqual([expect.any(String), expect.any(String), expect.any(String)]);
    });

    test("ends a watch on Ctrl+Break", patience, async () => {
      const press = "data:text/javascript,setInterval(()=>process.emit('SIGBREAK','SIGBREAK'),300).unref()";
      const args = ["--import", press, installed.scard, "watch"];
      const { status, stdout } = await runNode(version, args, { env: { SCARD_MANAGER: "embedded:virtual:Desk+demo" } });
      expect({ status, stdout }).toMatchObject({ status: 0 });
    });

    test("has a card of this machine in a vpcd reader", patience, async () => {
      const program = new WindowsProgram(version, ["vpcd.mjs"], { cwd: installed.folder });
      let failed = "";
      void program.ended.then(({ stdout, stderr }) => {
        failed = stdout + stderr;
      });
      const line = async (pattern: RegExp): Promise<string> => {
        return vi.waitFor(
          () => {
            if (failed !== "") return failed;
            expect(program.stdout).toMatch(pattern);
            return program.stdout;
          },
          { timeout: HANG_MS, interval: 50 },
        );
      };
      const port = Number(/^port (\d+)$/m.exec(await line(/^port \d+$/m))?.[1]);
      const plugged = await SoftwareVpcdCard.insert(card, port);
      await line(/^answer .+$/m);
      await plugged.remove();
      const { status, stdout, stderr } = await program.ended;
      expect({ status, stderr, stdout }).toEqual({
        status: 0,
        stderr: "",
        stdout: `port ${port}\nanswer 9000\ngone\n`,
      });
    });

    test("behaves as the conformance suite expects", patience, async () => {
      const args = ["conformance", "--no-prompts", "--json"];
      const { status, stdout, stderr } = await scard(args, { env: { SCARD_MANAGER: "embedded:virtual" } });
      expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
    });
  });

  test("where libsql cannot be loaded, the reason is told, and nothing is to be installed", patience, async () => {
    const { status, stderr } = await runNode(20, [installed.scard, "types", "list"], { withoutLibraries: true });
    expect(status).toBe(1);
    expect(stderr).toMatch(/libsql is installed, but cannot be loaded: .*Visual C\+\+/);
    expect(stderr).not.toContain("npm install");
    const named = await runNode(20, [installed.scard, "atr", ATR], { withoutLibraries: true });
    expect(named).toMatchObject({ status: 0, stderr: expect.stringContaining("cards are not named: ") });
    rmSync(data, { recursive: true });
  });
});
