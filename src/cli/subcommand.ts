// SPDX-License-Identifier: MIT

import type { Command } from "./command.ts";
import { UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** One action of a command that has several. */
export type Action = (args: readonly string[], terminal: Terminal) => Promise<number>;

/** Does the action that the first argument names. @throws UsageError, and what the action fails with */
export async function runAction(
  command: Pick<Command, "name">,
  actions: Readonly<Record<string, Action>>,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const [first, ...rest] = args;
  const action = first !== undefined && Object.hasOwn(actions, first) ? actions[first] : undefined;
  if (action !== undefined) return await action(rest, terminal);
  const known = Object.keys(actions).join(", ");
  if (first === undefined) throw new UsageError(`«scard ${command.name}» needs an action: ${known}`);
  if (first.startsWith("-")) throw new UsageError("options come behind the action");
  throw new UsageError(`«scard ${command.name}» has no such action; known: ${known}`);
}
