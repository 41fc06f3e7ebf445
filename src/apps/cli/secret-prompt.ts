// SPDX-License-Identifier: MIT

import { AbortPromptError, createPrompt, ExitPromptError, isEnterKey, useKeypress, useState } from "@inquirer/core";
import type { Screen } from "./terminal.ts";

/** Asks for a PIN, and shows a star for each character. */
const prompt = createPrompt<string, { readonly message: string }>(({ message }, done) => {
  const [value, setValue] = useState("");
  useKeypress((key, line) => {
    if (isEnterKey(key)) done(value);
    else setValue(line.line);
  });
  return `${message}: ${"*".repeat(value.length)}`;
});

/** @returns undefined where the user has ended it */
export async function askForSecret(message: string, screen: Screen, stop: AbortSignal): Promise<string | undefined> {
  try {
    return await prompt({ message }, { ...screen, clearPromptOnDone: true, signal: stop });
  } catch (error) {
    if (error instanceof AbortPromptError || error instanceof ExitPromptError) return undefined;
    throw error;
  }
}
