// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../port/index.ts";
import { UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Asks the user before something that cannot be undone, unless --force was given.
 *
 * @param warning what would be lost, without a full stop: `all keys on the card will be gone`
 * @throws UsageError (there is no terminal to ask on), cancelled-by-user
 */
export async function confirmed(warning: string, force: boolean | undefined, terminal: Terminal): Promise<void> {
  if (force === true) return;
  const { screen } = terminal;
  if (screen === undefined) throw new UsageError(`${warning}: --force does it without asking`);
  const { askYesOrNo } = await import("./confirm-prompt.ts");
  if (await askYesOrNo(`WARNING! ${warning}.\nProceed?`, screen, terminal.stop)) return;
  throw new SmartCardError("cancelled-by-user", "nothing was changed");
}
