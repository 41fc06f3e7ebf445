// SPDX-License-Identifier: MIT

import { setImmediate } from "node:timers/promises";
import { defaultManagerSpec, type OpenedManager, openManager, parseManagerSpec } from "../entry/embedded.ts";
import type { ManagerClient } from "../manager/index.ts";
import { type Context, SmartCardError } from "../pcsc/index.ts";
import { UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** The option of commands that talk to a resource manager. */
export const managerOption = { manager: { type: "string" } } as const;

/** What the help of those commands says of it. */
export const managerHelp: string = `  --manager SPEC  the resource manager: embedded:READER,… with virtual[:NAME][+CARD] and
                  vpcd[:PORT]; CARD is demo or the path of a card image. Without it, the environment
                  variable SCARD_MANAGER counts, or else ${defaultManagerSpec}.`;

/** What a command does its work with. */
export interface ManagerSession {
  readonly manager: OpenedManager["manager"];
  /** This program, as the manager knows it. */
  readonly client: ManagerClient;
  readonly context: Context;
}

/**
 * Opens the manager that the option, or else the environment, describes; works with it, and closes it.
 *
 * @throws UsageError for a description that means nothing, and what opening and the work fail with
 */
export async function withManager<T>(
  spec: string | undefined,
  terminal: Terminal,
  work: (session: ManagerSession) => Promise<T>,
): Promise<T> {
  const text = spec ?? (terminal.environment.SCARD_MANAGER || defaultManagerSpec);
  checkSpec(spec === undefined ? "SCARD_MANAGER" : "--manager", text);
  const opened = await openManager(text);
  try {
    // The cards that are in are attended to by now, so that nobody is told of readers that seem to be empty.
    await setImmediate();
    const client = opened.manager.client({ name: "scard", pid: process.pid });
    const context = await client.establishContext();
    return await work({ manager: opened.manager, client, context });
  } finally {
    await opened.close();
  }
}

function checkSpec(where: string, text: string): void {
  try {
    parseManagerSpec(text);
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    throw new UsageError(`${where}: ${error.message.replace(/^\w+: /, "")}`, { cause: error });
  }
}
