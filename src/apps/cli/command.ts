// SPDX-License-Identifier: MIT

import { type OptionTable, type ParsedLine, parseOptions, refuseArguments } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** What the program ends with. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * One command of the program, or one action of a command that has several. Its help, its section of the manual page and
 * the completion of shells are made from these fields, so that each option is described once.
 */
export interface Command {
  readonly name: string;
  /** What it does, for the list of commands: a few words. */
  readonly summary: string;
  /** What stands behind the name: one text for each form, `[OPTION…] HEX…`. */
  readonly usage: readonly string[];
  /** What it does, a paragraph each. Lines are filled when they are printed. */
  readonly description: readonly string[];
  /** The options that it takes beside those that every command takes. */
  readonly options: OptionTable;
  /** The words that may stand behind the name, for a command that has several actions. */
  readonly actions?: readonly Command[];
  /** What completion offers in the place of arguments: a list of words, or names of files. Nothing without it. */
  readonly argumentWords?: readonly string[] | "file";
  /** Whether completion offers names of files beside the words. */
  readonly argumentFiles?: boolean;
  /**
   * Does it.
   *
   * @param args the command line behind the command's name
   * @returns the exit code
   * @throws UsageError, and SmartCardError for what failed
   */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/**
 * A command whose line is taken apart before it runs. Where the usage names options alone, arguments are refused.
 *
 * @param definition `run` is given the values of the options, and what is not an option
 */
export function command<O extends OptionTable>(
  definition: Omit<Command, "options" | "run"> & {
    readonly options: O;
    run(line: ParsedLine<O>, terminal: Terminal, args: readonly string[]): Promise<number>;
  },
): Command {
  const takesArguments = definition.usage.some((form) => form !== "[OPTION…]");
  return {
    ...definition,
    run: async (args, terminal) => {
      const line = parseOptions(args, definition.options);
      if (!takesArguments) refuseArguments(line.positionals);
      return definition.run(line, terminal, args);
    },
  };
}
