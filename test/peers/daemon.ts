// SPDX-License-Identifier: MIT

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { WhoReport } from "../../src/daemon/index.ts";
import type { PeerProgram } from "./peers.ts";
import { Program, run } from "./program.ts";

/** Where our built program is. Everything that uses this file is started in the repository's root folder. */
const scardProgram = resolve("dist/cli/main.js");

/** A PC/SC service that is running, with two readers of vpcd's kind for the cards of tests. */
export interface Service {
  readonly name: "pcscd" | "scard";
  readonly program: Program;
  /** What its clients need in their environment. */
  readonly environment: NodeJS.ProcessEnv;
  /** Where the cards connect to: the first reader, the second. */
  readonly ports: readonly [number, number];
  /** Ends it, and removes what it left. */
  stop(): Promise<void>;
}

/** Our daemon. */
export interface ScardService extends Service {
  /** Who uses what, as `scard who --json` prints it. */
  who(): Promise<WhoReport>;
  /** Waits until it has seen so many cards, and has their ATR. */
  seesCards(count: number): Promise<void>;
}

/** The stock service, with the driver that takes virtual cards. It has one socket, so that only one can run. */
export const pcscdProgram: PeerProgram = {
  name: "/usr/sbin/pcscd",
  remedy: "scripts/setup-peers.sh installs it and its driver on Debian.",
  probe: () => {
    if (process.getuid?.() !== 0) return "it needs root for its socket";
    if (!existsSync(vpcdDriver)) return `its driver ${vpcdDriver} is missing`;
    return isPcscdRunning() ? `one is running (see ${runFiles.pid})` : undefined;
  },
};

/** What a running pcscd has; one that was killed leaves them behind. */
const runFiles = { socket: "/run/pcscd/pcscd.comm", pid: "/run/pcscd/pcscd.pid" } as const;

function isPcscdRunning(): boolean {
  try {
    const pid = Number(readFileSync(runFiles.pid, "utf8"));
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "pcscd";
  } catch {
    return false;
  }
}

function removeRunFiles(): void {
  for (const path of Object.values(runFiles)) rmSync(path, { force: true });
}

const vpcdDriver = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

/** Two ports in a row that nobody listens on. The driver of vpcd takes them so. */
async function twoFreePorts(): Promise<[number, number]> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = await listen(0);
    const port = portOf(first);
    const second = await listen(port + 1).catch(() => undefined);
    await close(first);
    if (second === undefined) continue;
    await close(second);
    return [port, port + 1];
  }
  throw new Error("there are no two free ports in a row");
}

function listen(port: number): Promise<Server> {
  return new Promise((done, failed) => {
    const server = createServer().once("error", failed);
    server.listen(port, "127.0.0.1", () => done(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}

function close(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
  });
}

/** Starts the stock service with two readers of its own, on its compiled-in socket. */
export async function startPcscd(args: readonly string[] = []): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), "scard-pcscd-"));
  const ports = await twoFreePorts();
  const port = `0x${ports[0].toString(16)}`;
  const configuration = ['FRIENDLYNAME "Virtual PCD"', `DEVICENAME /dev/null:${port}`, `LIBPATH ${vpcdDriver}`];
  writeFileSync(join(folder, "vpcd"), `${[...configuration, `CHANNELID ${port}`].join("\n")}\n`);
  removeRunFiles();
  const program = new Program(pcscdProgram.name, ["--foreground", "--info", "--config", folder, ...args]);
  const stop = async (): Promise<void> => {
    // It ends by a request only after its poll of all readers; it has nothing that would have to be put away.
    await program.end("SIGKILL");
    removeRunFiles();
    rmSync(folder, { recursive: true });
  };
  await program.line((line) => line.includes("daemon ready"));
  const { PCSCLITE_CSOCK_NAME: _, ...environment } = process.env;
  return { name: "pcscd", program, environment, ports, stop };
}

/**
 * Starts our daemon on a socket of its own. `args` come before the two readers that take cards, so that a virtual reader
 * with a card is the first.
 */
export async function startScard(args: readonly string[] = []): Promise<ScardService> {
  const folder = mkdtempSync(join(tmpdir(), "scard-daemon-"));
  const ports = await twoFreePorts();
  const socket = join(folder, "comm");
  const control = join(folder, "control");
  const readers = ports.flatMap((port) => ["--reader", `vpcd:${port}`]);
  const options = ["--socket", socket, "--control", control, ...args, ...readers];
  const program = new Program(process.execPath, [scardProgram, "daemon", ...options]);
  await program.line((line) => line.startsWith("export PCSCLITE_CSOCK_NAME="));
  const who = async (): Promise<WhoReport> => {
    const ending = await run(process.execPath, [scardProgram, "who", "--json", "--control", control]);
    if (ending.status !== 0) throw new Error(`scard who: ${ending.stderr}`);
    return JSON.parse(ending.stdout);
  };
  return {
    name: "scard",
    program,
    environment: { ...process.env, PCSCLITE_CSOCK_NAME: socket },
    ports,
    who,
    async seesCards(count) {
      const seen = async (): Promise<number> => (await who()).readers.filter(({ card }) => card?.atr).length;
      while ((await seen()) < count);
    },
    async stop() {
      await program.end("SIGTERM");
      rmSync(folder, { recursive: true });
    },
  };
}
