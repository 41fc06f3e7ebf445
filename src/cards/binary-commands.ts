// SPDX-License-Identifier: MIT

import { type Result, success } from "../binary/index.ts";
import { type BerTlv, type CommandApdu, decodeBerTlv, encodeBerTlv, findBerTlv } from "../iso7816/index.ts";
import { type CardState, makeCurrent, targetFile, wantsAll } from "./card-state.ts";
import { childById, type ElementaryFile, type TransparentFile } from "./file-system.ts";
import { type Answer, status, sw } from "./status.ts";

/** Offset data object, and discretionary data. ISO/IEC 7816-4:2005, 7.2.2. */
const tagOffset = 0x54;
const tagData = 0x53;

/** READ BINARY, even instruction B0: ISO/IEC 7816-4:2005, 7.2.3. */
export function readBinary(card: CardState, command: CommandApdu): Answer {
  if (command.data.length > 0 || command.le === undefined) return status(sw.wrongLength);
  const place = evenPlace(card, command);
  if (!place.ok) return place.error;
  const { file, offset } = place.value;
  if (!card.pins.allows(file.access.read)) return status(sw.securityNotSatisfied);
  if (offset >= file.content.length) return status(sw.wrongOffset);
  makeCurrent(card, file);
  const data = file.content.slice(offset, offset + command.le);
  return { data, status: data.length === command.le || wantsAll(command) ? sw.success : sw.endOfFile };
}

/** READ BINARY, odd instruction B1: offset in a data object, so that it may be any; the answer is a data object too. */
export function readBinaryOdd(card: CardState, command: CommandApdu): Answer {
  const { le } = command;
  if (le === undefined || le < 2) return status(sw.wrongLength);
  const objects = decodeBerTlv(command.data);
  const offset = objects.ok ? readOffset(objects.value) : undefined;
  if (offset === undefined) return status(sw.wrongData);
  const target = oddTarget(card, command);
  if (!target.ok) return target.error;
  const file = target.value;
  if (!card.pins.allows(file.access.read)) return status(sw.securityNotSatisfied);
  if (offset >= file.content.length) return status(sw.wrongOffset);
  makeCurrent(card, file);
  const left = file.content.length - offset;
  const length = Math.min(left, le - 2);
  // What the tag and a longer length field take from Le: at most three bytes, each tried in turn.
  for (let shorter = 0; shorter <= length; shorter++) {
    const value = file.content.slice(offset, offset + length - shorter);
    const data = encodeBerTlv([{ tag: tagData, value }]);
    if (data.length <= le) {
      return { data, status: wantsAll(command) || data.length === le ? sw.success : sw.endOfFile };
    }
  }
  return status(sw.wrongLength);
}

/** UPDATE BINARY, even instruction D6: ISO/IEC 7816-4:2005, 7.2.5. */
export function updateBinary(card: CardState, command: CommandApdu): Answer {
  if (command.data.length === 0) return status(sw.wrongLength);
  const place = evenPlace(card, command);
  return place.ok ? write(card, place.value.file, place.value.offset, command.data) : place.error;
}

/** UPDATE BINARY, odd instruction D7: offset and data in data objects. */
export function updateBinaryOdd(card: CardState, command: CommandApdu): Answer {
  const objects = decodeBerTlv(command.data);
  if (!objects.ok) return status(sw.wrongData);
  const offset = readOffset(objects.value);
  const data = findBerTlv(objects.value, tagData)?.value;
  if (offset === undefined || data === undefined) return status(sw.wrongData);
  const target = oddTarget(card, command);
  return target.ok ? write(card, target.value, offset, data) : target.error;
}

function write(card: CardState, file: TransparentFile, offset: number, data: Uint8Array): Answer {
  if (!card.pins.allows(file.access.update)) return status(sw.securityNotSatisfied);
  if (offset >= file.content.length) return status(sw.wrongOffset);
  if (offset + data.length > file.content.length) return status(sw.notEnoughMemory);
  makeCurrent(card, file);
  file.content.set(data, offset);
  return status(sw.success);
}

interface Place {
  readonly file: TransparentFile;
  readonly offset: number;
}

/** P1-P2 of an even instruction: a short identifier and 8 bits of offset, or 15 bits of offset. */
function evenPlace(card: CardState, { p1, p2 }: CommandApdu): Result<Place, Answer> {
  if ((p1 & 0x80) === 0) return placed(transparent(targetFile(card, 0)), (p1 << 8) | p2);
  const sfi = p1 & 0x1f;
  // Bits 7 and 6 are zero beside a short identifier; 0 there means the current file.
  if ((p1 & 0x60) !== 0) return { ok: false, error: status(sw.wrongP1P2) };
  return placed(transparent(targetFile(card, sfi)), p2);
}

function placed(target: Result<TransparentFile, Answer>, offset: number): Result<Place, Answer> {
  return target.ok ? success({ file: target.value, offset }) : target;
}

/** P1-P2 of an odd instruction: 0000 for the current file, a short identifier, or a file identifier. */
function oddTarget(card: CardState, { p1, p2 }: CommandApdu): Result<TransparentFile, Answer> {
  const id = (p1 << 8) | p2;
  if (id <= 30) return transparent(targetFile(card, id));
  const file = childById(card.currentDf, id);
  if (file === undefined || file.type === "df") return { ok: false, error: status(sw.fileNotFound) };
  return transparent(success(file));
}

function transparent(target: Result<ElementaryFile, Answer>): Result<TransparentFile, Answer> {
  if (!target.ok) return target;
  if (target.value.type !== "transparent") return { ok: false, error: status(sw.incompatibleFile) };
  return success(target.value);
}

function readOffset(objects: readonly BerTlv[]): number | undefined {
  const value = findBerTlv(objects, tagOffset)?.value;
  if (value === undefined || value.length === 0 || value.length > 4) return undefined;
  return value.reduce((offset, byte) => offset * 256 + byte, 0);
}
