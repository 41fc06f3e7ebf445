// SPDX-License-Identifier: MIT

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync, lstatSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { run } from "../peers/program.ts";
import { Client, scard, scardProgram, startDaemon, testFolder } from "./running.ts";

const SCARD_E_NO_MEMORY = 0x8010_0006;
const SCARD_E_SERVER_TOO_BUSY = 0x8010_0031;
const SCARD_W_SECURITY_VIOLATION = 0x8010_006a;

describe.skipIf(process.platform === "win32")("scard daemon", () => {
  it("says where it is, admits every client but only its owner to the control socket, and leaves nothing behind", async () => {
    const folder = testFolder();
    const socket = join(folder, "made", "pcscd.comm");
    const args = ["--socket", socket, "--reader", "virtual:Desk", "--card", "demo"];
    const { log, program, ready } = await startDaemon(...args);
    expect(ready).toBe(`export PCSCLITE_CSOCK_NAME=${socket}`);
    expect(statSync(socket).mode & 0o777).toBe(0o666);
    expect(statSync(`${socket}.control`).mode & 0o777).toBe(0o600);
    const client = await Client.connect(socket);
    expect(await client.establish()).toBe(0);
    const { status } = await program.end("SIGTERM");
    await client.closed;
    expect(status).toBe(0);
    expect(log().map(({ level, msg }) => `${level}: ${msg}`)).toEqual([
      "info: ready",
      "info: stopping",
      "info: stopped",
    ]);
    expect(readdirSync(join(folder, "made"))).toEqual([]);
  });

  it("says it to programs in JSON, and ends with an interrupt too", async () => {
    const socket = join(testFolder(), "comm");
    const { program, ready } = await startDaemon(
      "--socket",
      socket,
      "--json",
      "--reader",
      "virtual",
      "--reader",
      "virtual",
    );
    expect(JSON.parse(ready)).toEqual({
      ready: true,
      pid: program.pid,
      socket,
      control: `${socket}.control`,
      readers: ["Virtual Reader", "Virtual Reader 1"],
    });
    expect((await program.end("SIGINT")).status).toBe(0);
  });

  it("leaves a socket to the daemon that answers there, and takes it over when that was killed", async () => {
    const socket = join(testFolder(), "comm");
    const { program } = await startDaemon("--socket", socket);
    const refused = await scard("daemon", "--socket", socket, "--control", `${socket}.other`);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(
      `another daemon answers on ${socket}: stop it, or choose another socket with --socket`,
    );
    expect(existsSync(`${socket}.other`)).toBe(false);
    expect(await (await Client.connect(socket)).establish()).toBe(0);
    await program.end("SIGKILL");
    expect(lstatSync(socket).isSocket()).toBe(true);
    await startDaemon("--socket", socket);
    expect(await (await Client.connect(socket)).establish()).toBe(0);
  });

  it("reads the configuration anew without touching what stays", async () => {
    const folder = testFolder();
    const socket = join(folder, "comm");
    const config = join(folder, "daemon.json");
    const configure = (readers: readonly object[], more: object = {}): void => {
      writeFileSync(config, JSON.stringify({ readers, ...more }));
    };
    const stays = { type: "virtual", name: "Stays" };
    configure([stays, { type: "virtual", name: "Goes" }]);
    const daemon = await startDaemon("--socket", socket, "--config", config, "--reader", "virtual:Line");
    const messages = (): unknown[] => daemon.log().map(({ msg }) => msg);
    const control = await Client.connect(`${socket}.control`);
    const names = async (): Promise<string[]> => {
      const { result } = await control.ask({ command: "readers" });
      return (result as { name: string }[]).map((reader) => reader.name);
    };
    expect(await names()).toEqual(["Line", "Stays", "Goes"]);
    expect(await control.ask({ command: "insert", reader: "stays", card: "demo" })).toMatchObject({ ok: true });
    const client = await Client.connect(socket);
    expect(await client.establish()).toBe(0);

    configure([stays, { type: "virtual", name: "Comes", card: "demo" }], { socket: { mode: "0600" } });
    daemon.program.signal("SIGHUP");
    await expect.poll(names).toEqual(["Line", "Stays", "Comes"]);
    const { result } = await control.ask({ command: "who" });
    const cards = (result as { readers: { name: string; card?: object }[] }).readers.map(
      ({ card }) => card !== undefined,
    );
    expect(cards).toEqual([false, true, true]);

    await expect.poll(messages).toContain("the configuration was read anew");
    expect(messages()).toContain("needs a new start to take effect: socket");
    expect(daemon.log().at(-1)).toMatchObject({ msg: "the configuration was read anew", readers: await names() });

    writeFileSync(config, '{ "readers": 7 }');
    daemon.program.signal("SIGHUP");
    await expect.poll(messages).toContain("the configuration has mistakes; the one before stays in force");
    expect(daemon.log()).toContainEqual(
      expect.objectContaining({ level: "error", msg: "$.readers: should be an array" }),
    );
    expect(await names()).toEqual(["Line", "Stays", "Comes"]);
    expect((await daemon.program.end("SIGTERM")).status).toBe(0);
  });

  it("keeps its access rules, and takes new ones", async () => {
    const folder = testFolder();
    const socket = join(folder, "comm");
    const config = join(folder, "daemon.json");
    writeFileSync(config, JSON.stringify({ access: { daemon: [{ effect: "deny" }] } }));
    const { log, program } = await startDaemon("--socket", socket, "--config", config);
    const refused = await Client.connect(socket);
    expect(await refused.establish()).toBe(SCARD_W_SECURITY_VIOLATION);
    writeFileSync(config, "{}");
    program.signal("SIGHUP");
    await expect.poll(async () => (await Client.connect(socket)).establish()).toBe(0);
    expect(log().find(({ level }) => level === "warn")).toMatchObject({
      msg: "refused: a client may not reach the daemon",
      rule: "$.access.daemon[0]",
      remedy: expect.any(String),
    });
  });

  it("has a table as large as clients were compiled for, from the file and from the command line", async () => {
    const folder = testFolder();
    const config = join(folder, "daemon.json");
    writeFileSync(
      config,
      JSON.stringify({ maxReadersContexts: { "4:4": 48, "4:5": 64 }, readers: [{ type: "virtual" }] }),
    );
    for (const [line, sizes] of [
      [[], [48, 64]],
      [
        ["--max-readers", "20"],
        [20, 20],
      ],
    ] as const) {
      const socket = join(folder, `comm${line.length}`);
      await startDaemon("--socket", socket, "--config", config, ...line);
      for (const [at, minor] of [4, 5].entries()) {
        const client = await Client.connect(socket);
        const size = sizes[at] ?? 0;
        // The version, the table, and the version again: nothing is left between them.
        const version = [12, 0x11, 4, minor, 0];
        client.send(new Uint8Array(Uint32Array.from([...version, 0, 0x12, ...version]).buffer));
        expect((await client.read(12)).readUInt32LE(4)).toBe(minor);
        const table = await client.read(size * 184);
        expect(table.toString("latin1", 0, 14)).toBe("Virtual Reader");
        expect(table.readUInt32LE((size - 1) * 184 + 176)).toBe(34);
        const again = await client.read(12);
        expect([again.readUInt32LE(0), again.readUInt32LE(4), again.readUInt32LE(8)]).toEqual([4, minor, 0]);
      }
    }
    expect((await scard("daemon", "--max-readers", "2000")).stderr).toContain("--max-readers should be a whole number");
  });

  it("tells those who are too many", async () => {
    const folder = testFolder();
    const socket = join(folder, "comm");
    const config = join(folder, "daemon.json");
    writeFileSync(config, JSON.stringify({ limits: { sessions: 2, contexts: 1 } }));
    await startDaemon("--socket", socket, "--config", config);
    const clients = await Promise.all([1, 2, 3].map(() => Client.connect(socket)));
    const answers: unknown[] = [];
    for (const client of clients) answers.push(await client.establish());
    expect(answers).toEqual([0, SCARD_E_NO_MEMORY, SCARD_E_SERVER_TOO_BUSY]);
  });

  it("moves cards over the control socket", async () => {
    const socket = join(testFolder(), "comm");
    await startDaemon("--socket", socket, "--reader", "virtual:Desk", "--reader", "vpcd:0");
    const control = await Client.connect(`${socket}.control`);
    const hasCard = async (): Promise<boolean> => {
      const { result } = await control.ask({ command: "readers" });
      return (result as { card?: object }[])[0]?.card !== undefined;
    };
    expect(await hasCard()).toBe(false);
    await control.ask({ command: "insert", reader: "Desk", card: "demo" });
    expect(await hasCard()).toBe(true);
    await control.ask({ command: "remove", reader: "Desk" });
    expect(await hasCard()).toBe(false);
    expect(await control.ask({ id: 5, command: "remove", reader: "Lab" })).toMatchObject({
      id: 5,
      ok: false,
      error: { code: "unknown-reader", message: expect.stringContaining('there is no reader "Lab"') },
    });
    expect(await control.ask({ command: "remove", reader: "Virtual PCD" })).toMatchObject({
      error: { message: expect.stringContaining('"Virtual PCD" is not a virtual reader') },
    });
    expect(await control.ask({ command: "insert", reader: "Desk", card: "/no/such/card" })).toMatchObject({
      error: { code: "invalid-value" },
    });
  });

  it.skipIf(process.platform !== "linux")("listens on the socket that a service manager hands over", async () => {
    const folder = testFolder();
    const path = join(folder, "comm");
    const server = createServer().listen(path);
    await once(server, "listening");
    // When it closes its end, the test also removes the path: the socket needs a second name.
    const kept = join(folder, "kept");
    linkSync(path, kept);
    const fd = Number(Reflect.get(Reflect.get(server, "_handle") as object, "fd"));
    // The process has to be told its own number, which the shell knows.
    const script = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@"';
    const command = [process.execPath, scardProgram, "daemon", "--json", "--control", join(folder, "control")];
    const daemon = spawn("sh", ["-c", script, ...command], { stdio: ["ignore", "pipe", "ignore", fd] });
    onTestFinished(() => {
      daemon.kill("SIGKILL");
    });
    server.close();
    const [ready] = await once(daemon.stdout ?? server, "data");
    expect(JSON.parse(String(ready))).toMatchObject({ ready: true, pid: daemon.pid, socket: path });
    expect(await (await Client.connect(kept)).establish()).toBe(0);
    daemon.kill("SIGTERM");
    expect(await once(daemon, "exit")).toEqual([0, null]);
    expect(readdirSync(folder)).toEqual(["kept"]);
  });

  it("does not start with a bad configuration, and says why", async () => {
    const folder = testFolder();
    const socket = join(folder, "comm");
    const usage = async (...args: string[]) => {
      const { status, stderr } = await scard("daemon", "--socket", socket, ...args);
      return `${status} ${stderr.split("\n")[0]}`;
    };
    expect(await usage("--card", "demo")).toBe("2 scard: --card must follow its virtual reader");
    expect(await usage("--reader", "vpcd", "--card", "demo")).toMatch(/^2 .*--card must follow its virtual reader/);
    expect(await usage("--reader", "virtual+demo", "--card", "demo")).toMatch(/^2 .*a virtual reader takes one --card/);
    expect(await usage("--reader", "usb:")).toMatch(/^2 scard: --reader: "usb:" describes no reader; known: virtual/);
    expect(await usage("--log-level", "loud")).toMatch(/^2 scard: --log-level is one of trace, debug/);
    expect(await usage("--check-config")).toMatch(/^2 scard: --check-config needs --config FILE/);
    expect(await usage("--reader", "virtual", "--card", "/no/card")).toMatch(/^1 .*\/no\/card cannot be read/);
    const file = join(folder, "daemon.json");
    writeFileSync(file, '{ "reader": [], "log": { "level": "loud" } }');
    expect(await usage("--config", file)).toMatch(/^1 scard: .*daemon\.json: \$\.reader: is not known here/);
    const { status, stderr, stdout } = await scard("daemon", "--socket", socket, "--config", file, "--json");
    expect([status, stderr, JSON.parse(stdout)]).toEqual([
      1,
      "",
      {
        error: {
          code: "invalid-value",
          name: "SCARD_E_INVALID_VALUE",
          rv: 0x80100011,
          message: expect.stringContaining("$.log.level: should be one of"),
          problems: [expect.stringContaining("$.reader: is not known"), expect.stringContaining("$.log.level: ")],
        },
      },
    ]);
    expect(existsSync(socket)).toBe(false);
  });

  it("checks a configuration without starting", async () => {
    const file = join(testFolder(), "daemon.json");
    writeFileSync(file, '{ "profile": "macos", "readers": [{ "type": "virtual", "card": "none.json" }] }');
    const bad = await scard("daemon", "--config", file, "--check-config");
    expect(bad.status).toBe(1);
    expect(bad.stdout).toMatch(/^\$\.profile: should be one of "pcsclite", "windows"$/m);
    const problems = await scard("daemon", "--config", file, "--check-config", "--json");
    expect(problems.status).toBe(1);
    expect(JSON.parse(problems.stdout)).toMatchObject({ ok: false, problems: [{ path: "$.profile" }] });
    writeFileSync(file, '{ "readers": [{ "type": "virtual", "card": "demo" }] }');
    const good = await scard("daemon", "--config", file, "--check-config");
    expect([good.status, good.stdout]).toEqual([0, `${file} is good\n`]);
  });
});

describe.skipIf(process.platform === "win32")("scard who", () => {
  it("asks the daemon that programs here are told to use", async () => {
    const socket = join(testFolder(), "comm");
    await startDaemon("--socket", socket, "--reader", "virtual:Desk", "--card", "demo");
    const client = await Client.connect(socket);
    await client.establish();
    const environment = { ...process.env, PCSCLITE_CSOCK_NAME: socket };
    const { status, stdout } = await run(process.execPath, [scardProgram, "who", "--json"], { environment });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      daemon: { socket, profile: "pcsclite", sessions: 1 },
      readers: [{ name: "Desk", card: { mute: false }, connections: [], queue: [] }],
      clients: [{ client: process.platform === "linux" ? { pid: process.pid } : {}, contexts: 1 }],
    });
    const forPeople = await scard("who", "--control", `${socket}.control`);
    expect(forPeople.stdout).toMatch(/^Desk {2}card with T=0 and T=1/);
  });

  it("says how to start one where none runs", async () => {
    const control = join(testFolder(), "control");
    const { status, stderr } = await scard("who", "--control", control);
    expect(status).toBe(1);
    expect(stderr).toMatch(/SCARD_E_NO_SERVICE: no scard daemon answers at .*: start one with "scard daemon/);
  });
});
