// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { vi } from "vitest";
import type { PeerProgram } from "../peers/peers.ts";
import { Program } from "../peers/program.ts";

/** A service on a socket of its own, which can be killed and started again on the same one. */
export interface RestartableService {
  readonly name: string;
  /** The socket of its clients. */
  readonly socket: string;
  /** Where the card of its first reader connects to. */
  readonly port: number;
  start(): Promise<void>;
  /** Ends it without any warning. */
  kill(): Promise<void>;
  /** Ends it, and removes what it left. */
  remove(): Promise<void>;
}

const scardProgram = resolve("dist/cli/main.js");
const vpcdDriver = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

/** Where pcscd has its socket. A mount that only it sees puts that into a folder of ours, so that many can run. */
const pcscdFolder = "/run/pcscd";

/** The stock service, in a mount namespace of its own. */
export const privatePcscd: PeerProgram = {
  name: "/usr/sbin/pcscd",
  remedy: "scripts/setup-peers.sh installs it and its driver on Debian; it needs root and unshare(1).",
  probe: () => {
    if (!existsSync(vpcdDriver)) return `its driver ${vpcdDriver} is missing`;
    const tried = spawnSync("unshare", ["-m", "true"], { encoding: "utf8" });
    return tried.status === 0 ? undefined : `it cannot have mounts of its own: ${tried.stderr || tried.error?.message}`;
  },
};

/** @param withReader false for one that has none */
export async function stockPcscd(withReader = true): Promise<RestartableService> {
  const folder = mkdtempSync(join(tmpdir(), "scard-pcscd-"));
  const port = await freePort();
  const number = `0x${port.toString(16)}`;
  const lines = ['FRIENDLYNAME "Virtual PCD"', `DEVICENAME /dev/null:${number}`, `LIBPATH ${vpcdDriver}`];
  if (withReader) writeFileSync(join(folder, "vpcd"), `${[...lines, `CHANNELID ${number}`].join("\n")}\n`);
  const socketFolder = mkdtempSync(join(tmpdir(), "scard-pcscd-run-"));
  const script = `mkdir -p ${pcscdFolder} && mount --bind "$1" ${pcscdFolder} && exec "$2" --foreground --info --config "$3"`;
  const args = ["-m", "sh", "-c", script, "sh", socketFolder, privatePcscd.name, folder];
  const clear = (): void => {
    for (const file of ["pcscd.comm", "pcscd.pid"]) rmSync(join(socketFolder, file), { force: true });
  };
  return restartable("pcscd", join(socketFolder, "pcscd.comm"), port, [folder, socketFolder], async () => {
    clear();
    const program = new Program("unshare", args);
    await program.line((line) => line.includes("daemon ready"));
    return program;
  });
}

export async function ourDaemon(): Promise<RestartableService> {
  const folder = mkdtempSync(join(tmpdir(), "scard-daemon-"));
  const port = await freePort();
  const socket = join(folder, "comm");
  const options = ["--socket", socket, "--control", join(folder, "control"), "--reader", `vpcd:${port}`];
  return restartable("scard daemon", socket, port, [folder], async () => {
    const program = new Program(process.execPath, [scardProgram, "daemon", ...options]);
    await program.line((line) => line.startsWith("export PCSCLITE_CSOCK_NAME="));
    return program;
  });
}

async function restartable(
  name: string,
  socket: string,
  port: number,
  folders: readonly string[],
  run: () => Promise<Program>,
): Promise<RestartableService> {
  let program: Program | undefined;
  const kill = async (): Promise<void> => {
    await program?.end("SIGKILL");
    program = undefined;
  };
  return {
    name,
    socket,
    port,
    async start() {
      program = await run();
      await answers(socket);
    },
    kill,
    async remove() {
      await kill();
      for (const folder of folders) rmSync(folder, { recursive: true });
    },
  };
}

/** A port that is free together with the next one: the driver of vpcd takes two. */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = await listen(0);
    const address = first.address();
    const port = address === null || typeof address === "string" ? 0 : address.port;
    const second = await listen(port + 1).catch(() => undefined);
    for (const server of [first, second]) await new Promise((done) => server?.close(done) ?? done(undefined));
    if (second !== undefined) return port;
  }
  throw new Error("there are no two free ports in a row");
}

function listen(port: number): Promise<Server> {
  return new Promise((done, failed) => {
    const server = createServer().once("error", failed);
    server.listen(port, "127.0.0.1", () => done(server));
  });
}

/** Settles when somebody accepts connections: a service may say that it is ready a moment earlier. */
async function answers(socket: string): Promise<void> {
  await vi.waitUntil(
    () =>
      new Promise<boolean>((resolve) => {
        const pipe = connect(socket, () => {
          pipe.destroy();
          resolve(true);
        });
        pipe.once("error", () => resolve(false));
      }),
    { timeout: 5000, interval: 10 },
  );
}
