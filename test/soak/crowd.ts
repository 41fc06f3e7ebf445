// SPDX-License-Identifier: MIT

import { fileURLToPath } from "node:url";
import type { Dice } from "../../simulation/dice.ts";
import { compileC } from "../peers/compile.ts";
import { Program } from "../peers/program.ts";
import type { CalmClock } from "./calm-clock.ts";
import { isExpected } from "./results.ts";

/** The kinds of clients: our session in Node, libpcsclite in C, pyscard in Python. */
export const kinds = ["ours", "libpcsclite", "pyscard"] as const;
export type Kind = (typeof kinds)[number];

/** What must not be, and which check says so. */
export type Violated = (check: string, what: string) => void;

/** How often calls of a name came to a result. */
export type Tally = Record<string, Record<string, number>>;

/** A client that is running. */
export interface Client {
  readonly number: number;
  readonly kind: Kind;
  readonly program: Program;
  /** When a call of it last succeeded. */
  succeededAt: number;
  /** Transactions that it has ended. */
  turns: number;
  /** What ends its being stopped; undefined while it runs. */
  resume: (() => void) | undefined;
  /** That its end is no surprise. */
  ending: boolean;
}

/** What the crowd needs of its surroundings. */
export interface CrowdOptions {
  readonly socket: string;
  readonly readers: readonly string[];
  readonly dice: Dice;
  readonly calm: CalmClock;
  readonly violated: Violated;
  /** Whether the daemon went away a moment ago. */
  readonly restarting: () => boolean;
}

/** All clients: starts them, listens to them, and does to them what the director wants. */
export class Crowd {
  readonly #options: CrowdOptions;
  readonly #commands: Readonly<Record<Kind, readonly string[]>>;
  readonly #gone = new Set<number>();
  readonly clients: Client[] = [];
  readonly tallies: Record<Kind, Tally> = { ours: {}, libpcsclite: {}, pyscard: {} };
  /** The longest that a call took, in milliseconds of calm, and whose it was. */
  readonly longest: Record<string, { readonly ms: number; readonly kind: Kind }> = {};
  /** How many were started. */
  started = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
    this.#commands = {
      ours: [process.execPath, fileURLToPath(new URL("our-client.js", import.meta.url))],
      libpcsclite: [compileC("soak-client", ["test/soak/soak-client.c"])],
      pyscard: ["/usr/bin/python3", "test/soak/soak-client.py"],
    };
  }

  /** Whether a client was killed, or has ended. */
  readonly isGone = (number: number): boolean => this.#gone.has(number);

  start(kind: Kind): Client {
    const { dice, readers, socket } = this.#options;
    const number = ++this.started;
    const [path = "", ...args] = this.#commands[kind];
    const environment = { ...process.env, PCSCLITE_CSOCK_NAME: socket };
    const program = new Program(
      path,
      [...args, String(number), String(1 + dice.below(2 ** 31)), ...readers],
      environment,
    );
    const common = { succeededAt: performance.now(), turns: 0, resume: undefined, ending: false };
    const client: Client = { number, kind, program, ...common };
    this.clients.push(client);
    void this.#listen(client);
    return client;
  }

  /** Kills one with no warning. */
  async kill(client: Client): Promise<void> {
    client.ending = true;
    this.#gone.add(client.number);
    this.#remove(client);
    client.resume?.();
    await client.program.end("SIGKILL");
  }

  /** Has the system stop one, which does not know. Returns what has it go on. */
  stop(client: Client): () => void {
    client.program.signal("SIGSTOP");
    const calm = this.#options.calm.disturb();
    const resume = (): void => {
      client.resume = undefined;
      client.program.signal("SIGCONT");
      calm();
    };
    client.resume = resume;
    return resume;
  }

  /** Has one end by itself. */
  async dismiss(client: Client): Promise<void> {
    client.ending = true;
    client.program.endInput();
    const { status, signal, stderr } = await client.program.ended;
    this.#gone.add(client.number);
    this.#remove(client);
    if (status !== 0) this.#options.violated("clients", `${named(client)} ended with ${status ?? signal}: ${stderr}`);
  }

  #remove(client: Client): void {
    const index = this.clients.indexOf(client);
    if (index >= 0) this.clients.splice(index, 1);
  }

  async #listen(client: Client): Promise<void> {
    try {
      for (;;) this.#heard(client, await client.program.line());
    } catch {
      // It has ended.
    }
    if (client.ending) return;
    this.#remove(client);
    const { status, signal, stderr } = await client.program.ended;
    this.#options.violated("clients", `${named(client)} ended by itself (${status ?? signal}): ${stderr}`);
  }

  #heard(client: Client, line: string): void {
    const { calm, restarting, violated } = this.#options;
    if (line.startsWith("!")) {
      client.ending = true;
      violated(line.includes("answer") ? "answers" : "turns", `${named(client)}: ${line.slice(2)}`);
      return;
    }
    const [call = "", result = "", lasted = ""] = line.split(" ");
    const now = performance.now();
    const tally = this.tallies[client.kind];
    tally[call] = { ...tally[call], [result]: (tally[call]?.[result] ?? 0) + 1 };
    if (!isExpected(call, result, restarting())) violated("results", `${call} of ${named(client)} came to ${result}`);
    if (result === "00000000") {
      client.succeededAt = now;
      if (call === "end") client.turns++;
    }
    const ms = Math.round(calm.since(now - Number(lasted)));
    if (ms > (this.longest[call]?.ms ?? -1)) this.longest[call] = { ms, kind: client.kind };
  }
}

/** How a client is called in messages. */
export function named(client: Client): string {
  return `client ${client.number} (${client.kind}, pid ${client.program.pid})`;
}
