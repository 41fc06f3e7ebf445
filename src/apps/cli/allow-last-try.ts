// SPDX-License-Identifier: MIT

import { command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption, oneReader } from "./control-option.ts";
import { type OptionTable, UsageError } from "./options.ts";
import { onlyFitting } from "./reader-choice.ts";
import { jsonText, visible } from "./text.ts";

/** How long a try is allowed without --for, in milliseconds. */
const DEFAULT_MS = 60_000;
/** The longest time that can be given, in milliseconds: an hour. */
const LONGEST_MS = 3_600_000;

const optionTable = {
  for: {
    type: "string",
    value: "TIME",
    reads: durationOf,
    help: "how long: as 30s or 5m, an hour at most (60s without it)",
  },
  ...controlOption,
} as const satisfies OptionTable;

/** `scard allow-last-try`: confirms that a PIN with one try left may be compared. */
export const allowLastTry = command({
  name: "allow-last-try",
  summary: "let one command use the last try of a PIN",
  usage: ["[OPTION…] READER"],
  description: [
    'Where the configuration of scard daemon has "policy": { "lastTry": "confirm" }, a PIN, PUK or code that has one try left is not sent to the card. This lets one command pass, whichever program sends it first. READER is a name, a part of it that no other has, or its number in "scard readers".',
  ],
  options: optionTable,
  async run({ positionals, values }, terminal) {
    const choice = oneReader(positionals);
    const { path, result } = await askLikelyDaemon({ command: "readers" }, values.control, terminal);
    const reader = onlyFitting(
      result.map(({ name }) => name),
      choice,
      "argument 1",
    );
    const forMs = values.for ?? DEFAULT_MS;
    await askLikelyDaemon({ command: "allow-last-try", reader, forMs }, path, terminal);
    if (values.json) terminal.print(jsonText({ reader, forMs }));
    else terminal.print(`${visible(reader)}: one last try is allowed for ${forMs / 1000} s`);
    return exitCodes.ok;
  },
});

/** A time as 30s or 5m, in milliseconds. @throws UsageError */
export function durationOf(option: string, text: string): number {
  const [, number, unit] = /^(\d{1,4})([sm]?)$/.exec(text) ?? [];
  const ms = Number(number) * (unit === "m" ? 60_000 : 1000);
  if (!(ms >= 1000 && ms <= LONGEST_MS)) throw new UsageError(`${option} is a time as 30s or 5m, an hour at most`);
  return ms;
}
