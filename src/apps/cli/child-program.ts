// SPDX-License-Identifier: MIT

import { type StdioOptions, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Command } from "./command.ts";
import { UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { visible } from "./text.ts";

/** What a shell adds to the number of the signal that ended a program. */
const SIGNAL_BASE = 128;

/** How a program of the user is run. */
export interface ChildTerms {
  readonly environment: NodeJS.ProcessEnv;
  /** Where it reads and writes. @default where this program does */
  readonly stdio?: StdioOptions;
}

/**
 * Runs a program of the user to its end, and passes on that this one should end.
 *
 * @returns its exit code as a shell has it: 128 and the number of the signal that ended it
 * @throws UsageError (it cannot be started)
 */
export async function runChild(
  program: string,
  args: readonly string[],
  { environment, stdio = "inherit" }: ChildTerms,
  terminal: Terminal,
): Promise<number> {
  const child = spawn(program, args, { stdio, env: environment });
  const stop = (): void => void child.kill(terminal.stop.reason === "SIGTERM" ? "SIGTERM" : "SIGINT");
  terminal.stop.addEventListener("abort", stop, { once: true });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", (cause) => {
        reject(
          new UsageError(`${visible(program)} cannot be started (${(cause as NodeJS.ErrnoException).code})`, { cause }),
        );
      });
      child.once("close", (status, signal) => resolve(status ?? SIGNAL_BASE + constants.signals[signal ?? "SIGTERM"]));
    });
  } finally {
    terminal.stop.removeEventListener("abort", stop);
  }
}

/**
 * A command that runs a program of the user: where an option of that program was taken for one of its own, it says how to write it.
 *
 * @param form the command with its program, for the message: `scard ssh-agent -- COMMAND …`
 */
export function withProgramBehindDashes(command: Command, form: string): Command {
  return {
    ...command,
    async run(args, terminal) {
      try {
        return await command.run(args, terminal);
      } catch (cause) {
        const isUnknown = cause instanceof UsageError && cause.message.startsWith("unknown option");
        const hasProgram = args.some((word) => !word.startsWith("-")) && !args.includes("--");
        if (!isUnknown || !hasProgram) throw cause;
        throw new UsageError(`${cause.message}; a command with options of its own stands behind --: ${form}`, {
          cause,
        });
      }
    },
  };
}
