// SPDX-License-Identifier: MIT

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import type { PeerProgram } from "./peers.ts";

/**
 * vicc as Debian 12 installs it (3.3+dfsg-2) does not start: its modules lie where Python does not look, and it wants
 * PyCrypto, which Debian no longer has. Both are put right from outside, by the module path; vicc is left as it is.
 */
const moduleFolders = [
  fileURLToPath(new URL("vicc-python", import.meta.url)),
  ...(process.env.PYTHONPATH ?? "").split(delimiter).filter((folder) => folder !== ""),
  "/usr/lib/python3/site-packages/virtualsmartcard",
];

const environment: NodeJS.ProcessEnv = {
  ...process.env,
  PYTHONPATH: moduleFolders.join(delimiter),
  PYTHONDONTWRITEBYTECODE: "1",
};

/** The last line that a program wrote, which is where Python says what went wrong. */
function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/** The smart card emulator of the vsmartcard project. */
export const viccProgram: PeerProgram = {
  name: "vicc",
  remedy: "scripts/setup-peers.sh installs it on Debian.",
  probe: (path) => {
    // Nobody listens on port 1: vicc loads all it needs, fails to connect, and ends with status 0.
    const run = spawnSync(path, ["-H", "127.0.0.1", "-P", "1"], {
      encoding: "utf8",
      env: environment,
      timeout: 20_000,
    });
    return run.status === 0 ? undefined : (run.error?.message ?? lastLine(run.stderr));
  },
};

/** Card types of vicc that need no card, no phone and no network. */
export type ViccType = "iso7816" | "cryptoflex" | "ePass" | "nPA";

/** A running vicc: one virtual card, which is in the reader while the process lives. */
export class Vicc {
  readonly #child: ChildProcess;
  #stderr = "";
  #ended = false;
  /** Settles when the process has ended and all that it wrote has been read. */
  readonly ended: Promise<void>;

  /**
   * @param port where the reader listens
   * @param answers what vicc reads from its standard input: the ePass type asks for its data there
   */
  constructor(path: string, port: number, type: ViccType = "iso7816", answers: readonly string[] = []) {
    this.#child = spawn(path, ["-t", type, "-H", "127.0.0.1", "-P", String(port)], {
      env: environment,
      stdio: ["pipe", "ignore", "pipe"],
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.#stderr += text;
    });
    // A process that ends without reading its input is no failure of the test.
    this.#child.stdin?.on("error", () => {}).end(answers.map((answer) => `${answer}\n`).join(""));
    this.ended = once(this.#child, "close").then(() => {
      this.#ended = true;
    });
  }

  /** What Python said when vicc ended of an error of its own; undefined where it did not. */
  get crash(): string | undefined {
    return this.#ended && this.#stderr.includes("Traceback") ? lastLine(this.#stderr) : undefined;
  }

  /** Makes the card stop answering without leaving the reader. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Pulls the card: ends the process without giving it a chance to say goodbye. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}
