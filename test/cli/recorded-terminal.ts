// SPDX-License-Identifier: MIT

import { painter, type StopReason, type Terminal } from "../../src/apps/cli/terminal.ts";
import { concatBytes } from "../../src/base/binary/index.ts";
import { SmartCardError } from "../../src/port/index.ts";

/** A missing database: the user's own entries must not affect the tests. */
const NO_DATABASE = "/nonexistent/scard/database.sqlite";

/** A reader with the demo card: the machine's own readers must not affect the tests. */
const DEMO_MANAGER = "embedded:virtual+demo";

/** A terminal without a user: output and messages are recorded. */
export class RecordedTerminal implements Terminal {
  readonly paint: Terminal["paint"] = painter(false);
  readonly screen = undefined;
  readonly environment: Terminal["environment"];
  readonly #stopping = new AbortController();
  readonly #input: string | Uint8Array;
  readonly #written: Uint8Array[] = [];
  /** The standard output. */
  printed = "";
  /** The standard error. */
  said = "";

  constructor(options: { readonly input?: string | Uint8Array; readonly environment?: Terminal["environment"] } = {}) {
    this.#input = options.input ?? "";
    this.environment = { SCARD_DATABASE: NO_DATABASE, SCARD_MANAGER: DEMO_MANAGER, ...options.environment };
  }

  get stop(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Asks the program to end. */
  interrupt(reason: StopReason): void {
    this.#stopping.abort(reason);
  }

  openScreen(): undefined {
    return undefined;
  }

  print(text: string): void {
    this.printed += `${text}\n`;
  }

  say(text: string): void {
    this.said += `${text}\n`;
  }

  write(bytes: Uint8Array): void {
    this.#written.push(bytes.slice());
    this.printed += new TextDecoder().decode(bytes);
  }

  /** The bytes that were written, without the lines that were printed. */
  get written(): Uint8Array {
    return concatBytes(...this.#written);
  }

  async readInput(): Promise<string> {
    return typeof this.#input === "string" ? this.#input : new TextDecoder().decode(this.#input);
  }

  async readBytes(mostBytes: number): Promise<Uint8Array> {
    const { length } = this.#input;
    if (length > mostBytes)
      throw new SmartCardError("invalid-value", `standard input has more than ${mostBytes} bytes`);
    return typeof this.#input === "string" ? new TextEncoder().encode(this.#input) : this.#input.slice();
  }

  async *readLines(): AsyncGenerator<string> {
    yield* (await this.readInput()).split("\n");
  }

  onInterrupt(): () => void {
    return () => {};
  }
}
