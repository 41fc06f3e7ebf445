// SPDX-License-Identifier: MIT

import { withoutBytes } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { type Command, exitCodes } from "./command.ts";
import { commandNames, loadCommand, loadCommands } from "./commands.ts";
import { errorForPrograms } from "./failure.ts";
import { helpOn, overview } from "./help.ts";
import { parseOptions, UsageError } from "./options.ts";
import { unknownWord } from "./subcommand.ts";
import type { StopReason, Terminal } from "./terminal.ts";
import { jsonText, visibleLines } from "./text.ts";
import { readVersion, versionOptions } from "./version.ts";

/** What a program ends with that was asked to end before it was done; 128 and the number of the signal, as in shells. */
const stopCodes: Readonly<Record<StopReason, number>> = {
  SIGINT: exitCodes.interrupted,
  SIGTERM: 143,
  closed: exitCodes.ok,
  unwritable: exitCodes.failed,
};

/** Runs the program with a command line; answers its exit code. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined) {
    terminal.say(overview(await loadCommands()));
    return exitCodes.usage;
  }
  const found = await findCommand(args);
  try {
    if (found === undefined) return await withoutCommand(first, rest, terminal);
    if (!has(rest, ["--help", "-h"])) return await found.command.run(rest.slice(found.path.length - 1), terminal);
    return printHelp(helpOn(found.path, found.command), has(rest, ["--json"]), terminal);
  } catch (error) {
    return report(error, args, found?.path ?? [], terminal);
  }
}

/** A command, and the words that lead to it. */
interface FoundCommand {
  readonly path: readonly string[];
  readonly command: Command;
}

/** The command that the first words name, or the action of one, or the action of an action. */
async function findCommand(words: readonly string[]): Promise<FoundCommand | undefined> {
  const [first, ...rest] = words;
  const command = await loadCommand(first);
  return command && foundIn(command, rest);
}

function foundIn(command: Command, rest: readonly string[]): FoundCommand {
  const [word, ...others] = rest;
  const action = command.actions?.find(({ name }) => name === word);
  if (action === undefined) return { path: [command.name], command };
  const found = foundIn(action, others);
  return { path: [command.name, ...found.path], command: found.command };
}

async function withoutCommand(first: string, rest: readonly string[], terminal: Terminal): Promise<number> {
  if (versionOptions.includes(first)) {
    const version = readVersion();
    terminal.print(rest.includes("--json") ? jsonText({ version }) : version);
    return exitCodes.ok;
  }
  if (first === "--help" || first === "-h" || first === "help") {
    const { positionals, values } = parseOptions(rest, {});
    const topics = positionals[0] === "help" ? [] : positionals;
    const found = await findCommand(topics);
    const [topic] = topics;
    if (topic !== undefined && found === undefined) throw unknownCommand(topic);
    const text = found === undefined ? overview(await loadCommands()) : helpOn(found.path, found.command);
    return printHelp(text, values.json === true, terminal);
  }
  throw first.startsWith("-") ? new UsageError("options follow the command") : unknownCommand(first);
}

function printHelp(help: string, asJson: boolean, terminal: Terminal): number {
  terminal.print(asJson ? jsonText({ help }) : help);
  return exitCodes.ok;
}

function unknownCommand(word: string): UsageError {
  return new UsageError(unknownWord("command", word, [...commandNames, "help"]));
}

/** Whether one of the options is given; what stands behind `--` is no option. */
function has(args: readonly string[], options: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).some((word) => options.includes(word));
}

function report(error: unknown, args: readonly string[], path: readonly string[], terminal: Terminal): number {
  const asJson = has(args, ["--json"]);
  // No message repeats an argument that may be bytes for a card: a PIN may be among them.
  const texts = args.flatMap((arg) => [arg, arg.slice(arg.indexOf("=") + 1)]);
  const withheld = (message: string): string => withoutBytes(message, texts);
  // Names that others chose may be in a message.
  const shown = (message: string): string => visibleLines(withheld(message));
  if (error instanceof UsageError) {
    const help = ["scard", "help", ...path].join(" ");
    if (asJson) {
      terminal.print(jsonText({ error: { code: "usage-error", message: withheld(error.message), help } }));
    } else {
      terminal.say(`scard: ${shown(error.message)}`);
      terminal.say(`"${help}" ${path.length === 0 ? "lists the commands" : "explains the command"}`);
    }
    return exitCodes.usage;
  }
  // Anything else is a mistake of ours: Node shows where it happened.
  if (!(error instanceof SmartCardError)) throw error;
  if (error.code === "cancelled" && terminal.stop.aborted) return stopCodes[terminal.stop.reason as StopReason];
  if (asJson) {
    const failure = errorForPrograms(error);
    terminal.print(jsonText({ error: { ...failure, message: withheld(failure.message) } }));
  } else terminal.say(`scard: ${shown(error.message)}`);
  return exitCodes.failed;
}
