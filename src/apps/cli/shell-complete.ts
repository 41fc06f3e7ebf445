// SPDX-License-Identifier: MIT

import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Command } from "./command.ts";
import { commonOptions, type OptionSpec, type OptionTable } from "./options.ts";
import { objectNames, pinNames } from "./shell-file-commands.ts";
import { writtenWord } from "./shell-line.ts";
import type { ShellSession } from "./shell-session.ts";

/** What may stand in the place of the end of a line, and that end. */
export type Completion = [candidates: string[], end: string];

const MOST_CANDIDATES = 500;

/** Completes a line: names of commands, options and their values, applications, files of the card, readers, files. */
export async function complete(line: string, session: ShellSession): Promise<Completion> {
  const end = /(?:"[^"]*|'[^']*|[^\s"'])*$/.exec(line)?.[0] ?? "";
  const before = wordsBefore(line.slice(0, line.length - end.length));
  const typed = end.replace(/^["']/, "");
  const { command, rest } = commandIn(session.commands, before);
  const candidates = await candidatesFor(session, command, rest, typed);
  const fitting = candidates
    .filter((one) => one.toLowerCase().startsWith(typed.toLowerCase()))
    .slice(0, MOST_CANDIDATES);
  const written = fitting.map((one) => (end === typed ? writtenWord(one) : `${end[0]}${one}${end[0]}`));
  const [only, ...others] = written;
  // Behind a folder the name of a file follows.
  if (only !== undefined && others.length === 0) return [[/[/\\]["']?$/.test(only) ? only : `${only} `], end];
  return [written, end];
}

function wordsBefore(text: string): readonly string[] {
  return (text.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) => word.replace(/["']/g, ""));
}

function commandIn(
  commands: readonly Command[],
  words: readonly string[],
): { readonly command: Command | undefined; readonly rest: readonly string[] } {
  const [first, ...rest] = words;
  const found = commands.find(({ name }) => name === first?.replace(/^-/, ""));
  if (found === undefined) return { command: undefined, rest: words };
  const deeper = commandIn(found.actions ?? [], rest);
  return deeper.command === undefined ? { command: found, rest } : deeper;
}

async function candidatesFor(
  session: ShellSession,
  command: Command | undefined,
  rest: readonly string[],
  typed: string,
): Promise<readonly string[]> {
  const names = session.commands.map(({ name }) => name);
  if (command === undefined) return rest.length === 0 ? names : [];
  const options: OptionTable = { ...command.options, ...commonOptions };
  const spec = specOf(options, rest.at(-1));
  if (spec?.type === "string") return valuesOf(spec, typed);
  if (typed.startsWith("-")) return Object.keys(options).map((name) => `--${name}`);
  const actions = command.actions?.map(({ name }) => name) ?? [];
  return [...actions, ...(await argumentsOf(session, command, names, typed))];
}

function specOf(options: OptionTable, word: string | undefined): OptionSpec | undefined {
  if (word === undefined || !word.startsWith("-")) return undefined;
  return Object.entries(options).find(([name, { short }]) => word === `--${name}` || word === `-${short}`)?.[1];
}

async function valuesOf({ choices, completes, value }: OptionSpec, typed: string): Promise<readonly string[]> {
  if (value === "SOURCE") return ["prompt", "env:", "file:"];
  return choices ?? (completes === "file" ? filesFor(typed) : []);
}

async function argumentsOf(
  session: ShellSession,
  { argumentWords, name }: Command,
  names: readonly string[],
  typed: string,
): Promise<readonly string[]> {
  switch (name) {
    case "help":
      return names;
    case "connect":
      return session.card.session.context.listReaders();
    case "object":
      return objectNames(session.card);
    case "verify":
    case "tries":
      return pinNames(session.card);
    default:
      return argumentWords === "file" ? filesFor(typed) : (argumentWords ?? []);
  }
}

/** Names of files that begin so. */
async function filesFor(typed: string): Promise<readonly string[]> {
  const folder = /[/\\]$/.test(typed) ? typed : dirname(typed);
  const begin = /[/\\]$/.test(typed) ? "" : basename(typed);
  try {
    const found = await readdir(folder, { withFileTypes: true });
    return found
      .filter((one) => one.name.startsWith(begin) && (begin.startsWith(".") || !one.name.startsWith(".")))
      .slice(0, MOST_CANDIDATES)
      .map((one) => {
        const path = typed.includes("/") ? join(folder, one.name) : one.name;
        return one.isDirectory() ? `${path}/` : path;
      });
  } catch {
    return [];
  }
}
