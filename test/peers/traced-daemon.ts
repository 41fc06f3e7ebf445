// SPDX-License-Identifier: MIT

// The one way in which suites of peers start our daemon: it is traced all the time. test/peers/traced.test.ts refuses any other.

import { describeEvent } from "../../src/apps/cli/trace-text.ts";
import { type ReportedEvent, traceDaemon } from "../../src/apps/daemon/index.ts";
import { nodeClock } from "../../src/platform/node/runtime/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { scardProgram } from "./daemon-program.ts";
import { type Ending, Program } from "./program.ts";

/** Text as it stands in a log of bytes. */
export function digitsOf(text: string): string {
  return Buffer.from(text).toString("hex").toUpperCase();
}

/** PINs, PUKs and keys of new cards, and those that tests give to them. */
const usualSecrets: readonly string[] = [
  ...["123456", "12345678", "654321", "87654321"].map(digitsOf),
  // The management key of a new PIV card.
  "010203040506070801020304050607080102030405060708",
];

/** Which of the secrets stand in a text, whatever stands between their digits. */
function secretsIn(text: string, secrets: readonly string[]): readonly string[] {
  const plain = text.replaceAll(/[ :]/g, "").toUpperCase();
  return secrets.filter((secret) => plain.includes(secret.toUpperCase()));
}

/** How a daemon is started. */
export interface DaemonTerms {
  /** The options behind `scard daemon`, without the sockets. */
  readonly args: readonly string[];
  readonly socket: string;
  readonly control: string;
  /** The program `scard` and what stands before its options, of this checkout or another. */
  readonly entry?: readonly [string, ...string[]];
}

/** Starts it without a trace, for measurements alone, and waits until it is ready. */
export async function startUntraced({ args, control, entry, socket }: DaemonTerms): Promise<Program> {
  const [path, ...first] = entry ?? [scardProgram, "--no-rehearsal"];
  const options = ["--socket", socket, "--control", control, ...args];
  const program = new Program(process.execPath, [path, "daemon", ...first, ...options]);
  await program.line((line) => line.startsWith("export PCSCLITE_CSOCK_NAME="));
  return program;
}

/** Our daemon, with a trace that sees all that its clients say. No secret may be in that, or in the daemon's log. */
export class TracedDaemon {
  readonly program: Program;
  readonly #secrets: readonly string[];
  readonly #found = new Set<string>();
  readonly #ending = new AbortController();
  #followed: Promise<void> = Promise.resolve();
  /** How many successful calls of connect were traced. */
  connects = 0;
  /** How many commands were traced. */
  commands = 0;

  private constructor(program: Program, secrets: readonly string[]) {
    this.program = program;
    this.#secrets = [...new Set([...usualSecrets, ...secrets])];
  }

  /**
   * Starts it, and waits until it is ready and traced.
   *
   * @param secrets hexadecimal digits that must not be in the log or a trace, beside the usual ones
   */
  static async start({
    secrets = [],
    ...terms
  }: DaemonTerms & { readonly secrets?: readonly string[] }): Promise<TracedDaemon> {
    const daemon = new TracedDaemon(await startUntraced(terms), secrets);
    const { control } = terms;
    await new Promise<void>((resolve, reject) => {
      daemon.#followed = daemon.#follow(control, resolve);
      daemon.#followed.then(() => reject(new Error("the trace has ended before it began")), reject);
    });
    return daemon;
  }

  /** Ends the daemon, if it has not ended, and looks at all that it told. @throws where a secret is in it */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<Ending> {
    const ending = await this.program.end(signal);
    this.#ending.abort();
    await this.#followed;
    for (const secret of secretsIn(ending.stderr, this.#secrets)) this.#found.add(`${secret} in the log`);
    if (this.#found.size > 0) throw new Error(`a PIN or a key is shown: ${[...this.#found].join(", ")}`);
    return ending;
  }

  async #follow(control: string, begun: () => void): Promise<void> {
    try {
      for await (const line of traceDaemon(control, { command: "trace" }, nodeClock, this.#ending.signal)) {
        if ("begun" in line) begun();
        else this.#look(line);
      }
    } catch (error) {
      // The daemon has ended.
      if (!(error instanceof SmartCardError)) throw error;
    }
  }

  /** Looks at an event as programs are told it, and as people are. */
  #look(line: ReportedEvent): void {
    const forPeople = "event" in line ? describeEvent(line.event, (_, text) => text) : [];
    const text = [JSON.stringify(line), ...forPeople].join("\n");
    for (const secret of secretsIn(text, this.#secrets)) this.#found.add(`${secret} in a trace`);
    if (!("event" in line) || line.event.kind !== "call") return;
    const { operation, outcome } = line.event;
    if (operation === "transmit") this.commands++;
    if (operation === "connect" && outcome === "success") this.connects++;
  }
}
