// SPDX-License-Identifier: MIT

import { readFile } from "node:fs/promises";
import { SmartCardError } from "../pcsc/index.ts";
import { apdu } from "./apdu.ts";
import { atr } from "./atr.ts";
import { audit } from "./audit.ts";
import { type Command, exitCodes } from "./command.ts";
import { conformance } from "./conformance.ts";
import { daemon } from "./daemon.ts";
import { demo } from "./demo.ts";
import { doctor } from "./doctor.ts";
import { errorForPrograms } from "./failure.ts";
import { groups } from "./groups.ts";
import { locate } from "./locate.ts";
import { UsageError } from "./options.ts";
import { readers } from "./readers.ts";
import { select } from "./select.ts";
import type { StopReason, Terminal } from "./terminal.ts";
import { jsonText } from "./text.ts";
import { types } from "./types.ts";
import { watch } from "./watch.ts";
import { who } from "./who.ts";

const commands: readonly Command[] = [
  demo,
  readers,
  watch,
  apdu,
  atr,
  select,
  locate,
  types,
  groups,
  audit,
  daemon,
  who,
  doctor,
  conformance,
];

/** What a program ends with that was asked to end before it was done; 128 and the number of the signal, as in shells. */
const stopCodes: Readonly<Record<StopReason, number>> = {
  SIGINT: exitCodes.interrupted,
  SIGTERM: 143,
  closed: exitCodes.ok,
};

const commonHelp = `Every command:
  --json          print JSON, for programs
  --no-color      no colour; without it, colour is used on a terminal unless NO_COLOR is set
  -h, --help      explain the command
Exit codes: 0 done, 1 something failed, 2 the command line makes no sense.`;

/** Runs the program with a command line; answers its exit code. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined) {
    terminal.say(overview());
    return exitCodes.usage;
  }
  const command = commands.find((one) => one.name === first);
  try {
    if (command === undefined) return await withoutCommand(first, rest, terminal);
    if (!asksForHelp(rest)) return await command.run(rest, terminal);
    terminal.print(helpOn(command));
    return exitCodes.ok;
  } catch (error) {
    return report(error, rest.includes("--json"), command, terminal);
  }
}

async function withoutCommand(first: string, rest: readonly string[], terminal: Terminal): Promise<number> {
  if (first === "--version" || first === "-V") {
    const version = await readVersion();
    terminal.print(rest.includes("--json") ? jsonText({ version }) : version);
    return exitCodes.ok;
  }
  if (first === "--help" || first === "-h" || first === "help") {
    const topic = rest.find((word) => !word.startsWith("-"));
    const command = commands.find((one) => one.name === topic);
    if (topic !== undefined && command === undefined) throw unknownCommand();
    terminal.print(command === undefined ? overview() : helpOn(command));
    return exitCodes.ok;
  }
  throw first.startsWith("-") ? new UsageError("options come behind the command") : unknownCommand();
}

function unknownCommand(): UsageError {
  // What was typed may be bytes for a card, with a PIN among them: it is not repeated.
  return new UsageError(`there is no such command; known: ${commands.map((command) => command.name).join(", ")}`);
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).some((word) => word === "--help" || word === "-h");
}

function report(error: unknown, asJson: boolean, command: Command | undefined, terminal: Terminal): number {
  if (error instanceof UsageError) {
    terminal.say(`scard: ${error.message}`);
    terminal.say(`«scard help${command === undefined ? "" : ` ${command.name}`}» explains it`);
    return exitCodes.usage;
  }
  // Anything else is a mistake of ours: Node shows where it happened.
  if (!(error instanceof SmartCardError)) throw error;
  if (error.code === "cancelled" && terminal.stop.aborted) return stopCodes[terminal.stop.reason as StopReason];
  if (asJson) terminal.print(jsonText({ error: errorForPrograms(error) }));
  else terminal.say(`scard: ${error.message}`);
  return exitCodes.failed;
}

function overview(): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  const list = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  const usage = "Usage: scard COMMAND [OPTION…]";
  const more = "scard help COMMAND explains a command; scard --version tells the version.";
  return [usage, "", ...list, "", commonHelp, "", more].join("\n");
}

function helpOn(command: Command): string {
  return `Usage: scard ${command.name}${command.help}\n\n${commonHelp}`;
}

async function readVersion(): Promise<string> {
  // The same way from src/cli and from dist/cli.
  const manifest: unknown = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  return String((manifest as { readonly version: unknown }).version);
}
