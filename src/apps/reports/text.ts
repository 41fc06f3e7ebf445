// SPDX-License-Identifier: MIT

import { encodeHex, escapedJson } from "../../base/binary/index.ts";

const ascii = /^[\x20-\x7e]+$/;

/**
 * Makes text that others chose, such as the name of a reader, safe to print: no control character reaches the terminal.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** As {@link visible}, for a message that may list problems below it: what is indented after a line's end stays a line of its own. */
export function visibleLines(message: string): string {
  return visible(message).replaceAll("\\u{a}  ", "\n  ");
}

/** The text that bytes are, where they are printable ASCII throughout and at least one. */
export function asciiText(bytes: Uint8Array): string | undefined {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return ascii.test(text) ? text : undefined;
}

/** Bytes for people: pairs of digits with blanks between, and behind them the text that they are, if they are one. */
export function bytesForPeople(bytes: Uint8Array): string {
  if (bytes.length === 0) return "none";
  const text = asciiText(bytes);
  return text === undefined ? encodeHex(bytes, " ") : `${encodeHex(bytes, " ")}  "${text}"`;
}

/** `1 reader`, `2 readers`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * The time of day in local time, to the millisecond: `14:03:07.120`.
 *
 * @param time milliseconds since 1970 UTC
 */
export function clockTime(time: number): string {
  const date = new Date(time);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) =>
    String(part).padStart(2, "0"),
  );
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** A time for people: `0.12 ms`, `850 ms`, `3.2 s`. */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/**
 * Any value as JSON: bytes become hexadecimal, what is undefined is left out. With line breaks and indents, unless it
 * has to be `compact`, one line.
 */
export function jsonText(value: unknown, layout?: "compact"): string {
  const bytesAsHex = (_key: string, part: unknown): unknown => (part instanceof Uint8Array ? encodeHex(part) : part);
  const text = JSON.stringify(value, bytesAsHex, layout === "compact" ? undefined : 2);
  return escapedJson(text);
}
