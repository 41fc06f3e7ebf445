// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { vi } from "vitest";
import { PATIENCE_MS } from "../patience.ts";
import { twoFreePorts } from "../peers/free-ports.ts";
import { pcscdPlace } from "../peers/pcscd.ts";
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

const scardProgram = resolve("dist/bundle/entry/main.js");
/** @param withReader false for one without a reader */
export async function stockPcscd(withReader = true): Promise<RestartableService> {
  const place = await pcscdPlace(withReader);
  return restartable("pcscd", place.socket, place.ports[0], place.remove, () => place.start());
}

export async function ourDaemon(): Promise<RestartableService> {
  const folder = mkdtempSync(join(tmpdir(), "scard-daemon-"));
  const [port] = await twoFreePorts();
  const socket = join(folder, "comm");
  const options = ["--socket", socket, "--control", join(folder, "control"), "--reader", `vpcd:${port}`];
  const remove = (): void => rmSync(folder, { recursive: true });
  return restartable("scard daemon", socket, port, remove, async () => {
    const program = new Program(process.execPath, [scardProgram, "daemon", "--no-rehearsal", ...options]);
    await program.line((line) => line.startsWith("export PCSCLITE_CSOCK_NAME="));
    return program;
  });
}

async function restartable(
  name: string,
  socket: string,
  port: number,
  clear: () => void,
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
      clear();
    },
  };
}

/** Settles when a server accepts connections: a service may say that it is ready a moment earlier. */
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
    { timeout: PATIENCE_MS, interval: 10 },
  );
}
