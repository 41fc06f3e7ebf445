// SPDX-License-Identifier: MIT

import { compareRecordings, differenceText } from "../../observe/recordings/index.ts";
import { command, exitCodes } from "./command.ts";
import { type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import { ignoringOption, readRecording } from "./recording-file.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

const optionTable = { ...ignoringOption } as const satisfies OptionTable;

/** `scard diff`: compares two recordings. */
export const diff = command({
  name: "diff",
  summary: "compare two recordings, exchange by exchange",
  usage: ["[OPTION…] FILE FILE"],
  description: [
    "Compares two recordings of scard record or scard convert. What only the first has begins with -, what only the second has with +. Bytes that may be secret are withheld. It ends with 0 where they are alike, and with 1 where they differ.",
  ],
  options: optionTable,
  argumentWords: "file",
  run,
});

async function run({ positionals, values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  const [one, other, ...more] = positionals;
  if (one === undefined || other === undefined || more.length > 0)
    throw new UsageError(`it takes two recordings; ${positionals.length} were given`);
  const options = { ignoring: checkedNames(values.ignoring) };
  const { alike, differences } = compareRecordings(await readRecording(one), await readRecording(other), options);
  if (values.json === true) terminal.print(jsonText({ alike, differences }));
  else {
    for (const difference of differences) {
      for (const line of differenceText(difference).split("\n")) terminal.print(painted(line, terminal));
    }
    terminal.say(`${alike} exchanges are alike, ${differences.length} differ`);
  }
  return differences.length === 0 ? exitCodes.ok : exitCodes.failed;
}

function painted(line: string, { paint }: Terminal): string {
  if (line.startsWith("-")) return paint("red", visible(line));
  return line.startsWith("+") ? paint("green", visible(line)) : visible(line);
}

/** The names of commands to ignore. @throws UsageError for one that there is not */
export function checkedNames(names: readonly string[] = []): readonly string[] {
  try {
    compareRecordings(empty, empty, { ignoring: names });
    return names;
  } catch (error) {
    if (error instanceof RangeError)
      throw new UsageError(error.message.replace("ignoring:", "--ignoring:"), { cause: error });
    throw error;
  }
}

const empty = { header: { recorded: 0, data: "redacted" }, events: [] } as const;
