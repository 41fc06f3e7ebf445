// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { compileC } from "../../test/peers/compile.ts";
import { Program } from "../../test/peers/program.ts";
import type { ClientName } from "../tables/clients.ts";
import { requireAddon } from "./node/addons.ts";

/** How to start a client, and the empty program that its start is compared with. */
interface Command {
  readonly argv: readonly string[];
  /** Prints the monotonic clock's reading, as the first exchange does, and does nothing else. */
  readonly empty: readonly string[];
  readonly hasEventLoop: boolean;
}

/** The one of pcscd's two readers that has the card. */
const READER = "Virtual PCD 00 00";

/** Debian's pyscard is a module of Debian's own Python, which need not be the first in PATH. */
const PYTHON = "/usr/bin/python3";

const main = fileURLToPath(new URL("node/main.js", import.meta.url));
const exchange = compileC("exchange", ["bench/clients/exchange.c"]);

function inNode(client: string): Command {
  const empty = [process.execPath, "-e", "console.log(String(process.hrtime.bigint()))"];
  return { argv: [process.execPath, main, client, READER], empty, hasEventLoop: true };
}

export const commands: Readonly<Record<ClientName, Command>> = {
  pcscd: inNode("pcscd"),
  system: inNode("system"),
  pokusew: inNode("pokusew"),
  smartcard: inNode("smartcard"),
  "pcsc-mini": inNode("pcsc-mini"),
  c: { argv: [exchange, READER], empty: [exchange, "empty"], hasEventLoop: false },
  pyscard: {
    argv: [PYTHON, resolve("bench/clients/exchange.py"), READER],
    empty: [PYTHON, "-c", "import time; print(time.monotonic_ns())"],
    hasEventLoop: false,
  },
};

/** From the start of a program until it reads its clock, in milliseconds. @throws what the program says is wrong */
export function timeUntilClock(argv: readonly string[], environment: NodeJS.ProcessEnv): number {
  const [program = "", ...args] = argv;
  const options = { env: environment, encoding: "utf8", timeout: 20_000 } as const;
  const before = process.hrtime.bigint();
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (status !== 0) throw error ?? new Error(reasonIn(stderr));
  return Number(BigInt(stdout.trim()) - before) / 1e6;
}

/** Of what was printed on the way out, the line that says what was wrong. */
function reasonIn(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line !== "");
  return lines.find((line) => /^\S*Error\b.*: /.test(line)) ?? lines.at(-1) ?? "it did not say why it ended";
}

/** Returns when pcscd has seen the card: it looks every 400 ms. */
export function awaitCard(environment: NodeJS.ProcessEnv): void {
  const { status, stderr } = spawnSync(exchange, [READER, "card"], {
    env: environment,
    encoding: "utf8",
    timeout: 20_000,
  });
  if (status !== 0) throw new Error(`there is no card in ${READER}: ${stderr}`);
}

/** A client that has sent its first command and waits to be told what to do. */
export class RunningClient {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  static async start(name: ClientName, environment: NodeJS.ProcessEnv): Promise<RunningClient> {
    const [path = "", ...args] = commands[name].argv;
    const program = new Program(path, args, environment);
    await program.line((line) => line === "ready");
    return new RunningClient(program);
  }

  /** Has it do something, as clients/node/main.ts describes. @returns what it prints */
  async tell(command: string): Promise<unknown> {
    this.#program.write(`${command}\n`);
    return JSON.parse(await this.#program.line());
  }

  /** Memory that it has in use, in KiB. */
  get residentKiB(): number {
    const status = readFileSync(`/proc/${this.#program.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  }

  async end(): Promise<void> {
    await this.#program.end();
  }
}

/** What was compared, and in which version. */
export function clientVersions(): Record<string, string> {
  const asking = 'from importlib.metadata import version; print(version("pyscard"))';
  const pyscard = spawnSync(PYTHON, ["-c", asking], { encoding: "utf8" });
  return {
    node: process.version,
    "@pokusew/pcsclite": packageVersion("@pokusew/pcsclite"),
    smartcard: packageVersion("smartcard"),
    "pcsc-mini": packageVersion("pcsc-mini"),
    pyscard: pyscard.status === 0 ? pyscard.stdout.trim() : "none",
  };
}

function packageVersion(name: string): string {
  try {
    const { version }: { readonly version: string } = requireAddon(`./node_modules/${name}/package.json`);
    return version;
  } catch {
    return "none";
  }
}
