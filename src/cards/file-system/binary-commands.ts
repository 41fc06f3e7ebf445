// SPDX-License-Identifier: MIT

import { bigEndianNumber, type Result, success } from "../../base/binary/index.ts";
import {
  type BerTlv,
  type CommandApdu,
  decodeBerTlv,
  encodeBerTlv,
  findBerTlv,
  TAG_DISCRETIONARY_DATA,
  TAG_OFFSET,
} from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { refusal } from "./access-control.ts";
import { type Channel, makeCurrent, readOut, targetFile, wantsAll } from "./card-state.ts";
import { childById, type ElementaryFile, type TransparentFile } from "./file-system.ts";

/** READ BINARY, even instruction B0: ISO/IEC 7816-4:2005, 7.2.3. */
export function readBinary(channel: Channel, command: CommandApdu): Answer {
  if (command.data.length > 0 || command.le === undefined) return status(sw.wrongLength);
  const place = evenPlace(channel, command);
  if (!place.ok) return place.error;
  const { file, offset } = place.value;
  const refused = refusal(channel, file, "read");
  if (refused !== undefined) return refused;
  if (offset >= file.content.length) return status(sw.wrongOffset);
  makeCurrent(channel, file);
  return readOut(command, file.content.subarray(offset));
}

/** READ BINARY, odd instruction B1: offset in a data object, so that it may be any; the answer is a data object too. */
export function readBinaryOdd(channel: Channel, command: CommandApdu): Answer {
  const { le } = command;
  if (le === undefined || le < 2) return status(sw.wrongLength);
  const objects = decodeBerTlv(command.data);
  const offset = objects.ok ? readOffset(objects.value) : undefined;
  if (offset === undefined) return status(sw.wrongData);
  const target = oddTarget(channel, command);
  if (!target.ok) return target.error;
  const file = target.value;
  const refused = refusal(channel, file, "read");
  if (refused !== undefined) return refused;
  if (offset >= file.content.length) return status(sw.wrongOffset);
  makeCurrent(channel, file);
  const left = file.content.length - offset;
  const length = Math.min(left, le - 2);
  // What the tag and a longer length field take from Le: at most three bytes, each tried in turn.
  for (let shorter = 0; shorter <= length; shorter++) {
    const value = file.content.slice(offset, offset + length - shorter);
    const data = encodeBerTlv([{ tag: TAG_DISCRETIONARY_DATA, value }]);
    if (data.length <= le) {
      return { data, status: wantsAll(command) || data.length === le ? sw.success : sw.endOfFile };
    }
  }
  return status(sw.wrongLength);
}

/** UPDATE BINARY, even instruction D6: ISO/IEC 7816-4:2005, 7.2.5. */
export function updateBinary(channel: Channel, command: CommandApdu): Answer {
  if (command.data.length === 0) return status(sw.wrongLength);
  const place = evenPlace(channel, command);
  return place.ok ? write(channel, place.value, command.data, "update") : place.error;
}

/** UPDATE BINARY, odd instruction D7: offset and data in data objects. */
export function updateBinaryOdd(channel: Channel, command: CommandApdu): Answer {
  const objects = decodeBerTlv(command.data);
  if (!objects.ok) return status(sw.wrongData);
  const offset = readOffset(objects.value);
  const data = findBerTlv(objects.value, TAG_DISCRETIONARY_DATA)?.value;
  if (offset === undefined || data === undefined) return status(sw.wrongData);
  const target = oddTarget(channel, command);
  return target.ok ? write(channel, { file: target.value, offset }, data, "update") : target.error;
}

/** WRITE BINARY, even instruction D0: ISO/IEC 7816-4:2005, 7.2.4. Bits that are set are set in the file: OR. */
export function writeBinary(channel: Channel, command: CommandApdu): Answer {
  if (command.data.length === 0) return status(sw.wrongLength);
  const place = evenPlace(channel, command);
  return place.ok ? write(channel, place.value, command.data, "write") : place.error;
}

/**
 * ERASE BINARY, even instruction 0E: ISO/IEC 7816-4:2005, 7.2.7. What is erased reads 00. The data, if any, is the
 * offset of the first byte that is to stay.
 */
export function eraseBinary(channel: Channel, command: CommandApdu): Answer {
  const place = evenPlace(channel, command);
  if (!place.ok) return place.error;
  const { file, offset } = place.value;
  const refused = refusal(channel, file, "update");
  if (refused !== undefined) return refused;
  const end = command.data.length === 0 ? file.content.length : readNumber(command.data);
  if (end === undefined) return status(sw.wrongData);
  if (offset >= file.content.length || end > file.content.length) return status(sw.wrongOffset);
  if (end <= offset) return status(sw.wrongData);
  makeCurrent(channel, file);
  file.content.fill(0, offset, end);
  return status(sw.success);
}

function write(channel: Channel, { file, offset }: Place, data: Uint8Array, mode: "update" | "write"): Answer {
  const refused = refusal(channel, file, mode);
  if (refused !== undefined) return refused;
  if (offset >= file.content.length) return status(sw.wrongOffset);
  if (offset + data.length > file.content.length) return status(sw.notEnoughMemory);
  makeCurrent(channel, file);
  const before = mode === "write" ? file.content.slice(offset, offset + data.length) : new Uint8Array(data.length);
  file.content.set(
    data.map((byte, at) => byte | (before[at] ?? 0)),
    offset,
  );
  return status(sw.success);
}

interface Place {
  readonly file: TransparentFile;
  readonly offset: number;
}

/** P1-P2 of an even instruction: a short identifier and 8 bits of offset, or 15 bits of offset. */
function evenPlace(channel: Channel, { p1, p2 }: CommandApdu): Result<Place, Answer> {
  if ((p1 & 0x80) === 0) return placed(transparent(targetFile(channel, 0)), (p1 << 8) | p2);
  const sfi = p1 & 0x1f;
  // Bits 7 and 6 are zero beside a short identifier; 0 there means the current file.
  if ((p1 & 0x60) !== 0) return { ok: false, error: status(sw.wrongP1P2) };
  return placed(transparent(targetFile(channel, sfi)), p2);
}

function placed(target: Result<TransparentFile, Answer>, offset: number): Result<Place, Answer> {
  return target.ok ? success({ file: target.value, offset }) : target;
}

/** P1-P2 of an odd instruction: 0000 for the current file, a short identifier, or a file identifier. */
function oddTarget(channel: Channel, { p1, p2 }: CommandApdu): Result<TransparentFile, Answer> {
  const id = (p1 << 8) | p2;
  if (id <= 30) return transparent(targetFile(channel, id));
  const file = childById(channel.currentDf, id);
  if (file === undefined || file.type === "df") return { ok: false, error: status(sw.fileNotFound) };
  return transparent(success(file));
}

function transparent(target: Result<ElementaryFile, Answer>): Result<TransparentFile, Answer> {
  if (!target.ok) return target;
  if (target.value.type !== "transparent") return { ok: false, error: status(sw.incompatibleFile) };
  return success(target.value);
}

function readOffset(objects: readonly BerTlv[]): number | undefined {
  const value = findBerTlv(objects, TAG_OFFSET)?.value;
  return value && readNumber(value);
}

function readNumber(bytes: Uint8Array): number | undefined {
  if (bytes.length === 0 || bytes.length > 4) return undefined;
  return bigEndianNumber(bytes);
}
