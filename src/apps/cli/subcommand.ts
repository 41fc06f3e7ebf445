// SPDX-License-Identifier: MIT

import type { Command } from "./command.ts";
import { UsageError } from "./options.ts";
import { didYouMean, quotedWord } from "./suggestion.ts";

/** A command that does one of several actions, each of which may have actions of its own. */
export interface CommandOfActions extends Pick<Command, "name" | "summary" | "description"> {
  readonly actions: readonly Command[];
  /** The words before its name: `piv`. @default none */
  readonly within?: string;
  /** The name of the action that it does where none is named. @default it refuses that */
  readonly otherwise?: string;
}

/** A command that does one of several actions: the first argument names it. */
export function commandWithActions({ otherwise, within, ...about }: CommandOfActions): Command {
  const words = within === undefined ? about.name : `${within} ${about.name}`;
  return {
    ...about,
    usage: [otherwise === undefined ? "ACTION [OPTION…] [ARGUMENT…]" : "[ACTION] [OPTION…] [ARGUMENT…]"],
    options: {},
    run: (args, terminal) => {
      const [first, ...rest] = args;
      const isUnnamed = first === undefined || first.startsWith("-");
      if (otherwise !== undefined && isUnnamed) return actionOf(words, about.actions, otherwise).run(args, terminal);
      return actionOf(words, about.actions, first).run(rest, terminal);
    },
  };
}

/** The action that a word names. @throws UsageError */
function actionOf(words: string, actions: readonly Command[], word: string | undefined): Command {
  const action = actions.find(({ name }) => name === word);
  if (action !== undefined) return action;
  const known = actions.map(({ name }) => name);
  if (word === undefined) throw new UsageError(`"scard ${words}" needs an action: ${known.join(", ")}`);
  if (word.startsWith("-")) throw new UsageError(`options follow the action: ${known.join(", ")}`);
  throw new UsageError(`${unknownWord("action", word, known)} (known: ${known.join(", ")})`);
}

/** `unknown command "reades"; did you mean "readers"?` Text that may be bytes for a card is not repeated. */
export function unknownWord(what: string, word: string, known: readonly string[]): string {
  const quoted = quotedWord(word);
  return quoted === undefined ? `unknown ${what}` : `unknown ${what} ${quoted}${didYouMean(word, known)}`;
}
