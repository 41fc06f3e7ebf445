// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WhoReport } from "../../src/apps/daemon/index.ts";
import { scardProgram } from "./daemon-program.ts";
import { twoFreePorts } from "./free-ports.ts";
import { pcscdPlace } from "./pcscd.ts";
import { type Program, run } from "./program.ts";
import { type DaemonTerms, startUntraced, TracedDaemon } from "./traced-daemon.ts";

export { scardProgram };

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
 * Starts our daemon on a socket of its own; no PIN and no key may be in its log or in a trace of it when it is stopped. `args` come before
 * the two readers that take cards, so that a virtual reader with a card is the first.
 */
export async function startScard(args: readonly string[] = []): Promise<ScardService> {
  const place = await placeOf(args);
  const daemon = await TracedDaemon.start(place.terms);
  return serviceOf(place, daemon.program, scardProgram, () => daemon.end());
}

/**
 * The same without a trace, for measurements.
 *
 * @param entry the program `scard` and what stands before its options, of this checkout or another
 */
export async function startMeasuredScard(
  args: readonly string[] = [],
  entry: readonly [string, ...string[]] = [scardProgram, "--no-rehearsal"],
): Promise<ScardService> {
  const place = await placeOf(args);
  const program = await startUntraced({ ...place.terms, entry });
  return serviceOf(place, program, entry[0], () => program.end("SIGTERM"));
}

/** Where a daemon is, and how it is started. */
interface Place {
  readonly folder: string;
  readonly ports: readonly [number, number];
  readonly terms: DaemonTerms;
}

async function placeOf(args: readonly string[]): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "scard-daemon-"));
  const ports = await twoFreePorts();
  const readers = ports.flatMap((port) => ["--reader", `vpcd:${port}`]);
  const terms = { socket: join(folder, "comm"), control: join(folder, "control"), args: [...args, ...readers] };
  return { folder, ports, terms };
}

function serviceOf(
  { folder, ports, terms }: Place,
  program: Program,
  entry: string,
  end: () => Promise<unknown>,
): ScardService {
  const who = async (): Promise<WhoReport> => {
    const ending = await run(process.execPath, [entry, "who", "--json", "--control", terms.control]);
    if (ending.status !== 0) throw new Error(`scard who: ${ending.stderr}`);
    return JSON.parse(ending.stdout);
  };
  return {
    name: "scard",
    program,
    environment: { ...process.env, PCSCLITE_CSOCK_NAME: terms.socket },
    ports,
    who,
    async seesCards(count) {
      const seen = async (): Promise<number> => (await who()).readers.filter(({ card }) => card?.atr).length;
      while ((await seen()) < count);
    },
    async stop() {
      try {
        await end();
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}
