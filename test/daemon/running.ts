// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { type Ending, Program, run } from "../peers/program.ts";

/** The program as it was built; tests run in the repository's root folder. */
export const scardProgram: string = resolve("dist/bundle/entry/main.js");

/** A folder that is gone when the test has finished. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scard-daemon-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs `scard` to its end. */
export function scard(...args: readonly string[]): Promise<Ending> {
  return run(process.execPath, [scardProgram, ...args]);
}

/** A daemon that is ready. */
export interface StartedDaemon {
  readonly program: Program;
  /** The line that says where it is. */
  readonly ready: string;
  /** What it has logged so far. */
  log(): readonly Record<string, unknown>[];
}

/** Starts a daemon and waits until it is ready. Its log goes into a file, which can be read while it runs. */
export async function startDaemon(...args: readonly string[]): Promise<StartedDaemon> {
  const file = join(testFolder(), "log");
  const script = 'log=$1; shift; exec "$@" 2>"$log"';
  const line = [process.execPath, scardProgram, "daemon", "--no-rehearsal", ...args];
  const program = new Program("sh", ["-c", script, "sh", file, ...line]);
  onTestFinished(async () => {
    await program.end("SIGKILL");
  });
  const ready = await program.line();
  const log = (): Record<string, unknown>[] => {
    const lines = readFileSync(file, "utf8").split("\n");
    return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  };
  return { program, ready, log };
}

/** A client of a Unix socket: what the daemon says to it, byte by byte. */
export class Client {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  readonly closed: Promise<unknown>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    // A daemon that closes it with something unread resets it, which is a close as well.
    this.closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
    });
  }

  static async connect(path: string): Promise<Client> {
    const socket = connect(path);
    await once(socket, "connect");
    onTestFinished(() => {
      socket.destroy();
    });
    return new Client(socket);
  }

  end(): void {
    this.#socket.destroy();
  }

  send(bytes: Uint8Array | string): void {
    this.#socket.write(bytes);
  }

  /** The next bytes, so many. */
  async read(length: number): Promise<Buffer> {
    while (this.#received.length < length) await once(this.#socket, "data");
    const bytes = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return bytes;
  }

  /** Asks over the control socket. */
  async ask(request: object): Promise<{ ok: boolean; result?: unknown; error?: { code: string; message: string } }> {
    this.send(`${JSON.stringify({ version: 1, ...request })}\n`);
    let end = -1;
    for (;;) {
      end = this.#received.indexOf("\n");
      if (end >= 0) break;
      await once(this.#socket, "data");
    }
    return JSON.parse((await this.read(end + 1)).toString());
  }

  /**
   * Says which version it speaks (4:4), asks for a context, and returns what the daemon answers: pcsc-lite's
   * `SCARD_S_SUCCESS` or an error. Messages: LudovicRousseau/PCSC, src/winscard_msg.h.
   */
  async establish(): Promise<number> {
    this.send(message(0x11, [4, 4, 0]));
    await this.read(12);
    this.send(message(0x01, [2, 0, 0]));
    return (await this.read(12)).readUInt32LE(8);
  }
}

/** `struct rxHeader { uint32_t size; uint32_t command; }` and the fields behind it, all of 32 bits. */
function message(command: number, fields: readonly number[]): Uint8Array {
  const words = [fields.length * 4, command, ...fields];
  return new Uint8Array(Uint32Array.from(words).buffer);
}
