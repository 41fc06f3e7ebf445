// SPDX-License-Identifier: MIT

import { stat } from "node:fs/promises";
import { isRecording, MAX_RECORDING_BYTES, recordingIn } from "../../entry/recorded-card.ts";
import { captureOf } from "../../observe/captures/index.ts";
import { importLog, type LogKind, logKinds } from "../../observe/imports/index.ts";
import { formatRecording, type Recording, redactRecording } from "../../observe/recordings/index.ts";
import { readTextFile, replaceFile } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { command, exitCodes } from "./command.ts";
import { type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import { captureKindOf, forceOption, formOption } from "./recording-file.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText } from "./text.ts";

const optionTable = {
  from: {
    type: "string",
    value: "KIND",
    choices: logKinds,
    help: "what wrote the log; without it, what its lines look like",
  },
  to: formOption,
  raw: { type: "boolean", help: "keep all bytes, PINs and keys too, where the source has them; the file is marked" },
  ...forceOption,
} as const satisfies OptionTable;

/** `scard convert`: logs to recordings, and recordings to captures. */
export const convert = command({
  name: "convert",
  summary: "turn a log of OpenSC, pcsc-spy, apdu4j or pySim into a recording, or a recording into a capture",
  usage: ["[OPTION…] SOURCE FILE"],
  description: [
    "Reads SOURCE, a recording or the log of another program, and writes FILE: a recording, or with --to a capture for Wireshark (pcapng). GlobalPlatformPro writes the logs of apdu4j.",
    "Bytes that may be secret are withheld, unless --raw keeps them; in a capture they are zeros, and the packet has a comment. Only you may read FILE.",
  ],
  options: optionTable,
  argumentWords: "file",
  run,
});

async function run({ positionals, values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  const [source, target, ...more] = positionals;
  if (source === undefined || target === undefined || more.length > 0)
    throw new UsageError(`it takes a source and the file to write; ${positionals.length} were given`);
  const { raw = false, to = "recording" } = values;
  const { kind, recording, unanswered } = await sourceOf(source, values.from, raw);
  const capture = captureKindOf(to);
  const file = capture === undefined ? formatRecording(recording) : captureOf(recording, capture, { raw });
  await replaceFile(target, file, values.force !== true);
  const exchanges = recording.events.filter(({ event }) => event === "exchange").length;
  const { data } = recording.header;
  if (values.json === true)
    terminal.print(jsonText({ source, kind, file: target, form: to, data, exchanges, unanswered }));
  else {
    terminal.say(`${target}: ${exchanges} exchanges, ${data}`);
    if (unanswered > 0) terminal.say(`${unanswered} commands have no response in the log, and were left out`);
    if (raw && data === "redacted") terminal.say("the source has withheld bytes already: --raw cannot bring them back");
  }
  return exitCodes.ok;
}

interface Source {
  readonly kind: LogKind | "recording";
  readonly recording: Recording;
  readonly unanswered: number;
}

async function sourceOf(path: string, from: LogKind | undefined, raw: boolean): Promise<Source> {
  const text = await readTextFile(path, { mostBytes: MAX_RECORDING_BYTES, remedy: "it is a log or a recording" });
  if (from === undefined && isRecording(text)) {
    const recording = recordingIn(text, path);
    return { kind: "recording", recording: raw ? recording : redactRecording(recording), unanswered: 0 };
  }
  // A log has no date of its own: that of its file is near.
  const { mtimeMs } = await stat(path);
  const imported = importLog(text, { raw, recorded: Math.max(0, Math.floor(mtimeMs)), ...(from && { from }) });
  if (imported.ok) return imported.value;
  const { line, message } = imported.error;
  throw new SmartCardError("invalid-value", `${path}: line ${line} ${message}`);
}
