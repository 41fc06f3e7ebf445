// SPDX-License-Identifier: MIT

// The daemon in bad company, in real processes: a log that cannot be written, signals, sockets of the wrong kind.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Client, scardProgram, testFolder } from "./running.ts";

/** Starts a daemon with something of its own as standard error; settles when it is ready. */
async function daemonWith(standardError: number | "pipe", ...args: readonly string[]) {
  const socket = join(testFolder(), "comm");
  const line = [scardProgram, "daemon", "--json", "--socket", socket, "--reader", "virtual:Desk", ...args];
  const daemon = spawn(process.execPath, line, { stdio: ["ignore", "pipe", standardError] });
  onTestFinished(() => {
    daemon.kill("SIGKILL");
  });
  await once(daemon.stdout as NodeJS.ReadableStream, "data");
  return { daemon, socket };
}

/** Asks for so many contexts that the log fills up. */
async function makeItTalk(socket: string): Promise<void> {
  for (let times = 0; times < 20; times++) expect(await (await Client.connect(socket)).establish()).toBe(0);
}

async function ends(daemon: ChildProcess, signal: NodeJS.Signals): Promise<unknown[]> {
  const exit = once(daemon, "exit");
  daemon.kill(signal);
  return exit;
}

describe.skipIf(process.platform !== "linux")("a log that cannot be written", { timeout: 120_000 }, () => {
  it("on a full disk costs lines, and nothing else", async () => {
    const full = openSync("/dev/full", "w");
    const { daemon, socket } = await daemonWith(full, "--log-level", "trace");
    closeSync(full);
    await makeItTalk(socket);
    expect(await ends(daemon, "SIGTERM")).toEqual([0, null]);
  });

  it("in a pipe that is closed costs lines, and nothing else", async () => {
    const { daemon, socket } = await daemonWith("pipe", "--log-level", "trace");
    daemon.stderr?.destroy();
    await makeItTalk(socket);
    expect(await ends(daemon, "SIGTERM")).toEqual([0, null]);
  });

  it("in a pipe that nothing reads costs lines, and nothing else", async () => {
    // The pipe holds 64 KiB, and the trace of these contexts is more.
    const { daemon, socket } = await daemonWith("pipe", "--log-level", "trace");
    daemon.stderr?.pause();
    for (let rounds = 0; rounds < 20; rounds++) await makeItTalk(socket);
    expect(await ends(daemon, "SIGTERM")).toEqual([0, null]);
  });
});

describe.skipIf(process.platform !== "linux")("signals", { timeout: 120_000 }, () => {
  it("SIGUSR1, with which users of pcscd ask for a rescan, opens no debugger", async () => {
    const { daemon, socket } = await daemonWith("pipe");
    let said = "";
    daemon.stderr?.on("data", (text) => {
      said += text;
    });
    daemon.kill("SIGUSR1");
    await expect.poll(() => said, { timeout: 60_000 }).toContain("the configuration was read anew");
    await makeItTalk(socket);
    expect(said).not.toContain("Debugger");
    expect(listeningPorts(daemon.pid ?? 0)).toEqual([]);
    expect(await ends(daemon, "SIGTERM")).toEqual([0, null]);
  });
});

describe.skipIf(process.platform !== "linux")(
  "SIGUSR1 before the first statement of the program",
  { timeout: 120_000 },
  () => {
    /** Runs before the program does, and sends the signal while nothing listens for it. */
    const before = `import { url } from "node:inspector";
    process.kill(process.pid, "SIGUSR1");
    while (url() === undefined) await new Promise((resolve) => setTimeout(resolve, 1));`;
    const preload = ["--inspect-port=0", "--import", `data:text/javascript,${encodeURIComponent(before)}`];

    async function portsOf(...options: readonly string[]): Promise<readonly unknown[]> {
      const run = ["daemon", "--socket", join(testFolder(), "comm"), "--reader", "virtual:Desk"];
      const daemon = spawn(process.execPath, [...options, scardProgram, ...run]);
      onTestFinished(() => {
        daemon.kill("SIGKILL");
      });
      await once(daemon.stdout, "data");
      return listeningPorts(daemon.pid ?? 0);
    }

    it("leaves no debugger open, though Node has opened one", async () => {
      expect(await portsOf(...preload)).toEqual([]);
    });

    it("leaves one open that was asked for", async () => {
      expect(await portsOf("--inspect=0")).toHaveLength(1);
    });
  },
);

describe.skipIf(process.platform !== "linux")("signals during the start", { timeout: 120_000 }, () => {
  /** A daemon that gets a signal as soon as its program runs. */
  async function hurried(signal: NodeJS.Signals) {
    const socket = join(testFolder(), "comm");
    const options = ["daemon", "--json", "--socket", socket, "--reader", "virtual:Desk"];
    // It is sent as soon as the program's first module listens for it, however long that takes to load.
    const now = `process.argv.splice(1, 0, ${JSON.stringify(scardProgram)});
      const main = import(${JSON.stringify(scardProgram)});
      const looking = setInterval(() => {
        if (process.listenerCount(${JSON.stringify(signal)}) === 0) return;
        clearInterval(looking);
        process.kill(process.pid, ${JSON.stringify(signal)});
      }, 1);
      await main;`;
    const daemon = spawn(process.execPath, ["--input-type=module", "-e", now, "--", ...options], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => {
      daemon.kill("SIGKILL");
    });
    return { daemon, socket };
  }

  it("an end is neither lost nor fatal: it leaves nothing", async () => {
    const { daemon, socket } = await hurried("SIGTERM");
    expect(await once(daemon, "exit")).toEqual([0, null]);
    expect(existsSync(socket)).toBe(false);
  });

  it("a SIGHUP is no end: the configuration is read when the daemon is ready", async () => {
    const { daemon, socket } = await hurried("SIGHUP");
    let said = "";
    daemon.stderr?.on("data", (text) => {
      said += text;
    });
    await once(daemon.stdout as NodeJS.ReadableStream, "data");
    await expect.poll(() => said, { timeout: 60_000 }).toContain("the configuration was read anew");
    await makeItTalk(socket);
    expect(await ends(daemon, "SIGTERM")).toEqual([0, null]);
  });
});

describe.skipIf(process.platform !== "linux")("few descriptors", { timeout: 120_000 }, () => {
  /** A daemon that may have so many descriptors, and what it says until it has ended, or is ready. */
  async function limited(descriptors: number) {
    const socket = join(testFolder(), "comm");
    const script = 'ulimit -n "$1"; shift; exec "$@"';
    const options = ["daemon", "--json", "--socket", socket, "--reader", "virtual:Desk"];
    const daemon = spawn("sh", ["-c", script, "sh", String(descriptors), process.execPath, scardProgram, ...options], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => {
      daemon.kill("SIGKILL");
    });
    let said = "";
    for (const stream of [daemon.stdout, daemon.stderr]) stream?.on("data", (text) => (said += text));
    const ended = once(daemon, "close");
    await Promise.race([ended, expect.poll(() => said, { timeout: 60_000 }).toContain('"ready":true')]).catch(() => {});
    return { daemon, socket, said: () => said, ended };
  }

  it("make room for few clients, which is said and holds", async () => {
    const { daemon, said, socket } = await limited(256);
    expect(said()).toMatch(/there is room for \d+ clients, not 4096/);
    const clients = await Promise.all(Array.from({ length: 300 }, () => Client.connect(socket).catch(() => undefined)));
    for (const client of clients.splice(2)) client?.end();
    await expect
      .poll(async () => (await Client.connect(socket)).establish().catch(() => 1), { timeout: 60_000 })
      .toBe(0);
    expect(await ends(daemon, "SIGTERM")).toEqual([0, null]);
  });

  // How many are enough depends on the machine. From too few to load the program to enough for some clients: none hangs.
  it.each([32, 36, 40, 44, 48, 52, 56])(
    "%d, where they are too few, are an error that says what to do",
    async (descriptors) => {
      const { daemon, ended, said } = await limited(descriptors);
      if (descriptors > 32 && said().includes('"ready":true')) {
        expect(await ends(daemon, "SIGTERM")).toEqual([0, null]);
        return;
      }
      expect((await ended)[0]).toBe(1);
      expect(said()).toMatch(/ulimit -n/);
    },
  );
});

it.skipIf(process.platform !== "linux")("a socket of the network from a service manager is refused", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const fd = Number(Reflect.get(Reflect.get(server, "_handle") as object, "fd"));
  const script = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@"';
  const line = ["daemon", "--control", join(testFolder(), "control")];
  const daemon = spawn("sh", ["-c", script, process.execPath, scardProgram, ...line], {
    stdio: ["ignore", "ignore", "pipe", fd],
  });
  server.close();
  let said = "";
  daemon.stderr?.on("data", (text) => {
    said += text;
  });
  expect(await once(daemon, "close")).toEqual([1, null]);
  expect(said).toMatch(/file descriptor 3 is a socket of the network/);
});

/** The inodes of TCP sockets on which a process listens. */
function listeningPorts(pid: number): string[] {
  const listening = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => {
    const rows = readFileSync(file, "utf8").trim().split("\n").slice(1);
    return rows.map((row) => row.trim().split(/\s+/)).filter(([, , , state]) => state === "0A");
  });
  const inodes = new Set(listening.map((row) => row[9]));
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  return open.filter((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1]));
}
