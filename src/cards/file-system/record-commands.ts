// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes, type Result, success } from "../../base/binary/index.ts";
import type { CommandApdu } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { refusal } from "./access-control.ts";
import { type Channel, makeCurrent, readOut, targetFile } from "./card-state.ts";
import type { RecordFile } from "./file-system.ts";

// P2, bits 3 to 1, of the record commands. ISO/IEC 7816-4:2005, tables 47 and 50.
const FIRST = 0b000;
const LAST = 0b001;
const NEXT = 0b010;
const PREVIOUS = 0b011;
const BY_NUMBER = 0b100;
const FROM_NUMBER_TO_LAST = 0b101;
const FROM_LAST_TO_NUMBER = 0b110;

/** READ RECORD: ISO/IEC 7816-4:2005, 7.3.3. */
export function readRecord(channel: Channel, command: CommandApdu): Answer {
  if (command.data.length > 0 || command.le === undefined) return status(sw.wrongLength);
  const target = recordFile(channel, command.p2);
  if (!target.ok) return target.error;
  const file = target.value;
  const refused = refusal(channel, file, "read");
  if (refused !== undefined) return refused;
  const mode = command.p2 & 0x07;
  const index = findRecord(channel, file, command.p1, mode);
  if (index === "bad-mode") return status(sw.wrongP1P2);
  if (index === undefined) return status(sw.recordNotFound);
  makeCurrent(channel, file);
  // Reading a record by its number does not move the record pointer.
  if (mode < BY_NUMBER) channel.currentRecord = index;
  return readOut(command, concatBytes(...recordsFrom(file, index, mode)));
}

/**
 * UPDATE RECORD: ISO/IEC 7816-4:2005, 7.3.5. In a cyclic file, "previous" writes over the oldest, which becomes record
 * 1.
 */
export function updateRecord(channel: Channel, command: CommandApdu): Answer {
  return change(channel, command, "update", (_before, data) => copyBytes(data));
}

/**
 * WRITE RECORD: ISO/IEC 7816-4:2005, 7.3.4. Bits that are set are set in the record: OR. In a cyclic file, "previous" is
 * as APPEND RECORD.
 */
export function writeRecord(channel: Channel, command: CommandApdu): Answer {
  return change(channel, command, "write", (before, data) => {
    if (before.length !== data.length) return undefined;
    return before.map((byte, at) => byte | (data[at] ?? 0));
  });
}

/** Changes one record. `combine` returns the new content, or undefined where the two do not fit. */
function change(
  channel: Channel,
  command: CommandApdu,
  access: "update" | "write",
  combine: (before: Uint8Array, data: Uint8Array) => Uint8Array | undefined,
): Answer {
  if (command.data.length === 0) return status(sw.wrongLength);
  const target = recordFile(channel, command.p2);
  if (!target.ok) return target.error;
  const file = target.value;
  const mode = command.p2 & 0x07;
  if (mode > BY_NUMBER || (mode < BY_NUMBER && command.p1 !== 0)) return status(sw.wrongP1P2);
  const refused = refusal(channel, file, access);
  if (refused !== undefined) return refused;
  if (file.type === "cyclic" && mode === PREVIOUS) return add(channel, file, command.data);
  const index = findRecord(channel, file, command.p1, mode);
  const before = typeof index === "number" ? file.records[index] : undefined;
  if (typeof index !== "number" || before === undefined) return status(sw.recordNotFound);
  const unfit = checkSize(file, command.data);
  if (unfit !== undefined) return unfit;
  const after = combine(before, command.data);
  if (after === undefined) return status(sw.wrongLength);
  makeCurrent(channel, file);
  if (mode < BY_NUMBER) channel.currentRecord = index;
  file.records[index] = after;
  return status(sw.success);
}

/**
 * APPEND RECORD: ISO/IEC 7816-4:2005, 7.3.6. In a cyclic file the new record is number 1, and a full file loses its
 * oldest.
 */
export function appendRecord(channel: Channel, command: CommandApdu): Answer {
  if (command.data.length === 0) return status(sw.wrongLength);
  if (command.p1 !== 0 || (command.p2 & 0x07) !== 0) return status(sw.wrongP1P2);
  const target = recordFile(channel, command.p2);
  if (!target.ok) return target.error;
  return refusal(channel, target.value, "write") ?? add(channel, target.value, command.data);
}

/**
 * SEARCH RECORD, simple search: ISO/IEC 7816-4:2005, 7.3.7. Answers with the numbers of the records that hold the data,
 * as many as Le asks for; the first of them becomes the current one. P1 is where to begin, 00 for the current record; P2
 * says whether to go forward or backward from there.
 */
export function searchRecord(channel: Channel, command: CommandApdu): Answer {
  const { p1, p2, data, le } = command;
  if (data.length === 0 || le === undefined) return status(sw.wrongLength);
  const direction = p2 & 0x07;
  if (direction !== SEARCH_FORWARD && direction !== SEARCH_BACKWARD) return status(sw.wrongP1P2);
  const target = recordFile(channel, p2);
  if (!target.ok) return target.error;
  const file = target.value;
  const refused = refusal(channel, file, "read");
  if (refused !== undefined) return refused;
  const start = findRecord(channel, file, p1, BY_NUMBER);
  if (typeof start !== "number") return status(sw.recordNotFound);
  const indices = [...file.records.keys()].filter((index) =>
    direction === SEARCH_FORWARD ? index >= start : index <= start,
  );
  if (direction === SEARCH_BACKWARD) indices.reverse();
  const found = indices.filter((index) => holds(file.records[index] ?? data.subarray(0, 0), data));
  makeCurrent(channel, file);
  if (found[0] === undefined) return status(sw.endOfFile);
  channel.currentRecord = found[0];
  return { data: Uint8Array.from(found.slice(0, le), (index) => index + 1), status: sw.success };
}

/** P2, bits 3 to 1, of SEARCH RECORD. ISO/IEC 7816-4:2005, table 52. */
const SEARCH_FORWARD = 0b100;
const SEARCH_BACKWARD = 0b101;

function holds(record: Uint8Array, wanted: Uint8Array): boolean {
  for (let start = 0; start + wanted.length <= record.length; start++) {
    if (wanted.every((byte, at) => record[start + at] === byte)) return true;
  }
  return false;
}

function add(channel: Channel, file: RecordFile, data: Uint8Array): Answer {
  const unfit = checkSize(file, data);
  if (unfit !== undefined) return unfit;
  const full = file.records.length >= file.maxRecords;
  if (full && file.type !== "cyclic") return status(sw.notEnoughMemory);
  makeCurrent(channel, file);
  if (file.type === "cyclic") {
    if (full) file.records.pop();
    file.records.unshift(copyBytes(data));
    channel.currentRecord = 0;
  } else {
    file.records.push(copyBytes(data));
    channel.currentRecord = file.records.length - 1;
  }
  return status(sw.success);
}

function checkSize(file: RecordFile, data: Uint8Array): Answer | undefined {
  if (file.type !== "linear-variable") return data.length === file.recordSize ? undefined : status(sw.wrongLength);
  return data.length <= file.recordSize ? undefined : status(sw.notEnoughMemory);
}

function recordFile(channel: Channel, p2: number): Result<RecordFile, Answer> {
  const target = targetFile(channel, p2 >> 3);
  if (!target.ok) return target;
  if (target.value.type === "transparent") return { ok: false, error: status(sw.incompatibleFile) };
  return success(target.value);
}

/** Index of the record that P1 and P2 name; undefined where there is no such record. */
function findRecord(channel: Channel, file: RecordFile, p1: number, mode: number): number | undefined | "bad-mode" {
  const { records } = file;
  // The record pointer belongs to the current file; a newly selected file has no pointer yet.
  const current = channel.currentEf === file ? channel.currentRecord : undefined;
  switch (mode) {
    case BY_NUMBER:
    case FROM_NUMBER_TO_LAST:
    case FROM_LAST_TO_NUMBER: {
      const index = p1 === 0 ? current : p1 - 1;
      return index !== undefined && index < records.length ? index : undefined;
    }
    case FIRST:
    case LAST:
    case NEXT:
    case PREVIOUS:
      return findOccurrence(records, p1, mode, current);
    default:
      return "bad-mode";
  }
}

/** Among all records, or those with the identifier P1: their first byte, as SIMPLE-TLV has it. */
function findOccurrence(
  records: readonly Uint8Array[],
  identifier: number,
  mode: number,
  current: number | undefined,
): number | undefined {
  const matches = [...records.keys()].filter((index) => identifier === 0 || records[index]?.[0] === identifier);
  if (mode === FIRST || (mode === NEXT && current === undefined)) return matches[0];
  if (mode === LAST || current === undefined) return matches.at(-1);
  return mode === NEXT ? matches.find((index) => index > current) : matches.findLast((index) => index < current);
}

function recordsFrom(file: RecordFile, index: number, mode: number): readonly Uint8Array[] {
  const { records } = file;
  if (mode === FROM_NUMBER_TO_LAST) return records.slice(index);
  if (mode === FROM_LAST_TO_NUMBER) return records.slice(index).reverse();
  return records.slice(index, index + 1);
}
