// SPDX-License-Identifier: MIT

import type { Terminal } from "./terminal.ts";

/** What the program ends with. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** One command of the program. */
export interface Command {
  readonly name: string;
  /** What it does, for the list of commands: a few words. */
  readonly summary: string;
  /** How it is used: the lines behind `scard NAME`, and a line for each option. */
  readonly help: string;
  /**
   * Does it.
   *
   * @param args the command line behind the command's name
   * @returns the exit code
   * @throws UsageError, and SmartCardError for what failed
   */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}
