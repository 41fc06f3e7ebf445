// SPDX-License-Identifier: MIT

import { AbortPromptError, createPrompt, ExitPromptError, isEnterKey, useKeypress, useState } from "@inquirer/core";
import type { Screen } from "./terminal.ts";

/** Asks a question that y answers with yes, and anything else with no. */
const prompt = createPrompt<boolean, { readonly message: string }>(({ message }, done) => {
  const [value, setValue] = useState("");
  useKeypress((key, line) => {
    if (isEnterKey(key)) done(/^\s*y(es)?\s*$/i.test(value));
    else setValue(line.line);
  });
  return `${message} [y/N] ${value}`;
});

/** @returns false where the user has ended it */
export async function askYesOrNo(message: string, screen: Screen, stop: AbortSignal): Promise<boolean> {
  try {
    return await prompt({ message }, { ...screen, signal: stop });
  } catch (error) {
    if (error instanceof AbortPromptError || error instanceof ExitPromptError) return false;
    throw error;
  }
}
