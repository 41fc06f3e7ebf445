// SPDX-License-Identifier: MIT

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A serial line with a device at its end: a pseudo terminal of socat. */
export class SerialLine {
  /** Path of the terminal. */
  readonly path: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "scard-line-"));
  readonly #socat: ChildProcess;
  #held: number | undefined;

  private constructor(received: (bytes: Uint8Array) => void) {
    this.path = join(this.#folder, "tty");
    this.#socat = spawn("socat", [`PTY,link=${this.path},raw,echo=0`, "STDIO"], { stdio: ["pipe", "pipe", "ignore"] });
    this.#socat.stdin?.on("error", () => {});
    this.#socat.stdout?.on("data", received);
  }

  /** Connects a device to a new line; the terminal is there when this settles. @param received takes what the computer sends */
  static async connect(received: (bytes: Uint8Array) => void): Promise<SerialLine> {
    const line = new SerialLine(received);
    while (!existsSync(line.path)) await new Promise((resolve) => setTimeout(resolve, 10));
    // While it is open here, the line is not given up when a driver closes it.
    line.#held = openSync(line.path, constants.O_RDWR | constants.O_NOCTTY);
    return line;
  }

  /** Sends to the computer. */
  send(bytes: Uint8Array): void {
    this.#socat.stdin?.write(bytes);
  }

  close(): void {
    if (this.#held !== undefined) closeSync(this.#held);
    this.#socat.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true });
  }
}
