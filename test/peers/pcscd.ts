// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { twoFreePorts } from "./free-ports.ts";
import type { PeerProgram } from "./peers.ts";
import { Program } from "./program.ts";

const VPCD_DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

/** Where pcscd has its socket. A mount that only it sees puts that into a folder of ours, so that many can run. */
const PCSCD_FOLDER = "/run/pcscd";

/** The stock service, with the driver that takes virtual cards, in a mount namespace of its own. */
export const pcscdProgram: PeerProgram = {
  name: "/usr/sbin/pcscd",
  remedy: "scripts/setup-peers.sh installs it and its driver on Debian; it needs root and unshare(1).",
  probe: () => {
    if (!existsSync(VPCD_DRIVER)) return `its driver ${VPCD_DRIVER} is missing`;
    const tried = spawnSync("unshare", ["-m", "true"], { encoding: "utf8" });
    return tried.status === 0 ? undefined : `it cannot have mounts of its own: ${tried.stderr || tried.error?.message}`;
  },
};

/** {@link pcscdProgram} in the release that what is written down about its behaviour is about. */
export const writtenAboutPcscd: PeerProgram = {
  ...pcscdProgram,
  probe: (path) => {
    const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    return stdout.includes("version 1.9.9")
      ? pcscdProgram.probe(path)
      : "it is not 1.9.9, which docs/interop describes";
  },
};

/** A place for one pcscd: where it is configured, and where its socket goes. */
export interface PcscdPlace {
  /** The socket of its clients, which libpcsclite takes from PCSCLITE_CSOCK_NAME. */
  readonly socket: string;
  /** Where cards connect to: the first reader, the second. */
  readonly ports: readonly [number, number];
  /** Starts it; it is ready when this settles. It can be started again when it has ended. */
  start(args?: readonly string[]): Promise<Program>;
  /** Removes what it has left. */
  remove(): void;
}

/** @param readers false for one without readers; or else what its reader.conf says */
export async function pcscdPlace(readers: boolean | string = true): Promise<PcscdPlace> {
  const configuration = mkdtempSync(join(tmpdir(), "scard-pcscd-"));
  const run = mkdtempSync(join(tmpdir(), "scard-pcscd-run-"));
  const ports = await twoFreePorts();
  const port = `0x${ports[0].toString(16)}`;
  const lines = ['FRIENDLYNAME "Virtual PCD"', `DEVICENAME /dev/null:${port}`, `LIBPATH ${VPCD_DRIVER}`];
  const conf = typeof readers === "string" ? readers : `${[...lines, `CHANNELID ${port}`].join("\n")}\n`;
  if (readers !== false) writeFileSync(join(configuration, "readers"), conf);
  const script = `mkdir -p ${PCSCD_FOLDER} && mount --bind "$1" ${PCSCD_FOLDER} && shift && exec "$@"`;
  const command = [pcscdProgram.name, "--foreground", "--info", "--config", configuration];
  return {
    socket: join(run, "pcscd.comm"),
    ports,
    async start(args = []) {
      for (const file of ["pcscd.comm", "pcscd.pid"]) rmSync(join(run, file), { force: true });
      const program = new Program("unshare", ["-m", "sh", "-c", script, "sh", run, ...command, ...args]);
      await program.line((line) => line.includes("daemon ready"));
      // It says so before it listens.
      await listening(join(run, "pcscd.comm"), program);
      return program;
    },
    remove() {
      for (const folder of [configuration, run]) rmSync(folder, { recursive: true });
    },
  };
}

/** Waits until a service takes connections at its socket, or has ended. */
async function listening(socket: string, program: Program): Promise<void> {
  let hasEnded = false;
  void program.ended.then(() => {
    hasEnded = true;
  });
  const takesConnections = (): Promise<boolean> =>
    new Promise((done) => {
      const connection = connect(socket);
      connection.once("connect", () => {
        connection.destroy();
        done(true);
      });
      connection.once("error", () => done(false));
    });
  while (!hasEnded && !(await takesConnections())) await new Promise((again) => setTimeout(again, 5));
}
