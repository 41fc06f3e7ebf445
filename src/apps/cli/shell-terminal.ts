// SPDX-License-Identifier: MIT

import { UsageError } from "./options.ts";
import type { OpenScreen, Paint, Terminal } from "./terminal.ts";

/** What a line of a shell reads and writes. */
export interface LineTerminalOptions {
  readonly environment: Terminal["environment"];
  readonly paint: Paint;
  /** Ends what the line does. */
  readonly stop: AbortSignal;
  print(text: string): void;
  say(text: string): void;
  write(bytes: Uint8Array): void;
  /** Opens the terminal for a question; undefined where there is none. */
  openScreen(): OpenScreen | undefined;
}

/**
 * The terminal of one line of a shell: lines of the shell are what comes in, so that no command reads from there; and with
 * --json what a command prints is the result of the line.
 */
export class LineTerminal implements Terminal {
  readonly screen = undefined;
  readonly #options: LineTerminalOptions;
  readonly #keeps: boolean;
  #kept = "";

  /** @param keeps whether what is printed is kept for {@link result} */
  constructor(options: LineTerminalOptions, keeps: boolean) {
    this.#options = options;
    this.#keeps = keeps;
  }

  get environment(): Terminal["environment"] {
    return this.#options.environment;
  }

  get stop(): AbortSignal {
    return this.#options.stop;
  }

  get paint(): Paint {
    return this.#options.paint;
  }

  /** What was printed, which is JSON; undefined for nothing. */
  get result(): unknown {
    return this.#kept === "" ? undefined : JSON.parse(this.#kept);
  }

  openScreen(): OpenScreen | undefined {
    return this.#options.openScreen();
  }

  print(text: string): void {
    if (this.#keeps) this.#kept += text;
    else this.#options.print(text);
  }

  say(text: string): void {
    this.#options.say(text);
  }

  write(bytes: Uint8Array): void {
    this.#options.write(bytes);
  }

  readInput(): Promise<string> {
    throw noInput();
  }

  readBytes(): Promise<Uint8Array> {
    throw noInput();
  }

  readLines(): AsyncIterable<string> {
    throw noInput();
  }

  onInterrupt(): () => void {
    return () => {};
  }
}

function noInput(): UsageError {
  return new UsageError("standard input is the shell's own: name a file, or give a PIN as env:NAME or file:PATH");
}
