// SPDX-License-Identifier: MIT

import { hexByte } from "../../base/binary/index.ts";
import { describeOutcome } from "./card-outcome.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { type OptionTable, refuseArguments, UsageError } from "./options.ts";
import type { ShellCard } from "./shell-card.ts";
import { RAW_OPTION } from "./shell-commands.ts";
import { applicationNames, byName, fileNames, knownApplication } from "./shell-names.ts";
import { describeRead, type ReadData, readBinary, readObject, readRecord, readRecords } from "./shell-read.ts";
import { describeControl, fileId, select, selectedForPrograms, selectTarget } from "./shell-select.ts";
import { commandWithActions } from "./subcommand.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

/** The commands of a shell that select and read. */
export function fileCommands(card: ShellCard): readonly Command[] {
  const actions = [binaryCommand(card), recordCommand(card), objectCommand(card)];
  const read = commandWithActions({
    name: "read",
    summary: "read the selected file, or a data object",
    otherwise: "binary",
    description: ["Reads files and data objects of the card, and shows what is in them."],
    actions,
  });
  return [selectCommand(card), read];
}

function selectCommand(card: ShellCard): Command {
  return command({
    name: "select",
    summary: "select an application or a file",
    usage: ["NAME|AID|FILE"],
    description: [
      `Selects an application by its name (${Object.keys(applicationNames).join(", ")}) or its identifier, 5 to 16 bytes in hexadecimal; or a file by its name (${Object.keys(fileNames).join(", ")}), its identifier, 4 digits, or a path of these with slashes. What the card says of it is explained.`,
    ],
    options: {},
    argumentWords: [...Object.keys(applicationNames), ...Object.keys(fileNames)],
    async run({ positionals, values }, terminal) {
      const [word, ...others] = positionals;
      if (word === undefined) throw new UsageError("what is to be selected is missing");
      // An identifier may be written with blanks.
      if (others.length > 0 && !positionals.every((one) => /^[0-9a-f]{2}$/i.test(one)))
        throw new UsageError("one application or file is enough, and there are more words");
      const selected = await select(card, selectTarget(positionals.join("")), terminal.stop);
      if (values.json) terminal.print(jsonText(selectedForPrograms(selected)));
      else {
        const lines = selected.outcomes.flatMap((one) => describeOutcome(one, terminal.paint, RAW_OPTION));
        const about = describeControl(selected.control);
        terminal.print([lines.join("\n").trimEnd(), ...(about === undefined ? [] : [visible(about)])].join("\n"));
      }
      return exitCodes.ok;
    },
  });
}

const binaryOptions = {
  offset: { type: "string", value: "BYTES", reads: bytesOf, help: "where to begin; default 0" },
  length: { type: "string", value: "BYTES", reads: bytesOf, help: "how much to read; default: to the end of the file" },
} as const satisfies OptionTable;

/** The offset of READ BINARY has 15 bits. */
const MOST_BYTES = 32_768;

function bytesOf(option: string, text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : MOST_BYTES + 1;
  if (number > MOST_BYTES) throw new UsageError(`${option} is a number of bytes, 0 to ${MOST_BYTES}`);
  return number;
}

function binaryCommand(card: ShellCard): Command {
  return command({
    name: "binary",
    summary: "read a file without structure",
    usage: ["[OPTION…] [FILE]"],
    description: ["Reads the selected file with READ BINARY to its end. With FILE, it selects that before."],
    options: binaryOptions,
    argumentWords: Object.keys(fileNames),
    async run({ positionals: [file, ...others], values }, terminal) {
      refuseArguments(others);
      await selectBefore(card, file, terminal);
      const data = await readBinary(card, values.offset ?? 0, values.length, terminal.stop);
      return show([data], values.json, terminal);
    },
  });
}

const recordOptions = {
  file: { type: "string", value: "FILE", help: "select this file before" },
} as const satisfies OptionTable;

function recordCommand(card: ShellCard): Command {
  return command({
    name: "records",
    summary: "read the records of a file",
    usage: ["[OPTION…] [NUMBER]"],
    description: ["Reads all records of the selected file with READ RECORD, or one of them, 1 to 254."],
    options: recordOptions,
    async run({ positionals: [number, ...others], values }, terminal) {
      refuseArguments(others);
      const record = number === undefined ? undefined : recordNumber(number);
      await selectBefore(card, values.file, terminal);
      const { stop } = terminal;
      const records = record === undefined ? await readRecords(card, stop) : [await readRecord(card, record, stop)];
      if (records.length === 0 && !values.json) terminal.say("the file has no record");
      return show(records, values.json, terminal);
    },
  });
}

function recordNumber(word: string): number {
  const number = /^\d{1,3}$/.test(word) ? Number(word) : 0;
  if (number < 1 || number > 254) throw new UsageError("the number of a record is 1 to 254");
  return number;
}

const objectOptions = {
  file: {
    type: "string",
    value: "FILE",
    help: "ask this file for it with a tag list: 4 digits; 3FFF is the application",
  },
} as const satisfies OptionTable;

function objectCommand(card: ShellCard): Command {
  return command({
    name: "object",
    summary: "read a data object",
    usage: ["[OPTION…] TAG"],
    description: [
      "Reads a data object with GET DATA. TAG is 2, 4 or 6 hexadecimal digits, or a name of the selected application (Tab lists them): chuid or certificate-9a of PIV, application-data of OpenPGP. PIV and GIDS are asked with a tag list, others with the tag in P1 and P2.",
    ],
    options: objectOptions,
    async run({ positionals: [word, ...others], values }, terminal) {
      refuseArguments(others);
      if (word === undefined) throw new UsageError("the tag is missing");
      const tag = tagOf(card, word);
      const given = values.file === undefined ? undefined : fileId(values.file);
      const usual = knownApplication(card.application)?.asks === "tag-list" ? 0x3fff : undefined;
      return show([await readObject(card, tag, given ?? usual, terminal.stop)], values.json, terminal);
    },
  });
}

function tagOf(card: ShellCard, word: string): number {
  const known = knownApplication(card.application);
  const named = known && byName(known.objects, word);
  if (named !== undefined) return named;
  if (/^(?:[0-9a-f]{2}){1,3}$/i.test(word)) return Number.parseInt(word, 16);
  const hint = known === undefined ? "select an application for its names" : `or a name that ${known.name} has`;
  throw new UsageError(`a tag has 2, 4 or 6 hexadecimal digits; ${hint}`);
}

/** Names of data objects of the selected application, for completion. */
export function objectNames(card: ShellCard): readonly string[] {
  return Object.keys(knownApplication(card.application)?.objects ?? {});
}

/** Names and numbers of PINs of the selected application, for completion. */
export function pinNames(card: ShellCard): readonly string[] {
  const pins = knownApplication(card.application)?.pins ?? {};
  return [...Object.keys(pins), ...Object.values(pins).map(hexByte)];
}

async function selectBefore(card: ShellCard, file: string | undefined, terminal: Terminal): Promise<void> {
  if (file !== undefined) await select(card, selectTarget(file), terminal.stop);
}

function show(parts: readonly ReadData[], asJson: boolean | undefined, terminal: Terminal): number {
  if (asJson === true) {
    const read = parts.map(({ data, record, withheldBytes }) =>
      withheldBytes > 0 ? { record, withheldBytes } : { record, bytes: data.length, data },
    );
    terminal.print(jsonText({ read }));
  } else for (const line of parts.flatMap(describeRead)) terminal.print(visible(line));
  return exitCodes.ok;
}
