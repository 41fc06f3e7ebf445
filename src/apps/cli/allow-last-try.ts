// SPDX-License-Identifier: MIT

import { command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption, oneReader } from "./control-option.ts";
import { durationOf, type OptionTable } from "./options.ts";
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
    reads: (option: string, text: string) => durationOf(option, text, LONGEST_MS),
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
