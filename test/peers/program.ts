// SPDX-License-Identifier: MIT

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { PATIENCE_MS } from "../patience.ts";

/** How a program ended, and all that it wrote. */
export interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Waiter {
  readonly accepts: (line: string) => boolean;
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Makes the system end a program together with this process: no service is left behind by a test run that was
 * killed. Where that cannot be had, tests end what they started when they are over.
 */
const SETPRIV = "/usr/bin/setpriv";
const endWithUs: readonly string[] = existsSync(SETPRIV) ? [SETPRIV, "--pdeathsig", "KILL"] : [];

/** A running program that is spoken to by lines. */
export class Program {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #unread: string[] = [];
  readonly #waiters: Waiter[] = [];
  #stdout = "";
  #stderr = "";
  #partial = "";
  /** Settles when the program has ended and all that it wrote has been read. */
  readonly ended: Promise<Ending>;

  constructor(path: string, args: readonly string[] = [], environment: NodeJS.ProcessEnv = process.env) {
    this.#name = [path, ...args].join(" ");
    const [command = path, ...rest] = [...endWithUs, path, ...args];
    this.#child = spawn(command, rest, { env: environment, stdio: "pipe" });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    // A program that ends without reading its input is no failure of the test.
    this.#child.stdin?.on("error", () => {});
    this.ended = once(this.#child, "close").then(([status, signal]) => {
      const ending = { status, signal, stdout: this.#stdout, stderr: this.#stderr };
      const error = new Error(`${this.#name} ended (${status ?? signal}): ${this.#stderr || this.#stdout}`);
      for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
      return ending;
    });
    this.ended.catch(() => {});
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.#name} was not started`);
    return pid;
  }

  /** The next line that `accepts` takes; those before it are passed over. Rejects where the program ends first. */
  line(accepts: (line: string) => boolean = () => true): Promise<string> {
    while (this.#unread.length > 0) {
      const line = this.#unread.shift();
      if (line !== undefined && accepts(line)) return Promise.resolve(line);
    }
    if (this.#child.exitCode !== null) return Promise.reject(new Error(`${this.#name} has ended: ${this.#stderr}`));
    return new Promise((resolve, reject) => this.#waiters.push({ accepts, resolve, reject }));
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Ends the program's input. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the program: asks, or kills, as the signal says. */
  async end(signal: NodeJS.Signals = "SIGKILL"): Promise<Ending> {
    this.#child.kill(signal);
    return this.ended;
  }

  #read(text: string): void {
    this.#stdout += text;
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) {
      const [waiter] = this.#waiters;
      if (waiter === undefined) this.#unread.push(line);
      else if (waiter.accepts(line)) {
        this.#waiters.shift();
        waiter.resolve(line);
      }
    }
  }
}

/** What a run of a program may be given. */
export interface RunOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** When it is killed, in milliseconds after its start. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end. */
export async function run(path: string, args: readonly string[], options: RunOptions = {}): Promise<Ending> {
  const program = new Program(path, args, options.environment);
  program.write(options.input ?? "");
  program.endInput();
  const timer = setTimeout(() => program.signal("SIGKILL"), options.timeoutMs ?? PATIENCE_MS);
  try {
    return await program.ended;
  } finally {
    clearTimeout(timer);
  }
}
