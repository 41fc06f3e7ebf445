// SPDX-License-Identifier: MIT

import { concatBytes, decodeHex, encodeHex, equalBytes } from "../../base/binary/index.ts";
import { withheldText } from "../../base/iso7816/index.ts";
import { anyText, type Shape } from "../../base/json/index.ts";

/** The bytes of a command or a response, as a recording has them. Where nothing is withheld, `before` is all of them. */
export interface RecordedBytes {
  /** The bytes up to what is withheld. */
  readonly before: Uint8Array;
  /** How many bytes are withheld; 0 for none. */
  readonly withheld: number;
  /** The bytes behind what is withheld. */
  readonly after: Uint8Array;
}

/** Longest command or response: extended length fields, data, and all that is around them. ISO/IEC 7816-4:2005, 5.1. */
export const MAX_APDU_BYTES = 65_544;

const HEADER_BYTES = 4;
const noBytes = new Uint8Array(0);

/** Bytes of which nothing is withheld. They are copied. */
export function wholeBytes(bytes: Uint8Array): RecordedBytes {
  return { before: Uint8Array.from(bytes), withheld: 0, after: noBytes };
}

/** How many bytes there are, withheld ones too. */
export function recordedLength({ after, before, withheld }: RecordedBytes): number {
  return before.length + withheld + after.length;
}

/** All bytes; undefined where some are withheld. */
export function allBytes({ before, withheld }: RecordedBytes): Uint8Array | undefined {
  return withheld === 0 ? before : undefined;
}

/** All bytes, with zeros in the place of those that are withheld. */
export function bytesWithZeros({ after, before, withheld }: RecordedBytes): Uint8Array {
  return concatBytes(before, new Uint8Array(withheld), after);
}

/** Whether two can be the same bytes: what is withheld in one may be anything of its length in the other. */
export function mayBeSame(one: RecordedBytes, other: RecordedBytes): boolean {
  if (recordedLength(one) !== recordedLength(other)) return false;
  if (one.withheld === 0 && other.withheld === 0) return equalBytes(one.before, other.before);
  const [bytes, others] = [bytesWithZeros(one), bytesWithZeros(other)];
  return bytes.every((byte, index) => isWithheldAt(one, index) || isWithheldAt(other, index) || byte === others[index]);
}

function isWithheldAt({ before, withheld }: RecordedBytes, index: number): boolean {
  return index >= before.length && index < before.length + withheld;
}

/** The bytes as text: `00 A4 04 0C`, `00 20 00 81 [5 bytes withheld]`, `[16 bytes withheld] 90 00`. */
export function recordedText({ after, before, withheld }: RecordedBytes): string {
  const parts = [encodeHex(before, " "), withheld === 0 ? "" : withheldText(withheld), encodeHex(after, " ")];
  return parts.filter((part) => part !== "").join(" ");
}

/** Bytes in a recording: hexadecimal digits, and `[5 bytes withheld]` for those that are not there. */
export const recordedBytes: Shape<RecordedBytes, string> = anyText.as((text, place) => {
  const bytes = readShown(text);
  if (bytes === undefined)
    return place.problem(
      'should be hexadecimal digits, with "[5 bytes withheld]" in the place of bytes that are not there',
    );
  if (recordedLength(bytes) <= MAX_APDU_BYTES) return bytes;
  return place.problem(`has ${recordedLength(bytes)} bytes; a command or response has ${MAX_APDU_BYTES} at most`);
});

/**
 * Takes the bytes out of a text in which some are withheld, as a redactor wrote it. The text counts bytes of data, and a
 * recording counts all that are not there.
 *
 * @param length of the whole command or response, in bytes
 */
export function shownBytes(text: string, length: number): RecordedBytes {
  const { after, before, withheld: data } = readShown(text) ?? { before: noBytes, withheld: 0, after: noBytes };
  const lengthBytes =
    before.length === HEADER_BYTES && after.length === 0 ? lcOf(data, length - HEADER_BYTES - data) : noBytes;
  const withheld = length - before.length - after.length;
  if (withheld > 0 && lengthBytes.length > 0) {
    return { before: concatBytes(before, lengthBytes), withheld: withheld - lengthBytes.length, after };
  }
  return withheld > 0 ? { before, withheld, after } : wholeBytes(concatBytes(before, after));
}

/**
 * The length field Lc in front of withheld data. How much data there is, the text says too.
 *
 * @param around how many bytes Lc and Le have together. ISO/IEC 7816-4:2005, 5.1, table 1
 */
function lcOf(data: number, around: number): Uint8Array {
  if (data === 0) return noBytes;
  if (around === 1 || around === 2) return data <= 0xff ? Uint8Array.of(data) : noBytes;
  return around === 3 || around === 5 ? Uint8Array.of(0, data >> 8, data & 0xff) : noBytes;
}

/** Undefined for a text of another form. The text is cut at its brackets, as one pattern for all of it would take too long. */
function readShown(text: string): RecordedBytes | undefined {
  const start = text.indexOf("[");
  const end = start < 0 ? -1 : text.indexOf("]", start);
  const [before, after] = [text.slice(0, start < 0 ? text.length : start), start < 0 ? "" : text.slice(end + 1)].map(
    decodeHex,
  );
  if (before?.ok !== true || after?.ok !== true) return undefined;
  if (start < 0) return wholeBytes(before.value);
  const [, count] = /^\[(\d{1,5}) bytes? withheld\]$/.exec(text.slice(start, end + 1)) ?? [];
  if (count === undefined) return undefined;
  if (Number(count) === 0) return wholeBytes(concatBytes(before.value, after.value));
  return { before: before.value, withheld: Number(count), after: after.value };
}
