// SPDX-License-Identifier: MIT

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { pcscdManager } from "../../../src/entry/pcscd.ts";
import type { Connection, Context, Protocol } from "../../../src/port/index.ts";

/** The services that drive the readers of this machine. */
export type ServiceKind = "pcscd" | "scard" | "scard with libccid";

/** How a program ended, and what it wrote to both its outputs. */
export interface Ran {
  readonly status: number | null;
  readonly output: string;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** Ends a wait that would never end; no measure of anything. */
const PATIENCE_MS = 200_000;

/** The folder that the host reads when the machine is off. */
export const runFolder: string = process.env.RUN ?? ".";
const projectFolder: string = process.env.PROJECT ?? ".";
let started = 0;
/** As each runs by default, and what has it log all that it can. pcscd takes everything. */
const quietArguments: Readonly<Record<ServiceKind, readonly string[]>> = {
  pcscd: [],
  scard: ["--reader", "usb"],
  "scard with libccid": ["--reader", "ifd:/usr/lib/pcsc/drivers/ifd-ccid.bundle"],
};
const loudPcscd = ["--debug"];
const loudScard = ["--log-level", "trace"];

/** A PC/SC service of this machine, and its clients. */
export class Service {
  readonly kind: ServiceKind;
  readonly socket: string;
  readonly logFile: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #contexts: Context[] = [];

  /** Starts one. It takes every USB reader that there is and that comes. */
  static async start(kind: ServiceKind, isQuiet = false): Promise<Service> {
    const loud = kind === "pcscd" ? loudPcscd : loudScard;
    const service = new Service(kind, [...quietArguments[kind], ...(isQuiet ? [] : loud)]);
    await service.#ready();
    return service;
  }

  private constructor(kind: ServiceKind, args: readonly string[]) {
    this.kind = kind;
    const folder = kind === "pcscd" ? "/run/pcscd" : "/run/scard";
    mkdirSync(folder, { recursive: true });
    this.socket = join(folder, kind === "pcscd" ? "pcscd.comm" : "comm");
    for (const file of ["pcscd.comm", "pcscd.pid", "comm", "control"]) rmSync(join(folder, file), { force: true });
    this.logFile = join(runFolder, `${kind.replaceAll(" ", "-")}-${++started}.log`);
    const log = openSync(this.logFile, "w");
    const program = join(projectFolder, "dist/bundle/entry/main.js");
    const ours = [program, "daemon", "--socket", this.socket, "--control", join(folder, "control"), ...args];
    const [command, ...rest] =
      kind === "pcscd" ? ["/usr/sbin/pcscd", "--foreground", ...args] : [process.execPath, ...ours];
    this.#child = spawn(command ?? "", rest, { stdio: ["ignore", log, log] });
    this.#ended = once(this.#child, "close");
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, PCSCLITE_CSOCK_NAME: this.socket };
  }

  get log(): string {
    return readFileSync(this.logFile, "utf8");
  }

  async #ready(): Promise<void> {
    await until(`${this.kind} answers`, async () => {
      if (this.#child.exitCode !== null) throw new Error(`${this.kind} ended: ${this.log.slice(-2000)}`);
      try {
        await (await this.#manager().establishContext()).release();
        return true;
      } catch {
        return undefined;
      }
    });
  }

  /** The arguments of Node for `scard who`. */
  who(): readonly string[] {
    return [join(projectFolder, "dist/bundle/entry/main.js"), "who", "--control", `${dirname(this.socket)}/control`];
  }

  /** Ends what the programs of one scenario hold. */
  async releaseContexts(): Promise<void> {
    for (const context of this.#contexts.splice(0)) await context.release().catch(() => undefined);
  }

  async stop(): Promise<void> {
    await this.releaseContexts();
    // pcscd ends by a request only after its poll of all readers.
    this.#child.kill(this.kind === "pcscd" ? "SIGKILL" : "SIGTERM");
    await this.#ended;
  }

  #manager() {
    return pcscdManager({ socket: this.socket });
  }

  async context(): Promise<Context> {
    const context = await this.#manager().establishContext();
    this.#contexts.push(context);
    return context;
  }

  /** Runs a program that is linked with libpcsclite. One that does not end by itself is killed when it has written `last`. */
  async run(command: string, args: readonly string[], last?: RegExp): Promise<Ran> {
    const child = spawn(command, args, { env: this.environment, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (last?.test(output)) child.kill();
      });
    }
    const [status] = await once(child, "close");
    return { status, output };
  }

  /** The name of the reader for a slot of the device with this serial number, once there is one. */
  reader(context: Context, serial: string, slot = 0): Promise<string> {
    return until(`slot ${slot} of ${serial}`, async () =>
      (await listReaders(context)).find((name) => isSlotOf(name, serial, slot)),
    );
  }

  noReader(context: Context, serial: string): Promise<true> {
    return until(`no reader of ${serial}`, async () =>
      (await listReaders(context)).some((name) => name.includes(`(${serial})`)) ? undefined : true,
    );
  }

  /** Waits until a card is in the reader, or is not. */
  card(context: Context, reader: string, present: boolean): Promise<true> {
    return until(`${present ? "a" : "no"} card in ${reader}`, async () => {
      const [state] = await context.getStatusChange([{ reader }], { timeoutMs: 0 });
      return (state?.flags.present === true) === present ? true : undefined;
    });
  }

  /** Connects to the card in the reader, which is to have one. */
  async connect(context: Context, reader: string, protocols: readonly Protocol[] = ["t0", "t1"]): Promise<Connection> {
    await this.card(context, reader, true);
    return context.connect(reader, { shareMode: "shared", preferredProtocols: protocols });
  }
}

async function listReaders(context: Context): Promise<readonly string[]> {
  try {
    return await context.listReaders();
  } catch {
    return [];
  }
}

/** Names as pcscd makes them: product, (serial number), number of the reader, number of the slot. */
function isSlotOf(name: string, serial: string, slot: number): boolean {
  return name.includes(`(${serial})`) && name.endsWith(` 0${slot}`);
}

/** Each look takes time from the one emulated processor. */
let pollMs = 40;

/** How often {@link until} asks. */
export function pollEvery(ms: number): void {
  pollMs = ms;
}

/** Asks again and again until there is an answer. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await pause(pollMs);
  }
}
