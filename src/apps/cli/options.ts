// SPDX-License-Identifier: MIT

import { parseArgs } from "node:util";
import { decodeHex } from "../../base/binary/index.ts";
import { didYouMean, quotedWord } from "./suggestion.ts";

/**
 * The command line is wrong; the program ends with 2. Its message never quotes what may be bytes for a card: a PIN may be
 * among them.
 */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** One option of a command. Parsing, help, the manual page and completion read it. */
export interface OptionSpec {
  /** Whether a value belongs to it. */
  readonly type: "string" | "boolean";
  /** True where it may be given several times; the values come as an array. */
  readonly multiple?: true;
  /** One letter that stands for it, without the hyphen. */
  readonly short?: string;
  /** What the value is called in the help: `SEC`. */
  readonly value?: string;
  /** Reads the value. @throws UsageError that names the option, and not the value */
  readonly reads?: (option: string, text: string) => unknown;
  /** The values that there are; case does not matter. Any other is refused. */
  readonly choices?: readonly string[];
  /** What completion offers as the value, where `choices` does not say. */
  readonly completes?: "file";
  /** What it does, without a full stop at the end. Further lines, each beginning with a line break, are kept as lines. */
  readonly help: string;
}

/** The options of a command by their long names. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S["type"] extends "boolean"
  ? boolean
  : S extends { readonly reads: (option: string, text: string) => infer T }
    ? T
    : S extends { readonly choices: readonly (infer C extends string)[] }
      ? C
      : string;

/** What was given for each option of a table; options that were not given are left out. */
export type OptionValues<O extends OptionTable> = {
  readonly [K in keyof O]?: O[K] extends { readonly multiple: true } ? readonly ValueOf<O[K]>[] : ValueOf<O[K]>;
};

/** Options that every command has. */
export const commonOptions = {
  json: { type: "boolean", help: "print JSON, for programs; errors too" },
  "no-color": { type: "boolean", help: "no colour. Without it, colour is used on a terminal unless NO_COLOR is set" },
  help: { type: "boolean", short: "h", help: "explain the command" },
} as const;

/** A command line that was taken apart. */
export interface ParsedLine<O extends OptionTable> {
  readonly values: OptionValues<O & typeof commonOptions>;
  /** What is not an option, in the order given. */
  readonly positionals: readonly string[];
}

/**
 * Takes the command line of a command apart.
 *
 * @throws UsageError for an unknown option, a missing value, a value where none belongs, and a value that is not one of
 * the option's choices, or that the option cannot read
 */
export function parseOptions<O extends OptionTable>(args: readonly string[], options: O): ParsedLine<O> {
  const all: OptionTable = { ...options, ...commonOptions };
  const { positionals, values } = parse(args, all);
  const read = Object.entries(values).map(([name, value]) => [name, readValue(name, value, all[name])]);
  return { positionals, values: Object.fromEntries(read) as OptionValues<O & typeof commonOptions> };
}

function parse(
  args: readonly string[],
  options: OptionTable,
): Pick<ReturnType<typeof parseArgs>, "positionals" | "values"> {
  const shapes = Object.entries(options).map(([name, { multiple, short, type }]) => {
    return [name, { type, ...(multiple && { multiple }), ...(short !== undefined && { short }) }] as const;
  });
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(shapes), allowPositionals: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(explain(error, Object.keys(options)), { cause: error });
  }
}

function readValue(name: string, value: unknown, spec: OptionSpec | undefined): unknown {
  if (Array.isArray(value)) return value.map((one: string) => readValue(name, one, spec));
  if (spec?.choices !== undefined) return choiceOf(`--${name}`, value as string, spec.choices);
  return spec?.reads === undefined ? value : spec.reads(`--${name}`, value as string);
}

function explain(error: Error & { readonly code?: string }, known: readonly string[]): string {
  // Node quotes the option as it was typed. Only what is a word can be shown: a forgotten blank may put bytes there.
  const name = /'(?:-\w, )?(-{1,2}[a-z][a-z-]*)[' ]/.exec(error.message)?.[1];
  switch (error.code) {
    case "ERR_PARSE_ARGS_UNKNOWN_OPTION":
      if (name === undefined) return "unknown option";
      return `unknown option ${name}${didYouMean(
        name,
        known.map((one) => `--${one}`),
      )}`;
    case "ERR_PARSE_ARGS_INVALID_OPTION_VALUE":
      return /does not take an argument/.test(error.message)
        ? `${name ?? "an option"} takes no value`
        : `${name ?? "an option"} needs a value; write --option=VALUE for a value that begins with a hyphen`;
    default:
      return "the options cannot be understood";
  }
}

/** Refuses arguments to a command that takes none. @throws UsageError */
export function refuseArguments(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UsageError("this command takes options only, and there are arguments");
}

/** One word of a list. @throws UsageError, with the list, for any other */
export function choiceOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const choice = allowed.find((one) => one === value.toLowerCase());
  if (choice !== undefined) return choice;
  const quoted = quotedWord(value);
  const found = quoted === undefined ? "" : `, not ${quoted}${didYouMean(value, allowed)}`;
  throw new UsageError(`${option} is one of ${allowed.join(", ")}${found}`);
}

/** The longest time that can be given, in seconds: a year. */
const MAX_SECONDS = 31_536_000;

/** A time in seconds, with fractions, as whole milliseconds. @throws UsageError */
export function millisecondsOf(option: string, value: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (!(seconds <= MAX_SECONDS)) throw new UsageError(`${option} is a number of seconds, 0 to ${MAX_SECONDS}`);
  return Math.round(seconds * 1000);
}

const unitsMs: Readonly<Record<string, number>> = { "": 1_000, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * A time as 30s, 5m or 2h, in milliseconds: a second at least.
 *
 * @param longestMs whole hours @throws UsageError
 */
export function durationOf(option: string, text: string, longestMs: number): number {
  const [, number, unit = ""] = /^(\d{1,6})([smh]?)$/.exec(text) ?? [];
  const ms = Number(number) * (unitsMs[unit] ?? Number.NaN);
  const hours = longestMs / 3_600_000;
  if (!(ms >= 1_000 && ms <= longestMs))
    throw new UsageError(`${option} is a time as 30s or 5m, ${hours === 1 ? "an hour" : `${hours}h`} at most`);
  return ms;
}

/** Bytes in hexadecimal. `what` tells the user which text it is about. @throws UsageError, naming the position */
export function hexOf(what: string, text: string): Uint8Array {
  const decoded = decodeHex(text);
  if (!decoded.ok) throw new UsageError(`${what}: ${decoded.error.message}`);
  if (decoded.value.length === 0) throw new UsageError(`${what} is empty`);
  return decoded.value;
}
