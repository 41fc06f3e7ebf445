// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { WhoReport } from "../../src/apps/daemon/index.ts";
import { twoFreePorts } from "./free-ports.ts";
import { pcscdPlace } from "./pcscd.ts";
import { Program, run } from "./program.ts";

/** Where our built program is. Everything that uses this file is started in the repository's root folder. */
/** The program of this checkout. */
export const scardProgram = resolve("dist/bundle/entry/main.js");

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

/** Starts the stock service with two readers, on a socket of its own. */
export async function startPcscd(args: readonly string[] = []): Promise<Service> {
  const place = await pcscdPlace();
  const program = await place.start(args);
  return {
    name: "pcscd",
    program,
    environment: { ...process.env, PCSCLITE_CSOCK_NAME: place.socket },
    ports: place.ports,
    async stop() {
      // It ends by a request only after its poll of all readers; it has nothing that would have to be put away.
      await program.end("SIGKILL");
      place.remove();
    },
  };
}

/**
 * Starts our daemon on a socket of its own. `args` come before the two readers that take cards, so that a virtual reader
 * with a card is the first.
 *
 * @param entry the program `scard` and what stands before its options, of this checkout or another
 */
export async function startScard(
  args: readonly string[] = [],
  [entry, ...first]: readonly [string, ...string[]] = [scardProgram, "--no-rehearsal"],
): Promise<ScardService> {
  const folder = mkdtempSync(join(tmpdir(), "scard-daemon-"));
  const ports = await twoFreePorts();
  const socket = join(folder, "comm");
  const control = join(folder, "control");
  const readers = ports.flatMap((port) => ["--reader", `vpcd:${port}`]);
  const options = ["--socket", socket, "--control", control, ...args, ...readers];
  const program = new Program(process.execPath, [entry, "daemon", ...first, ...options]);
  await program.line((line) => line.startsWith("export PCSCLITE_CSOCK_NAME="));
  const who = async (): Promise<WhoReport> => {
    const ending = await run(process.execPath, [entry, "who", "--json", "--control", control]);
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
