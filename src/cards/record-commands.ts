// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes, type Result, success } from "../binary/index.ts";
import type { CommandApdu } from "../iso7816/index.ts";
import { type CardState, makeCurrent, targetFile, wantsAll } from "./card-state.ts";
import type { RecordFile } from "./file-system.ts";
import { type Answer, status, sw } from "./status.ts";

// P2, bits 3 to 1, of the record commands. ISO/IEC 7816-4:2005, tables 47 and 50.
const first = 0b000;
const last = 0b001;
const next = 0b010;
const previous = 0b011;
const byNumber = 0b100;
const fromNumberToLast = 0b101;
const fromLastToNumber = 0b110;

/** READ RECORD: ISO/IEC 7816-4:2005, 7.3.3. */
export function readRecord(card: CardState, command: CommandApdu): Answer {
  if (command.data.length > 0 || command.le === undefined) return status(sw.wrongLength);
  const target = recordFile(card, command.p2);
  if (!target.ok) return target.error;
  const file = target.value;
  if (!card.pins.allows(file.access.read)) return status(sw.securityNotSatisfied);
  const mode = command.p2 & 0x07;
  const index = findRecord(card, file, command.p1, mode);
  if (index === "bad-mode") return status(sw.wrongP1P2);
  if (index === undefined) return status(sw.recordNotFound);
  makeCurrent(card, file);
  // A record that was found by its number leaves the record pointer where it is.
  if (mode < byNumber) card.currentRecord = index;
  const whole = concatBytes(...recordsFrom(file, index, mode));
  const data = whole.slice(0, command.le);
  return { data, status: data.length === command.le || wantsAll(command) ? sw.success : sw.endOfFile };
}

/**
 * UPDATE RECORD: ISO/IEC 7816-4:2005, 7.3.5. In a cyclic file, «previous» writes over the oldest, which becomes record
 * 1.
 */
export function updateRecord(card: CardState, command: CommandApdu): Answer {
  if (command.data.length === 0) return status(sw.wrongLength);
  const target = recordFile(card, command.p2);
  if (!target.ok) return target.error;
  const file = target.value;
  const mode = command.p2 & 0x07;
  if (mode > byNumber || (mode < byNumber && command.p1 !== 0)) return status(sw.wrongP1P2);
  if (!card.pins.allows(file.access.update)) return status(sw.securityNotSatisfied);
  if (file.type === "cyclic" && mode === previous) return add(card, file, command.data);
  const index = findRecord(card, file, command.p1, mode);
  if (typeof index !== "number") return status(sw.recordNotFound);
  const refused = checkSize(file, command.data);
  if (refused !== undefined) return refused;
  makeCurrent(card, file);
  if (mode < byNumber) card.currentRecord = index;
  file.records[index] = copyBytes(command.data);
  return status(sw.success);
}

/**
 * APPEND RECORD: ISO/IEC 7816-4:2005, 7.3.6. In a cyclic file the new record is number 1, and a full file loses its
 * oldest.
 */
export function appendRecord(card: CardState, command: CommandApdu): Answer {
  if (command.data.length === 0) return status(sw.wrongLength);
  if (command.p1 !== 0 || (command.p2 & 0x07) !== 0) return status(sw.wrongP1P2);
  const target = recordFile(card, command.p2);
  if (!target.ok) return target.error;
  if (!card.pins.allows(target.value.access.append)) return status(sw.securityNotSatisfied);
  return add(card, target.value, command.data);
}

function add(card: CardState, file: RecordFile, data: Uint8Array): Answer {
  const refused = checkSize(file, data);
  if (refused !== undefined) return refused;
  const full = file.records.length >= file.maxRecords;
  if (full && file.type !== "cyclic") return status(sw.notEnoughMemory);
  makeCurrent(card, file);
  if (file.type === "cyclic") {
    if (full) file.records.pop();
    file.records.unshift(copyBytes(data));
    card.currentRecord = 0;
  } else {
    file.records.push(copyBytes(data));
    card.currentRecord = file.records.length - 1;
  }
  return status(sw.success);
}

function checkSize(file: RecordFile, data: Uint8Array): Answer | undefined {
  if (file.type !== "linear-variable") return data.length === file.recordSize ? undefined : status(sw.wrongLength);
  return data.length <= file.recordSize ? undefined : status(sw.notEnoughMemory);
}

function recordFile(card: CardState, p2: number): Result<RecordFile, Answer> {
  const target = targetFile(card, p2 >> 3);
  if (!target.ok) return target;
  if (target.value.type === "transparent") return { ok: false, error: status(sw.incompatibleFile) };
  return success(target.value);
}

/** Index of the record that P1 and P2 mean; undefined where there is none. */
function findRecord(card: CardState, file: RecordFile, p1: number, mode: number): number | undefined | "bad-mode" {
  const { records } = file;
  // The record pointer belongs to the current file; a file that only becomes current now has none yet.
  const current = card.currentEf === file ? card.currentRecord : undefined;
  switch (mode) {
    case byNumber:
    case fromNumberToLast:
    case fromLastToNumber: {
      const index = p1 === 0 ? current : p1 - 1;
      return index !== undefined && index < records.length ? index : undefined;
    }
    case first:
    case last:
    case next:
    case previous:
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
  if (mode === first || (mode === next && current === undefined)) return matches[0];
  if (mode === last || current === undefined) return matches.at(-1);
  return mode === next ? matches.find((index) => index > current) : matches.findLast((index) => index < current);
}

function recordsFrom(file: RecordFile, index: number, mode: number): readonly Uint8Array[] {
  const { records } = file;
  if (mode === fromNumberToLast) return records.slice(index);
  if (mode === fromLastToNumber) return records.slice(index).reverse();
  return records.slice(index, index + 1);
}
