// SPDX-License-Identifier: MIT

import { type ParseArgsConfig, parseArgs } from "node:util";
import { decodeHex } from "../binary/index.ts";

/**
 * The command line makes no sense; the program ends with 2. Its message never quotes what may be bytes for a card: a
 * PIN may be among them.
 */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** Options that every command has. */
const commonOptions = {
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
  "no-color": { type: "boolean" },
} as const;

type Options = NonNullable<ParseArgsConfig["options"]>;
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ options: O & typeof commonOptions; allowPositionals: true; strict: true }>
>;

/**
 * Takes the command line of a command apart.
 *
 * @throws UsageError for an option that there is not, a value that is missing, and a value where none belongs
 */
export function parseOptions<O extends Options>(args: readonly string[], options: O): Parsed<O> {
  try {
    const all = { ...options, ...commonOptions };
    return parseArgs({ args: [...args], options: all, allowPositionals: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(explain(error), { cause: error });
  }
}

function explain(error: Error & { readonly code?: string }): string {
  // Node quotes the option as it was typed. Only what is a word can be shown: a forgotten blank may put bytes there.
  const name = /'(?:-\w, )?(-{1,2}[a-z][a-z-]*)[' ]/.exec(error.message)?.[1];
  switch (error.code) {
    case "ERR_PARSE_ARGS_UNKNOWN_OPTION":
      return name === undefined ? "there is no such option" : `there is no option ${name}`;
    case "ERR_PARSE_ARGS_INVALID_OPTION_VALUE":
      return /does not take an argument/.test(error.message)
        ? `${name ?? "an option"} takes no value`
        : `${name ?? "an option"} needs a value; write --option=VALUE for one that begins with a hyphen`;
    default:
      return "the options make no sense";
  }
}

/** Refuses arguments to a command that takes none. @throws UsageError */
export function refuseArguments(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UsageError("there are arguments where only options belong");
}

/** One word of a list. @throws UsageError, with the list, for any other */
export function choiceOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const choice = allowed.find((one) => one === value.toLowerCase());
  if (choice === undefined) throw new UsageError(`${option} is one of ${allowed.join(", ")}`);
  return choice;
}

/** The longest time that can be given, in seconds: a year. */
const maxSeconds = 31_536_000;

/** A time in seconds, with fractions, as milliseconds. @throws UsageError */
export function millisecondsOf(option: string, value: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (!(seconds <= maxSeconds)) throw new UsageError(`${option} is a number of seconds, 0 to ${maxSeconds}`);
  return seconds * 1000;
}

/** Bytes in hexadecimal. `what` tells the user which text is meant. @throws UsageError, naming the position */
export function hexOf(what: string, text: string): Uint8Array {
  const decoded = decodeHex(text);
  if (!decoded.ok) throw new UsageError(`${what}: ${decoded.error.message}`);
  if (decoded.value.length === 0) throw new UsageError(`${what} is empty`);
  return decoded.value;
}
