// SPDX-License-Identifier: MIT

import { concatBytes, encodeHex, hexWord } from "../../base/binary/index.ts";
import { statusWords, withheldText } from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { describeData } from "./answer.ts";
import type { Outcome } from "./card-outcome.ts";
import type { ShellCard } from "./shell-card.ts";
import { checked, refusal } from "./shell-select.ts";
import { asciiText } from "./text.ts";

/** What was read, as it may be shown. */
export interface ReadData {
  /** The number of the record; undefined for what has none. */
  readonly record?: number;
  readonly data: Uint8Array;
  /** How many bytes of it must not be shown: all of them, or 0. */
  readonly withheldBytes: number;
}

/** P1 P2 of READ BINARY is an offset of 15 bits. ISO/IEC 7816-4:2005, 7.2.3. */
const MOST_BINARY_BYTES = 0x8000;
/** What cards with short length fields answer with at most. */
const PIECE_BYTES = 256;
const MOST_RECORDS = 254;
const MOST_SHORT_TAG = 0xffff;

/**
 * Reads the selected file without structure, to its end or `length` bytes.
 *
 * @throws security-violation, unexpected (no such file is selected), invalid-value (the file does not end)
 */
export async function readBinary(
  card: ShellCard,
  offset: number,
  length: number | undefined,
  signal: AbortSignal,
): Promise<ReadData> {
  const pieces: Outcome[] = [];
  let at = offset;
  const end = length === undefined ? MOST_BINARY_BYTES : Math.min(offset + length, MOST_BINARY_BYTES);
  while (at < end) {
    const wanted = Math.min(PIECE_BYTES, end - at);
    const outcome = await card.send(Uint8Array.of(0x00, 0xb0, at >> 8, at & 0xff, wanted & 0xff), signal);
    const { data, sw } = outcome.response;
    const isBehindEnd = sw === statusWords.wrongOffset || sw === statusWords.wrongP1P2;
    if (isBehindEnd && pieces.length > 0) break;
    checked(outcome, "read the selected file");
    pieces.push(outcome);
    at += data.length;
    if (data.length === 0 || sw === statusWords.endOfFile || data.length < wanted) break;
  }
  return joined(pieces);
}

/** Reads one record of a file, 1 to 254. */
export async function readRecord(card: ShellCard, record: number, signal: AbortSignal): Promise<ReadData> {
  const outcome = checked(await card.send(recordCommand(record), signal), `read the record ${record}`);
  return { record, ...joined([outcome]) };
}

/** Reads all records of the selected file. */
export async function readRecords(card: ShellCard, signal: AbortSignal): Promise<readonly ReadData[]> {
  const records: ReadData[] = [];
  for (let record = 1; record <= MOST_RECORDS; record++) {
    const outcome = await card.send(recordCommand(record), signal);
    if (outcome.response.sw === statusWords.recordNotFound) break;
    checked(outcome, `read the record ${record}`);
    records.push({ record, ...joined([outcome]) });
  }
  return records;
}

/** READ RECORD of the selected file by number. ISO/IEC 7816-4:2005, 7.3.3. */
function recordCommand(record: number): Uint8Array {
  return Uint8Array.of(0x00, 0xb2, record, 0x04, 0x00);
}

/**
 * Reads a data object with GET DATA: by its tag in P1 P2, or by a tag list.
 *
 * @param file the file that a tag list is for; undefined for a tag in P1 P2
 * @throws file-not-found (there is no such object), security-violation, unexpected
 * @see ISO/IEC 7816-4:2005, 7.4.2; NIST SP 800-73-4 part 2, 3.1.2
 */
export async function readObject(
  card: ShellCard,
  tag: number,
  file: number | undefined,
  signal: AbortSignal,
): Promise<ReadData> {
  const outcome = await card.send(objectCommand(tag, file), signal);
  const what = `read the object ${tag.toString(16).toUpperCase()}`;
  if (outcome.response.sw === statusWords.referenceNotFound) {
    const reason = refusal(outcome, what).reason;
    throw new SmartCardError("file-not-found", reason);
  }
  return joined([checked(outcome, what)]);
}

function objectCommand(tag: number, file: number | undefined): Uint8Array {
  if (file === undefined && tag <= MOST_SHORT_TAG) return Uint8Array.of(0x00, 0xca, tag >> 8, tag & 0xff, 0x00);
  const bytes = tag > 0xffff ? [tag >> 16, (tag >> 8) & 0xff, tag & 0xff] : tag > 0xff ? [tag >> 8, tag & 0xff] : [tag];
  const place = file ?? 0x3fff;
  const list = [0x5c, bytes.length, ...bytes];
  return Uint8Array.of(0x00, 0xcb, place >> 8, place & 0xff, list.length, ...list, 0x00);
}

function joined(outcomes: readonly Outcome[]): ReadData {
  const data = concatBytes(...outcomes.map(({ response }) => response.data));
  const isWithheld = outcomes.some(({ withheldBytes }) => withheldBytes > 0);
  return { data, withheldBytes: isWithheld ? data.length : 0 };
}

/** Data of a card for people: as data objects where it is made of them, and else as bytes and text in columns. */
export function describeRead({ data, record, withheldBytes }: ReadData): string[] {
  const title = record === undefined ? [] : [`record ${record}, ${data.length} bytes`];
  const indent = record === undefined ? "" : "  ";
  const lines =
    withheldBytes > 0
      ? [`${withheldText(withheldBytes)}; scard shell --raw shows them`]
      : data.length > ROW_BYTES && describeData(data).length === 1
        ? rowsOf(data)
        : data.length === 0
          ? ["empty"]
          : describeData(data);
  return [...title, ...lines.map((line) => indent + line)];
}

const ROW_BYTES = 16;
const ROW_CHARACTERS = ROW_BYTES * 3 - 1;

/** Bytes in rows of 16, with their offset before and the text that they are behind. */
function rowsOf(data: Uint8Array): string[] {
  const rows: string[] = [];
  for (let at = 0; at < data.length; at += ROW_BYTES) {
    const row = data.subarray(at, at + ROW_BYTES);
    const text = Array.from(row, (byte) => asciiText(Uint8Array.of(byte)) ?? ".").join("");
    rows.push(`${hexWord(at)}  ${encodeHex(row, " ").padEnd(ROW_CHARACTERS)}  ${text}`);
  }
  return rows;
}
