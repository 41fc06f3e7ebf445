// SPDX-License-Identifier: MIT

import { setImmediate } from "node:timers/promises";
import { type OpenedManager, openManager, parseManagerSpec } from "../../entry/machine.ts";
import { type Context, type ResourceManager, SmartCardError } from "../../port/index.ts";
import { UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** The option of commands that talk to a resource manager. */
export const managerOption = {
  manager: {
    type: "string",
    value: "SPEC",
    help: `the resource manager; without it SCARD_MANAGER counts, or else what this machine has:
pcscd[:SOCKET]     the service on this machine, pcscd or scard daemon
daemon[:SOCKET]    scard daemon, and no other
system[:LIBRARY]   the operating system's own (through koffi)
farm:FILE          readers on many machines (scard farm)
embedded:READER,…  one in this process
  READER is virtual[:NAME][+CARD], vpcd[:PORT|PATH],
  usb[:VENDOR:PRODUCT|:SERIAL|:@PORT],
  ifd:DRIVER[:DEVICE|:CHANNEL] or reader.conf[:PATH],
  CARD is demo, a kind of scard card new, or a file`,
  },
} as const;

/** What a command works with. */
export interface ManagerSession {
  readonly opened: OpenedManager;
  /** The manager, with this program as its client where it is one in this process. */
  readonly client: ResourceManager;
  readonly context: Context;
}

/**
 * Opens the manager that the option, or else the environment, describes, or the one of this machine; works with it, and
 * closes it.
 *
 * @throws UsageError for an invalid description, and what opening and the work fail with
 */
export async function withManager<T>(
  spec: string | undefined,
  terminal: Terminal,
  work: (session: ManagerSession) => Promise<T>,
): Promise<T> {
  const { environment } = terminal;
  if (spec !== undefined) checkSpec("--manager", spec);
  else if (environment.SCARD_MANAGER) checkSpec("SCARD_MANAGER", environment.SCARD_MANAGER);
  const opened = await openManager(spec, { surroundings: { environment } });
  try {
    const client = await clientOf(opened);
    const context = await client.establishContext();
    try {
      return await work({ opened, client, context });
    } finally {
      await context.release().catch(ignoreFailure);
    }
  } finally {
    await opened.close();
  }
}

async function clientOf(opened: OpenedManager): Promise<ResourceManager> {
  if (opened.kind !== "embedded") return opened.manager;
  // The cards that are in have started by now, so that no reader with a card is reported as empty.
  await setImmediate();
  return opened.manager.client({ name: "scard", pid: process.pid });
}

/** A context ends with its service. */
function ignoreFailure(error: unknown): void {
  if (!(error instanceof SmartCardError)) throw error;
}

function checkSpec(where: string, text: string): void {
  try {
    parseManagerSpec(text);
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    throw new UsageError(`${where}: ${error.reason}`, { cause: error });
  }
}
