// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { PATIENCE_MS } from "../patience.ts";
import { twoFreePorts } from "../peers/free-ports.ts";
import { pcscdPlace } from "../peers/pcscd.ts";
import type { Program } from "../peers/program.ts";
import { TracedDaemon } from "../peers/traced-daemon.ts";

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

/** @param withReader false for one without a reader */
export async function stockPcscd(withReader = true): Promise<RestartableService> {
  const place = await pcscdPlace(withReader);
  return restartable("pcscd", place.socket, place.ports[0], place.remove, () => place.start());
}

export async function ourDaemon(): Promise<RestartableService> {
  const folder = mkdtempSync(join(tmpdir(), "scard-daemon-"));
  const [port] = await twoFreePorts();
  const socket = join(folder, "comm");
  const terms = { socket, control: join(folder, "control"), args: ["--reader", `vpcd:${port}`] };
  const remove = (): void => rmSync(folder, { recursive: true });
  return restartable("scard daemon", socket, port, remove, async () => {
    return TracedDaemon.start(terms);
  });
}

async function restartable(
  name: string,
  socket: string,
  port: number,
  clear: () => void,
  run: () => Promise<Pick<Program | TracedDaemon, "end">>,
): Promise<RestartableService> {
  let program: Pick<Program | TracedDaemon, "end"> | undefined;
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
