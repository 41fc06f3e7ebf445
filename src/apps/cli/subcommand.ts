// SPDX-License-Identifier: MIT

import type { Command } from "./command.ts";
import { UsageError } from "./options.ts";
import { didYouMean, quotedWord } from "./suggestion.ts";

/** A command that does one of several actions: the first argument names it. */
export function commandWithActions(
  about: Pick<Command, "name" | "summary" | "description"> & { readonly actions: readonly Command[] },
): Command {
  return {
    ...about,
    usage: ["ACTION [OPTION…] [ARGUMENT…]"],
    options: {},
    run: ([first, ...rest], terminal) => actionOf(about, first).run(rest, terminal),
  };
}

/** The action that a word names. @throws UsageError */
function actionOf(
  command: Pick<Command, "name"> & { readonly actions: readonly Command[] },
  word: string | undefined,
): Command {
  const action = command.actions.find(({ name }) => name === word);
  if (action !== undefined) return action;
  const known = command.actions.map(({ name }) => name);
  if (word === undefined) throw new UsageError(`"scard ${command.name}" needs an action: ${known.join(", ")}`);
  if (word.startsWith("-")) throw new UsageError(`options follow the action: ${known.join(", ")}`);
  throw new UsageError(`${unknownWord("action", word, known)} (known: ${known.join(", ")})`);
}

/** `unknown command "reades"; did you mean "readers"?` Text that may be bytes for a card is not repeated. */
export function unknownWord(what: string, word: string, known: readonly string[]): string {
  const quoted = quotedWord(word);
  return quoted === undefined ? `unknown ${what}` : `unknown ${what} ${quoted}${didYouMean(word, known)}`;
}
