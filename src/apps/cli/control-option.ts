// SPDX-License-Identifier: MIT

import { nodeClock } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { askDaemon, type ControlCommand, type ControlResults, likelyControlPaths } from "../daemon/index.ts";
import { UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** The option of commands that ask `scard daemon`. */
export const controlOption = {
  control: {
    type: "string",
    value: "PATH",
    completes: "file",
    help: `the daemon's control socket; without it, the one beside PCSCLITE_CSOCK_NAME, the user's own, and the \
system's are tried in this order`,
  },
} as const;

/** The reader that a command is for. @throws UsageError (none, or several) */
export function oneReader([choice, ...others]: readonly string[]): string {
  if (choice === undefined || others.length > 0) throw new UsageError("one reader is needed");
  return choice;
}

/** A daemon's answer, and its socket. */
export interface DaemonAnswer<T> {
  readonly path: string;
  readonly result: T;
}

/**
 * Asks the daemon at the given control socket or, without one, the first that answers where one is likely to be.
 *
 * @throws no-service (no daemon answers), no-access (it is another user's), and what it refuses
 */
export async function askLikelyDaemon<C extends ControlCommand>(
  command: C,
  control: string | undefined,
  terminal: Terminal,
): Promise<DaemonAnswer<ControlResults[C["command"]]>> {
  const surroundings = { environment: terminal.environment, uid: process.getuid?.() ?? 0 };
  const paths = control === undefined ? likelyControlPaths(surroundings) : [control];
  for (const path of paths) {
    try {
      return { path, result: await askDaemon(path, command, nodeClock) };
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      if (error.code === "no-access") throw notYours(path, error);
      if (error.code !== "no-service") throw error;
    }
  }
  const remedy = 'start one with "scard daemon --reader virtual --card demo", or name its socket with --control';
  throw new SmartCardError("no-service", `no scard daemon answers at ${paths.join(", ")}: ${remedy}`);
}

function notYours(path: string, cause: SmartCardError): SmartCardError {
  const message = `the daemon at ${path} is another user's: ask as that user or as root`;
  return new SmartCardError("no-access", message, cause.details, { cause });
}
