// SPDX-License-Identifier: MIT

import {
  checkMembers,
  checkText,
  checkTruth,
  checkWhole,
  checkWord,
  type Result,
  success,
} from "../../base/binary/index.ts";
import { type Recording, redactRecording } from "../recordings/index.ts";
import { apdu4jDump, apdu4jLog } from "./apdu4j-log.ts";
import { type ImportProblem, type LogFormat, linesOf, readLog } from "./log-lines.ts";
import { openScLog } from "./opensc-log.ts";
import { pcscSpyLog } from "./pcsc-spy-log.ts";
import { pySimLog } from "./pysim-log.ts";

/** A kind of log. GlobalPlatformPro writes those of apdu4j. */
export type LogKind = "opensc" | "pcsc-spy" | "apdu4j" | "apdu4j-dump" | "pysim";

const formats: Readonly<Record<LogKind, LogFormat>> = {
  opensc: openScLog,
  "pcsc-spy": pcscSpyLog,
  apdu4j: apdu4jLog,
  "apdu4j-dump": apdu4jDump,
  pysim: pySimLog,
};

/** The kinds of logs that are read. */
export const logKinds: readonly LogKind[] = Object.keys(formats) as LogKind[];

/** How a log is read. */
export interface ImportOptions {
  /** What wrote it. @default what its first lines look like */
  readonly from?: LogKind;
  /** When it was written, in milliseconds since 1970 UTC: such logs have no date. @default 0 */
  readonly recorded?: number;
  /** Keeps the bytes that may be secret. @default false */
  readonly raw?: boolean;
}

/** A log that was read. */
export interface ImportedLog {
  readonly kind: LogKind;
  readonly recording: Recording;
  /** Commands of which the log has no response; they are left out. */
  readonly unanswered: number;
}

/** How many lines are looked at to find out what wrote a log. */
const MAX_LINES_TO_DETECT = 20_000;

/** What wrote a log, by its lines; undefined where it is an unknown one. */
export function logKindOf(text: string): LogKind | undefined {
  checkText(text, "logKindOf: text");
  let number = 0;
  for (const line of linesOf(text)) {
    if (++number > MAX_LINES_TO_DETECT) return undefined;
    if (line.length > MAX_TYPICAL_LINE) continue;
    const found = logKinds.find((kind) => formats[kind].isTypical(line));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Longest line by which a log is known. */
const MAX_TYPICAL_LINE = 4096;
/** The last time that JavaScript has. */
const MAX_TIME = 8_640_000_000_000_000;

/**
 * Reads the log of another program into a recording. Bytes that may be secret are withheld, as in any recording.
 *
 * @returns the recording; or what is wrong with it, and at which line
 * @throws TypeError, RangeError (an option that there is not)
 */
export function importLog(text: string, options: ImportOptions = {}): Result<ImportedLog, ImportProblem> {
  checkText(text, "importLog: text");
  checkMembers(options, ["from", "recorded", "raw"], "importLog: options");
  const { from, raw = false, recorded = 0 } = options;
  if (from !== undefined) checkWord(from, logKinds, "importLog: options.from");
  checkTruth(raw, "importLog: options.raw");
  checkWhole(recorded, 0, MAX_TIME, "importLog: options.recorded");
  const kind = from ?? logKindOf(text);
  if (kind === undefined)
    return wrong(`looks like none of the logs that are read (${logKinds.join(", ")}): name its kind with --from`);
  const read = readLog(text, formats[kind]);
  if (!read.ok) return read;
  const { events, facts, unanswered } = read.value;
  if (events.length === 0)
    return wrong(`has no exchange of ${formats[kind].name}: was it written with its debug option?`);
  const header = { recorded, data: "raw", source: formats[kind].name, ...facts } as const;
  const recording: Recording = { header, events };
  return success({ kind, recording: raw ? recording : redactRecording(recording), unanswered });
}

function wrong(message: string): Result<ImportedLog, ImportProblem> {
  return { ok: false, error: { line: 1, message } };
}
