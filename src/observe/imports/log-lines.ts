// SPDX-License-Identifier: MIT

import { type Result, success } from "../../base/binary/index.ts";
import type { Protocol } from "../../port/index.ts";
import { MAX_APDU_BYTES, MAX_RECORDING_LINES, type RecordedEvent, wholeBytes } from "../recordings/index.ts";

/** What is wrong with a log. */
export interface ImportProblem {
  /** The line, from 1. */
  readonly line: number;
  /** A sentence with the remedy, without a byte of the log: it may be a PIN. */
  readonly message: string;
}

/** What a log says beside its exchanges. */
export interface LogFacts {
  atr?: Uint8Array;
  reader?: string;
  protocol?: Protocol;
}

/** Reads one kind of log, line by line. */
export interface LogFormat {
  /** For people: `OpenSC`. */
  readonly name: string;
  /** Whether a line can be only of this kind: by it the kind of a log is found. */
  isTypical(line: string): boolean;
  /** Begins to read. What it returns is given each line. @throws LineError for a line that is wrong */
  read(log: LogBuilder): (line: string) => void;
}

/** A line that is wrong. */
export class LineError extends Error {
  override readonly name: string = "LineError";
}

/** Collects what a log says. */
export class LogBuilder {
  readonly facts: LogFacts = {};
  readonly events: RecordedEvent[] = [];
  /** Commands of which the log has no response, as where it was cut. */
  unanswered = 0;
  #command: { readonly bytes: Uint8Array; readonly atMs: number } | undefined;
  #firstTime: number | undefined;
  #lastTime = 0;

  /** Milliseconds since the first time of the log, for a time of day that may have passed midnight. */
  timeOfDay(hours: number, minutes: number, seconds: number): void {
    const time = ((hours * 60 + minutes) * 60 + seconds) * 1000;
    this.#firstTime ??= time;
    const since = time - this.#firstTime;
    const days = Math.max(0, Math.floor((this.#lastTime - since) / DAY_MS + HALF));
    this.#lastTime = Math.max(this.#lastTime, since + days * DAY_MS);
  }

  /** Time has passed, in a log that says how long each exchange took. */
  passed(ms: number): void {
    if (ms >= 0 && ms < DAY_MS) this.#lastTime += ms;
  }

  /** A command. */
  command(bytes: Uint8Array): void {
    this.end();
    if (bytes.length > 0) this.#command = { bytes: this.#checked(bytes), atMs: this.#lastTime };
  }

  /** The response to the last command. One without a command is left out: the log began in the middle. */
  response(bytes: Uint8Array): void {
    const command = this.#command;
    this.#command = undefined;
    if (command === undefined) return;
    this.#add({
      event: "exchange",
      atMs: command.atMs,
      tookMs: Math.max(0, this.#lastTime - command.atMs),
      command: wholeBytes(command.bytes),
      response: wholeBytes(this.#checked(bytes)),
    });
  }

  /** The last command had no response. @param code of the error */
  failed(code: string): void {
    const command = this.#command;
    this.#command = undefined;
    if (command === undefined) return;
    this.#add({ event: "exchange", atMs: command.atMs, command: wholeBytes(command.bytes), failed: code });
  }

  /** The card was reset. */
  reset(): void {
    this.end();
    this.#add({ event: "reset", atMs: this.#lastTime, ...(this.facts.atr && { atr: this.facts.atr }) });
  }

  /** The log has ended. */
  end(): void {
    if (this.#command !== undefined) this.unanswered++;
    this.#command = undefined;
  }

  #add(event: RecordedEvent): void {
    if (this.events.length >= MAX_RECORDING_LINES - 1)
      throw new LineError(`is behind the ${MAX_RECORDING_LINES - 1} events that a recording may have: split the log`);
    this.events.push(event);
  }

  #checked(bytes: Uint8Array): Uint8Array {
    if (bytes.length > MAX_APDU_BYTES)
      throw new LineError(`has ${bytes.length} bytes; a command or response has ${MAX_APDU_BYTES} at most`);
    return bytes;
  }
}

const DAY_MS = 86_400_000;
const HALF = 0.5;

/** Longest line of a log that is read: extended length in hexadecimal with blanks, and text before it. */
const MAX_LINE_CHARACTERS = 300_000;

/** Reads a log with one of the formats. */
export function readLog(text: string, format: LogFormat): Result<LogBuilder, ImportProblem> {
  const log = new LogBuilder();
  const take = format.read(log);
  let number = 0;
  for (const line of linesOf(text)) {
    number++;
    // No log of these programs has longer ones: it is something else that stands between.
    if (line.length > MAX_LINE_CHARACTERS) continue;
    try {
      take(line);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      return { ok: false, error: { line: number, message: error.message } };
    }
  }
  log.end();
  return success(log);
}

/** The lines of a log, without the colours of terminals and without the ends of lines. */
export function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf("\n", start);
    const end = found < 0 ? text.length : found;
    yield withoutColours(text.slice(start, text[end - 1] === "\r" ? end - 1 : end));
    start = end + 1;
  }
}

const ESCAPE = "\u001b";

function withoutColours(line: string): string {
  if (!line.includes(ESCAPE)) return line;
  return line
    .split(ESCAPE)
    .map((part, index) => (index === 0 ? part : part.replace(/^\[[0-9;]{0,16}m/, "")))
    .join("");
}
