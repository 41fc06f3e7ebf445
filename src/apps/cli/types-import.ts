// SPDX-License-Identifier: MIT

import { parseSmartCardList, type SmartCardList } from "../../database/index.ts";
import { nodeClock, readRegularFile } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { command, exitCodes } from "./command.ts";
import { scopeOption, withDatabase } from "./database-option.ts";
import { type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { count, duration, jsonText, visible } from "./text.ts";

/** Where Debian's pcsc-tools puts its list. */
export const LIST_PATH = "/usr/share/pcsc/smartcard_list.txt";

/** Longest list that is read: the whole of smartcard_list.txt has less than one MiB. */
const MAX_LIST_BYTES = 16_777_216;

/** Most lines that are named which were left out, unless all are asked for. */
const MAX_PROBLEMS_SHOWN = 10;

const optionTable = {
  problems: { type: "boolean", help: "name all lines that were left out" },
  ...scopeOption,
} as const satisfies OptionTable;

/** `scard types import`: introduces all card types of a list. */
export const importTypes = command({
  name: "import",
  summary: "add the card types of a list",
  usage: ["[OPTION…] [FILE]"],
  description: [
    `Adds all card types of a list in the form of smartcard_list.txt, or replaces them; "-" is the standard input. Without FILE it is ${LIST_PATH}.`,
  ],
  options: optionTable,
  argumentWords: "file",
  run,
});

async function run({ positionals, values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  const [file = LIST_PATH, ...others] = positionals;
  if (others.length > 0) throw new UsageError("one file is imported at a time");
  const before = nodeClock.now();
  const list = parseSmartCardList(await readList(file, terminal));
  const found = count(list.cardTypes.length, "card type");
  if (list.cardTypes.length === 0) {
    throw new SmartCardError("invalid-value", `${visible(file)} has no card type: is it a smartcard_list.txt?`);
  }
  if (terminal.screen !== undefined) terminal.say(`${found} in ${visible(file)}; introducing them…`);
  const { added, replaced } = await withDatabase(terminal, values.scope, ({ cardTypes }) => {
    return cardTypes.introduceAll(list.cardTypes);
  });
  const ms = nodeClock.now() - before;
  if (values.json) {
    const { cardTypes, expressions, problems } = list;
    terminal.print(jsonText({ file, cardTypes: cardTypes.length, added, replaced, expressions, problems, ms }));
    return exitCodes.ok;
  }
  const sources = count(list.expressions, "ATR expression");
  terminal.print(`${found} (${sources}): ${added} new, ${replaced} replaced, in ${duration(ms)}`);
  for (const line of describeProblems(list, values.problems === true)) terminal.say(line);
  return exitCodes.ok;
}

function describeProblems({ problems }: SmartCardList, all: boolean): string[] {
  if (problems.length === 0) return [];
  const shown = all ? problems : problems.slice(0, MAX_PROBLEMS_SHOWN);
  const more = problems.length - shown.length;
  return [
    `${count(problems.length, "line")} left out, which cannot be expressed as ATR and mask:`,
    ...shown.map(({ line, message }) => `  line ${line}: ${visible(message)}`),
    ...(more > 0 ? [`  and ${more} more; --problems shows all`] : []),
  ];
}

async function readList(file: string, terminal: Terminal): Promise<Uint8Array> {
  if (file === "-") return new TextEncoder().encode(await terminal.readInput());
  const missing = "Debian's package pcsc-tools has one, the newest is at https://pcsc-tools.apdu.fr/smartcard_list.txt";
  return readRegularFile(file, { mostBytes: MAX_LIST_BYTES, shown: visible(file), missing });
}
