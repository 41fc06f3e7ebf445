// SPDX-License-Identifier: MIT

import { checkMembers, checkObject, checkWord } from "../../base/binary/index.ts";
import { checkRecording } from "./check-recording.ts";
import { IgnoredCommands } from "./ignored-commands.ts";
import { mayBeSame, type RecordedBytes, recordedLength, recordedText } from "./recorded-bytes.ts";
import type { RecordedExchange, Recording } from "./recorded-event.ts";
import { redactRecording } from "./redact-recording.ts";

/** An exchange of one of two recordings, as it may be shown. */
export interface ComparedExchange {
  /** Its number in its recording, from 1. */
  readonly number: number;
  /** What the command does, where the recording says so. */
  readonly name: string | undefined;
  /** The command, as it may be shown: `00 20 00 81 [5 bytes withheld]`. */
  readonly command: string;
  /** The response, as it may be shown; undefined where the exchange failed. */
  readonly response: string | undefined;
  /** The code of the error, where there was no response. */
  readonly failed: string | undefined;
}

/** A difference between two recordings. */
export interface RecordingDifference {
  /** `command`: only one has it, or each has another one; `response`: the same command was answered in another way. */
  readonly kind: "command" | "response";
  readonly first: ComparedExchange | undefined;
  readonly second: ComparedExchange | undefined;
  /** Whether the two differ only in bytes that are withheld here. */
  readonly inWithheldBytes: boolean;
}

/** How exchanges are compared. */
export interface CompareOptions {
  /** Commands of which only the header is compared, and of their responses only length and status word, beside `randomCommands`. */
  readonly ignoring?: readonly string[];
}

/** What comparing two recordings found. */
export interface RecordingComparison {
  /** How many exchanges are alike. */
  readonly alike: number;
  readonly differences: readonly RecordingDifference[];
}

/** How far ahead a command is looked for in the other recording. */
const MAX_AHEAD = 64;

interface Side {
  readonly exchanges: readonly RecordedExchange[];
  /** The same, as they may be shown. */
  readonly shown: readonly ComparedExchange[];
}

/**
 * Compares two recordings exchange by exchange. Where commands differ it goes on at the nearest command, up to 64 further, that
 * both have.
 *
 * @throws TypeError, RangeError (anything but a recording, an option that there is not)
 */
export function compareRecordings(
  first: Recording,
  second: Recording,
  options: CompareOptions = {},
): RecordingComparison {
  checkRecording(first, "compareRecordings: first");
  checkRecording(second, "compareRecordings: second");
  checkMembers(options, ["ignoring"], "compareRecordings: options");
  const ignored = new IgnoredCommands(options.ignoring ?? []);
  const [one, other] = [sideOf(first), sideOf(second)];
  const same = (at: number, otherAt: number): boolean => {
    const [command, otherCommand] = [one.exchanges[at]?.command, other.exchanges[otherAt]?.command];
    if (command === undefined || otherCommand === undefined) return false;
    return mayBeSame(command, otherCommand) || ignored.areAlike(command, otherCommand);
  };
  const differences: RecordingDifference[] = [];
  let alike = 0;
  let [at, otherAt] = [0, 0];
  while (at < one.exchanges.length || otherAt < other.exchanges.length) {
    if (same(at, otherAt)) {
      const difference = responsesDiffer(one, at, other, otherAt, ignored);
      if (difference === undefined) alike++;
      else differences.push(difference);
      at++;
      otherAt++;
    } else {
      const [skip, otherSkip] = nearest(at, otherAt, one.exchanges.length, other.exchanges.length, same);
      differences.push(...commandsDiffer(one, [at, skip], other, [otherAt, otherSkip]));
      at += skip;
      otherAt += otherSkip;
    }
  }
  return { alike, differences };
}

/** How far both have to go until they have a command in common; to their ends where they have none near. */
function nearest(
  at: number,
  otherAt: number,
  length: number,
  otherLength: number,
  same: (at: number, otherAt: number) => boolean,
): readonly [number, number] {
  for (let distance = 1; distance <= MAX_AHEAD; distance++) {
    for (let skip = 0; skip <= distance; skip++) {
      if (same(at + skip, otherAt + distance - skip)) return [skip, distance - skip];
    }
  }
  return [Math.min(MAX_AHEAD, length - at), Math.min(MAX_AHEAD, otherLength - otherAt)];
}

function commandsDiffer(
  one: Side,
  [from, count]: readonly [number, number],
  other: Side,
  [otherFrom, otherCount]: readonly [number, number],
): RecordingDifference[] {
  return Array.from({ length: Math.max(count, otherCount) }, (_, index) => {
    const first = index < count ? one.shown[from + index] : undefined;
    const second = index < otherCount ? other.shown[otherFrom + index] : undefined;
    return {
      kind: "command",
      first,
      second,
      inWithheldBytes: first !== undefined && first.command === second?.command,
    };
  });
}

function responsesDiffer(
  one: Side,
  at: number,
  other: Side,
  otherAt: number,
  ignored: IgnoredCommands,
): RecordingDifference | undefined {
  const [exchange, otherExchange] = [one.exchanges[at], other.exchanges[otherAt]];
  if (exchange === undefined || otherExchange === undefined) return undefined;
  const { command, failed, response } = exchange;
  if (isSameAnswer(response, otherExchange.response, ignored.has(command)) && failed === otherExchange.failed)
    return undefined;
  const [first, second] = [one.shown[at], other.shown[otherAt]];
  return {
    kind: "response",
    first,
    second,
    inWithheldBytes: first?.response === second?.response && failed === otherExchange.failed,
  };
}

/** @param isRandom whether only lengths and status words are compared */
export function isSameAnswer(
  one: RecordedBytes | undefined,
  other: RecordedBytes | undefined,
  isRandom: boolean,
): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (mayBeSame(one, other)) return true;
  return isRandom && recordedLength(one) === recordedLength(other) && statusOf(one) === statusOf(other);
}

function statusOf({ after, before, withheld }: RecordedBytes): string {
  return (withheld === 0 ? before : after).slice(-2).join(" ");
}

function sideOf(recording: Recording): Side {
  const exchangesOf = ({ events }: Recording): readonly RecordedExchange[] =>
    events.flatMap((event) => (event.event === "exchange" ? [event] : []));
  const shown = exchangesOf(redactRecording(recording)).map((exchange, index) => comparedExchange(exchange, index + 1));
  return { exchanges: exchangesOf(recording), shown };
}

/** An exchange that was redacted, for people and programs. */
export function comparedExchange(
  { command, failed, name, response }: RecordedExchange,
  number: number,
): ComparedExchange {
  return { number, name, command: recordedText(command), response: response && recordedText(response), failed };
}

/** A difference in lines for people: what the first has begins with `-`, what the second has with `+`. */
export function differenceText(difference: RecordingDifference): string {
  checkObject(difference, "differenceText: difference", "pass a difference that compareRecordings() has found");
  const { first, inWithheldBytes, kind, second } = difference;
  checkWord(kind, ["command", "response"], "differenceText: difference.kind");
  const lines: string[] = [];
  const named = (one: ComparedExchange): string =>
    one.name === undefined ? one.command : `${one.command}   ${one.name}`;
  if (kind === "command") {
    if (first !== undefined) lines.push(`- ${first.number}: ${named(first)}`);
    if (second !== undefined) lines.push(`+ ${second.number}: ${named(second)}`);
  } else {
    if (first !== undefined) lines.push(`  ${numbers(first, second)}: ${named(first)}`, `- ${answerText(first)}`);
    if (second !== undefined) lines.push(`+ ${answerText(second)}`);
  }
  if (inWithheldBytes) lines.push("  They differ in bytes that are withheld here.");
  return lines.join("\n");
}

function numbers(first: ComparedExchange, second: ComparedExchange | undefined): string {
  return second === undefined || second.number === first.number
    ? String(first.number)
    : `${first.number}, ${second.number}`;
}

function answerText({ failed, response }: ComparedExchange): string {
  return response ?? `failed: ${failed}`;
}
