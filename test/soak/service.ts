// SPDX-License-Identifier: MIT

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { askDaemon, type WhoReport } from "../../src/apps/daemon/index.ts";
import { nodeClock } from "../../src/platform/node/runtime/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { Program } from "../peers/program.ts";

/** Where a daemon of the soak is, and what it has: the same before and after its restart. */
export interface Place {
  /** The program `scard`, as JavaScript. */
  readonly program: string;
  readonly socket: string;
  readonly control: string;
  /** A reader of vpcd's kind listens on each. */
  readonly ports: readonly number[];
  /** The name of the virtual reader, and the file that describes its card. */
  readonly desk: { readonly name: string; readonly card: string };
}

/** What the daemon's process has at a moment. */
export interface Usage {
  readonly residentKiB: number;
  readonly fds: number;
}

/** A daemon that is running. */
export class SoakDaemon {
  readonly #place: Place;
  readonly #program: Program;
  /** Told of each full collection of garbage that it makes of itself: how much of the heap was in use after it, in KiB. */
  onCollection: (heapKiB: number) => void = () => {};
  readonly ended: Program["ended"];

  private constructor(place: Place, program: Program) {
    this.#place = place;
    this.#program = program;
    this.ended = program.ended;
  }

  /** Starts it, and waits until clients can connect. */
  static async start(place: Place): Promise<SoakDaemon> {
    const readers = place.ports.flatMap((port) => ["--reader", `vpcd:${port}`]);
    const desk = ["--reader", `virtual:${place.desk.name}`, "--card", place.desk.card];
    const sockets = ["--socket", place.socket, "--control", place.control];
    // Node tells of its collections on the standard output. With as much garbage as it likes to keep, its resident memory would
    // swing by tens of megabytes, and there would be too few collections for a trend.
    const command = [
      "--trace-gc",
      "--heap-growing-percent=25",
      place.program,
      "daemon",
      ...sockets,
      ...readers,
      ...desk,
    ];
    const program = new Program(process.execPath, command);
    const daemon = new SoakDaemon(place, program);
    await program.line((line) => line.startsWith("export "));
    void daemon.#watchCollections();
    return daemon;
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Who uses what, as `scard who --json` prints it. */
  async who(): Promise<WhoReport> {
    return await askDaemon(this.#place.control, { command: "who" }, nodeClock);
  }

  /** Puts the card of the virtual reader in its place. */
  async insertDeskCard(): Promise<void> {
    const { card, name } = this.#place.desk;
    await askDaemon(this.#place.control, { command: "insert", reader: name, card }, nodeClock);
  }

  /** Pulls it, where no program has had it ejected. */
  async removeDeskCard(): Promise<void> {
    try {
      await askDaemon(this.#place.control, { command: "remove", reader: this.#place.desk.name }, nodeClock);
    } catch (error) {
      if (!(error instanceof SmartCardError && error.code === "no-smartcard")) throw error;
    }
  }

  usage(): Usage {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return { residentKiB: Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]), fds: this.descriptors().length };
  }

  /** What its file descriptors are, in short: `socket`, `pipe`, `[eventpoll]`, or a path. */
  descriptors(): string[] {
    const folder = `/proc/${this.pid}/fd`;
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(join(folder, name)).replace(/^anon_inode:|:\[\d+\]$/g, "")];
      } catch {
        // It was closed in the meantime.
        return [];
      }
    });
  }

  /** Ends it, and tells how it ended. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<{ readonly status: number | null; readonly stderr: string }> {
    return this.#program.end(signal);
  }

  async #watchCollections(): Promise<void> {
    try {
      for (;;) {
        const line = await this.#program.line((text) => /Mark-(?:Compact|sweep)/i.test(text));
        this.onCollection(Number(/-> ([\d.]+)/.exec(line)?.[1]) * 1024);
      }
    } catch {
      // It has ended.
    }
  }
}

/**
 * Ports that nothing listens on, outside of the range from which the system takes the ports of those who connect: a card
 * that searches for its reader while there is none might else get the same port, and be connected to itself.
 */
export async function freePorts(count: number, below: (limit: number) => number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count; attempt++) {
    if (attempt > 200) throw new Error("there are no free ports");
    const port = 20_000 + below(12_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer().once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
  });
}
