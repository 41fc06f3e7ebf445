// SPDX-License-Identifier: MIT

import { checkText, failure, type Result, success } from "../../base/binary/index.ts";
import { type AnyShape, parseShape } from "../../base/json/index.ts";
import type { RecordedEvent, Recording } from "./recorded-event.ts";
import { headerOf, RECORDING_FORMAT, recordingEvent, recordingHeader } from "./recording.ts";

/** The longest line: a command and a response with extended length fields in hexadecimal, with blanks. */
const MAX_LINE_CHARACTERS = 400_000;
/** The most lines of a recording. */
export const MAX_RECORDING_LINES = 200_000;

/** What is wrong with a recording. */
export interface RecordingProblem {
  /** The line, from 1. */
  readonly line: number;
  /** A sentence with the remedy, without the value that was found: it may be a PIN. */
  readonly message: string;
}

/**
 * Reads a recording. It stops at the first line that is wrong.
 *
 * The last line may be cut off, as by a program that was killed while it wrote: it is left out where it has no end.
 */
export function parseRecording(text: string): Result<Recording, RecordingProblem> {
  checkText(text, "parseRecording: text");
  let header: Recording["header"] | undefined;
  const events: RecordedEvent[] = [];
  let number = 0;
  for (const { content, isWhole } of linesOf(text)) {
    number++;
    const wrong = (message: string): Result<Recording, RecordingProblem> => ({
      ok: false,
      error: { line: number, message },
    });
    if (content.length > MAX_LINE_CHARACTERS) return wrong(`has more than ${MAX_LINE_CHARACTERS} characters`);
    if (number > MAX_RECORDING_LINES)
      return wrong(`is behind the ${MAX_RECORDING_LINES} lines that a recording may have`);
    if (content.trim() === "") continue;
    const json = parsedJson(content);
    if (!json.ok) {
      if (!isWhole && header !== undefined) break;
      return wrong(header === undefined ? NO_RECORDING : "is not JSON: it may have been cut; remove it");
    }
    if (header === undefined) {
      const read = readLine(recordingHeader, json.value);
      if (!read.ok) return wrong(read.error.message);
      header = headerOf(read.value);
    } else {
      const read = readLine(recordingEvent, json.value);
      if (!read.ok) return wrong(read.error.message);
      events.push(read.value);
    }
  }
  if (header === undefined) return { ok: false, error: { line: 1, message: NO_RECORDING } };
  return success({ header, events });
}

const NO_RECORDING = `is no header of a recording: it begins with {"format":"${RECORDING_FORMAT}"; scard record makes one`;

/** Whether a text begins as a recording does. */
export function isRecording(text: string): boolean {
  checkText(text, "isRecording: text");
  const json = parsedJson(text.slice(0, MAX_LINE_CHARACTERS).split("\n", 1)[0] ?? "");
  if (!json.ok || typeof json.value !== "object" || json.value === null) return false;
  return "format" in json.value && json.value.format === RECORDING_FORMAT;
}

/** The lines of a text, one at a time: an array of all could be as large again. */
function* linesOf(text: string): Generator<{ readonly content: string; readonly isWhole: boolean }> {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf("\n", start);
    yield { content: text.slice(start, end < 0 ? text.length : end), isWhole: end >= 0 };
    start = end < 0 ? text.length : end + 1;
  }
}

function parsedJson(text: string): Result<unknown> {
  try {
    return success(JSON.parse(text));
  } catch {
    // The parser's own message quotes the text.
    return failure("not JSON", 0);
  }
}

function readLine<T>(shape: AnyShape<T>, json: unknown): Result<T> {
  const read = parseShape(shape, json);
  if (read.ok) return read;
  const [problem] = read.error;
  return failure(`${problem?.path} ${problem?.message}`, 0);
}
