// SPDX-License-Identifier: MIT

import { checkObject, encodeHex, escapedJson } from "../../base/binary/index.ts";
import type { ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { byTag, object } from "../../base/json/index.ts";
import { checkHeader, checkRecording } from "./check-recording.ts";
import { recordedBytes, recordedText } from "./recorded-bytes.ts";
import type { RecordedEvent, Recording, RecordingHeader } from "./recorded-event.ts";

/** The version of the format that this release writes, and reads. */
const RECORDING_VERSION = 1;
/** What the first line of a recording says that it is. */
export const RECORDING_FORMAT = "scard-recording";

const MAX_NAME = 256;
const MAX_ATR = 33;
const WORD = 64;
const MAX_TIME_MS = 8_640_000_000_000_000;

const name = is.text(MAX_NAME);
const atMs = is.milliseconds.about("Milliseconds since the recording began.");
const atr = is.hexadecimal(2, MAX_ATR).about("The ATR in hexadecimal.");

/** The first line of a recording: what it is, and of which card. */
const headerShape = object({
  ...is.schemaMember,
  format: is.words(RECORDING_FORMAT),
  version: is.whole(1, 0xffff, "The version of this format.").check((version, place) => {
    if (version !== RECORDING_VERSION)
      place.problem(`was written by a later release: this one reads version ${RECORDING_VERSION}; update scard`);
  }),
  recorded: is
    .textLike(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/, "a time such as 2026-11-30T21:55:00.000Z")
    .check((time, place) => {
      if (Number.isNaN(Date.parse(time))) place.problem("is no time that there is");
    })
    .about("When the recording began, in UTC."),
  data: is
    .words("redacted", "raw")
    .about('"redacted": bytes that may be secret are withheld; "raw": all bytes are there, PINs and keys too.'),
  atr: atr.optional(),
  reader: name.about("The name of the reader.").optional(),
  protocol: is.words("t0", "t1", "raw").about("The protocol of the exchanges.").optional(),
  source: name.about("What made it.").optional(),
});

const exchangeShape = object({
  event: is.words("exchange"),
  atMs,
  tookMs: is.milliseconds.about("How long it took, in milliseconds.").optional(),
  client: name.about("The program that sent the command.").optional(),
  name: is.text(WORD * 2, "What the command does, for people.").optional(),
  command: recordedBytes,
  response: recordedBytes.optional(),
  failed: is.text(WORD, "The code of the error, where there was no response.").optional(),
}).check((exchange, place) => {
  if ((exchange.response === undefined) === (exchange.failed === undefined))
    place.problem('has either "response" or "failed": write the one that happened');
});

const resetShape = object({ event: is.words("reset"), atMs, atr: atr.optional() });
const goneShape = object({ event: is.words("removed"), atMs });

const eventShape = byTag("event", { exchange: exchangeShape, reset: resetShape, removed: goneShape });

/** The first line of a recording. */
export const recordingHeader: typeof headerShape = headerShape;
/** Any other line. */
export const recordingEvent: typeof eventShape = eventShape;

/** The header, as its shape reads it. */
export function headerOf({
  format: _,
  version: __,
  $schema: ___,
  ...header
}: ValueOf<typeof headerShape>): RecordingHeader {
  return { ...header, recorded: Date.parse(header.recorded) };
}

/** The first line of a recording's file, without its end. */
function headerLine({ atr, data, protocol, reader, recorded, source }: RecordingHeader): string {
  return line({
    format: RECORDING_FORMAT,
    version: RECORDING_VERSION,
    recorded: new Date(recorded).toISOString(),
    data,
    atr: atr && encodeHex(atr),
    reader: reader && short(reader, MAX_NAME),
    protocol,
    source: source && short(source, MAX_NAME),
  });
}

/** A line of a recording's file, without its end. */
function eventLine(event: RecordedEvent): string {
  const atMs = rounded(event.atMs);
  if (event.event === "removed") return line({ event: "removed", atMs });
  if (event.event === "reset") return line({ event: "reset", atMs, atr: event.atr && encodeHex(event.atr) });
  const { client, command, failed, name, response, tookMs } = event;
  return line({
    event: "exchange",
    atMs,
    tookMs: tookMs === undefined ? undefined : rounded(tookMs),
    client: client && short(client, MAX_NAME),
    name: name && short(name, WORD * 2),
    command: recordedText(command),
    response: response && recordedText(response),
    failed: failed && short(failed, WORD),
  });
}

/** Writes a recording line by line, as events come. What was written so far is always a recording that can be read. */
export class RecordingWriter {
  readonly #header: RecordingHeader;

  /** @throws TypeError, RangeError (anything but a header) */
  constructor(header: RecordingHeader) {
    checkHeader(header, "RecordingWriter: header");
    this.#header = header;
  }

  /** The beginning of the file. */
  begin(): string {
    return `${headerLine(this.#header)}\n`;
  }

  /** The line of an event. */
  event(event: RecordedEvent): string {
    checkObject(event, "RecordingWriter.event: event", "pass what Recorder.take() gives");
    return `${eventLine(event)}\n`;
  }
}

/** The text of a whole recording. */
export function formatRecording(recording: Recording): string {
  checkRecording(recording, "formatRecording: recording");
  const { events, header } = recording;
  return [headerLine(header), ...events.map(eventLine)].map((one) => `${one}\n`).join("");
}

function line(members: object): string {
  return escapedJson(JSON.stringify(members));
}

/** Microseconds are enough, and no time is longer than that of JavaScript's dates. */
function rounded(ms: number): number {
  return Math.round(Math.min(Math.max(0, ms), MAX_TIME_MS) * 1000) / 1000;
}

function short(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
