// SPDX-License-Identifier: MIT

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { listenVpcd } from "../../src/entry/vpcd-listener.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { PATIENCE_MS } from "../patience.ts";
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

/** What vicc has to be started with. */
export const viccEnvironment: NodeJS.ProcessEnv = {
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
    // Nothing listens on port 1: vicc loads all it needs, fails to connect, and ends with status 0.
    const run = spawnSync(path, ["-H", "127.0.0.1", "-P", "1"], {
      encoding: "utf8",
      env: viccEnvironment,
      timeout: PATIENCE_MS,
    });
    return run.status === 0 ? undefined : (run.error?.message ?? lastLine(run.stderr));
  },
};

/** Card types of vicc that need no card, no phone and no network. */
export type ViccType = "iso7816" | "cryptoflex" | "ePass" | "nPA";

/**
 * Why types of Debian 12's vicc do not start: ePass and cryptoflex are still half in Python 2, and
 * nPA needs a module that Debian does not package. A death of anything else is a failure.
 */
const ownFaults: Readonly<Partial<Record<ViccType, string>>> = {
  ePass: "NameError: name 'raw_input' is not defined",
  cryptoflex: "TypeError: can't concat str to bytes",
  nPA: "ModuleNotFoundError: No module named 'chat'",
};

/** A running vicc: one virtual card, which is in the reader while the process lives. */
export class Vicc {
  readonly #child: ChildProcess;
  readonly #type: ViccType;
  #stderr = "";
  #ended = false;
  /** Settles when the process has ended and all that it wrote has been read. */
  readonly ended: Promise<void>;

  /**
   * @param port where the reader listens
   * @param answers what vicc reads from its standard input: the ePass type asks for its data there
   */
  constructor(path: string, port: number, type: ViccType = "iso7816", answers: readonly string[] = []) {
    this.#type = type;
    this.#child = spawn(path, ["-t", type, "-H", "127.0.0.1", "-P", String(port)], {
      env: viccEnvironment,
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

  /**
   * What this type of card died of, where that is its own fault; undefined where it did not die.
   *
   * @throws where it died of something else
   */
  get ownFault(): string | undefined {
    if (!this.#ended || !this.#stderr.includes("Traceback")) return undefined;
    const last = lastLine(this.#stderr);
    if (last === ownFaults[this.#type]) return last;
    throw new Error(`vicc died as ${this.#type}: ${last}`);
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

/** A manager with one empty reader that vicc's cards go into. */
export interface ViccReader {
  readonly manager: EmbeddedManager;
  readonly reader: string;
  /** Puts a card in: starts vicc. */
  insert(type?: ViccType, answers?: readonly string[]): Vicc;
  /** Ends every vicc, and the manager. */
  close(): Promise<void>;
}

/** @param path where vicc is */
export async function openViccReader(path: string): Promise<ViccReader> {
  const runtime = nodeRuntime();
  const manager = new EmbeddedManager({ runtime });
  const listener = await listenVpcd({ runtime, port: 0 });
  const [first] = listener.readers;
  const [port] = listener.ports;
  if (first === undefined || port === undefined) throw new Error("the listener has no slot");
  const reader = await manager.addReader(first);
  const running: Vicc[] = [];
  return {
    manager,
    reader,
    insert: (type, answers) => {
      const vicc = new Vicc(path, port, type, answers);
      running.push(vicc);
      return vicc;
    },
    close: async () => {
      for (const vicc of running.splice(0)) await vicc.kill();
      await manager.close();
      await listener.close();
    },
  };
}
