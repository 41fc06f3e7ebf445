// SPDX-License-Identifier: MIT

import type { Command } from "./command.ts";
import { commonOptions, type OptionSpec, type OptionTable } from "./options.ts";

/** No line of help is longer than a terminal of this many columns. */
export const HELP_COLUMNS = 80;

/** The widest left column of a list: what is longer stands on a line of its own. */
const MAX_TERM_COLUMNS = 24;

/** What every command ends with, for the help and the manual page. */
export const EXIT_CODES_TEXT = "0 done, 1 something failed, 2 usage error, 130 interrupted";

/** The help on a command, or on an action of it: `path` has the words that lead to it. */
export function helpOn(path: readonly string[], command: Command): string {
  return [...helpParts(["scard", ...path].join(" "), "scard help ", command), commonHelp()].join("\n\n");
}

/** The help on a command of `scard shell`. */
export function shellHelpOn(path: readonly string[], command: Command): string {
  return helpParts(path.join(" "), "help ", command).join("\n\n");
}

function helpParts(words: string, help: string, command: Command): string[] {
  const parts = [usageOf(words, command), ...command.description.map((text) => fill(text))];
  const { actions = [] } = command;
  const shared = sharedOptions(actions);
  for (const action of actions) parts.push(actionHelp(words, help, action, shared));
  const options = rowsOf(actions.length > 0 ? shared : command.options);
  const title = actions.length > 0 ? "Every action:" : "Options:";
  if (options.length > 0) parts.push([title, ...definitions(options)].join("\n"));
  return parts;
}

/** The list of commands, and what they have in common. */
export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const);
  return [
    "Usage: scard COMMAND [OPTION…] [ARGUMENT…]",
    ["Commands:", ...definitions(rows)].join("\n"),
    commonHelp(),
    fill('"scard help COMMAND" explains a command. "scard --version" prints the version.'),
  ].join("\n\n");
}

/** How an option is written: `--timeout SEC`, `-h, --help`. */
function optionTerm(name: string, { short, type, value }: OptionSpec): string {
  const long = type === "string" ? `--${name} ${value ?? "VALUE"}` : `--${name}`;
  return short === undefined ? long : `-${short}, ${long}`;
}

/** What the help says of an option, its choices and how often it may be given among it. */
function optionText({ choices, help, multiple }: OptionSpec): string {
  const [first = "", ...lines] = help.split("\n");
  const listed = choices === undefined ? "" : `${choices.join(", ")}: `;
  const often = multiple ? "; may be given several times" : "";
  return [`${listed}${first}${often}`, ...lines].join("\n");
}

/** The options of a table as terms and texts. */
export function rowsOf(options: OptionTable): [string, string][] {
  return Object.entries(options).map(([name, spec]) => [optionTerm(name, spec), optionText(spec)]);
}

function usageOf(words: string, command: Command): string {
  const [first = "", ...others] = formsOf(words, command);
  return [`Usage: ${first}`, ...others.map((form) => `       ${form}`)].join("\n");
}

/** The forms in which a command may be written. */
export function formsOf(words: string, { usage }: Command): string[] {
  return usage.map((form) => `${words} ${form}`.trimEnd());
}

/** The options that all actions of a command take, and all actions of those. */
function sharedOptions(actions: readonly Command[]): OptionTable {
  const [first, ...others] = actions.flatMap(leavesOf);
  const shared = Object.entries(first?.options ?? {}).filter(([name, spec]) => {
    return others.every(({ options }) => options[name] === spec);
  });
  return Object.fromEntries(shared);
}

function leavesOf(command: Command): readonly Command[] {
  return command.actions?.flatMap(leavesOf) ?? [command];
}

function actionHelp(words: string, help: string, action: Command, shared: OptionTable): string {
  if (action.actions !== undefined) {
    const names = action.actions.map(({ name, summary }) => [name, summary] as const);
    const topic = `${help}${words.replace(/^scard /, "")} ${action.name}`;
    const more = fill(`"${topic}" explains them.`, "    ");
    return [...formsOf(`${words} ${action.name}`, action), ...definitions(names, "    "), more].join("\n");
  }
  const own = Object.entries(action.options).filter(([name]) => !Object.hasOwn(shared, name));
  const forms = formsOf(`${words} ${action.name}`, action);
  const about = fill(action.description.join(" "), "    ");
  return [...forms, about, ...definitions(rowsOf(Object.fromEntries(own)), "    ")]
    .filter((line) => line !== "")
    .join("\n");
}

function commonHelp(): string {
  return ["Every command:", ...definitions(rowsOf(commonOptions)), fill(`Exit codes: ${EXIT_CODES_TEXT}.`)].join("\n");
}

/** Terms in a column, and beside each what it means. */
export function definitions(rows: readonly (readonly [string, string])[], indent = ""): string[] {
  const width = Math.max(0, ...rows.map(([term]) => term.length).filter((length) => length <= MAX_TERM_COLUMNS));
  const margin = `${indent}${" ".repeat(width + 4)}`;
  return rows.flatMap(([term, text]) => {
    const [about = "", ...more] = text.split("\n");
    const lines = [...fill(about, margin).split("\n"), ...nested(more, margin)];
    const [first = "", ...others] = lines;
    if (term.length > width) return [`${indent}  ${term}`, ...lines];
    return [`${indent}  ${term.padEnd(width)}  ${first.slice(margin.length)}`, ...others];
  });
}

/** Lines below a meaning: `term  text` become columns of their own, and other lines stay as they are. */
function nested(lines: readonly string[], margin: string): string[] {
  const rows = lines.map((line) => /^(\S+) {2,}(.*)$/.exec(line) ?? [line, "", line]);
  const width = Math.max(0, ...rows.map(([, term = ""]) => term.length));
  return rows.flatMap(([, term = "", text = ""]) => {
    if (term === "") return fill(text, margin).split("\n");
    const [first = "", ...others] = fill(text, margin + " ".repeat(width + 2)).split("\n");
    return [`${margin}${term.padEnd(width)}  ${first.trimStart()}`, ...others];
  });
}

/** Fills lines up to the width of the help. Blanks at the beginning stay, on each line. */
export function fill(text: string, indent = ""): string {
  const own = /^ */.exec(text)?.[0] ?? "";
  const margin = indent + own;
  const lines: string[] = [];
  let line = margin;
  for (const word of text.split(" ").filter((one) => one !== "")) {
    const isEmpty = line === margin;
    if (!isEmpty && line.length + 1 + word.length > HELP_COLUMNS) {
      lines.push(line);
      line = margin + word;
    } else {
      line += isEmpty ? word : ` ${word}`;
    }
  }
  return [...lines, line].join("\n");
}
