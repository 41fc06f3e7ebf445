// SPDX-License-Identifier: MIT

import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pcscdPlace, pcscdProgram } from "../peers/pcscd.ts";
import { Program } from "../peers/program.ts";

/** A service under attack. */
export interface Service {
  readonly name: string;
  readonly pid: number;
  readonly socket: string;
  readonly reader: string;
  /** Bytes of the reader table that it sends to clients of 4:4. */
  readonly tableBytes: number;
  isAlive(): boolean;
  stop(): Promise<void>;
}

/** What a process has at a moment. */
export interface Usage {
  readonly residentMiB: number;
  readonly descriptors: number;
}

const PAGE_BYTES = 4096;
const READER_BYTES = 184;

/** What the process has; nothing of everything once it has ended. */
export function usageOf(pid: number): Usage {
  try {
    return { residentMiB: residentMiB(pid), descriptors: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return { residentMiB: 0, descriptors: 0 };
  }
}

/** The memory that the process has; none once it has ended. */
export function residentMiB(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    return (pages * PAGE_BYTES) / 2 ** 20;
  } catch {
    return 0;
  }
}

/** Our daemon. @param path its program, as JavaScript @param perUser sessions that it allows one user, where that is not its default */
export async function startScard(path: string, perUser?: number): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), "scard-storm-"));
  // Another user is to reach the socket.
  chmodSync(folder, 0o711);
  const socket = join(folder, "comm");
  const options = ["--socket", socket, "--reader", "virtual:Desk", "--card", "demo"];
  if (perUser !== undefined) {
    const config = join(folder, "daemon.json");
    writeFileSync(config, JSON.stringify({ limits: { sessionsPerUid: perUser } }));
    options.push("--config", config);
  }
  const script = 'log=$1; shift; exec "$@" 2>"$log"';
  const command = [process.execPath, path, "daemon", ...options];
  const program = new Program("sh", ["-c", script, "sh", join(folder, "log"), ...command]);
  await program.line((line) => line.startsWith("export "));
  return serviceOf("scard daemon", program, { socket, reader: "Desk" }, () => rmSync(folder, { recursive: true }));
}

/** Why pcscd cannot be attacked beside our daemon; undefined where it can. */
export function whyNoPcscd(): string | undefined {
  return existsSync(pcscdProgram.name) ? pcscdProgram.probe(pcscdProgram.name) : "it is not installed";
}

/** The stock service. Its reader has no card. */
export async function startPcscd(): Promise<Service> {
  const place = await pcscdPlace();
  const program = await place.start();
  return serviceOf("pcscd", program, { socket: place.socket, reader: "Virtual PCD 00 00" }, () => place.remove());
}

function serviceOf(
  name: string,
  program: Program,
  { reader, socket }: { readonly reader: string; readonly socket: string },
  remove: () => void,
): Service {
  let alive = true;
  void program.ended.then(() => {
    alive = false;
  });
  return {
    name,
    pid: program.pid,
    socket,
    reader,
    tableBytes: 16 * READER_BYTES,
    isAlive: () => alive,
    stop: async () => {
      await program.end("SIGTERM");
      remove();
    },
  };
}
