// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import {
  decodeBerTlv,
  encodeBerTlv,
  findBerTlv,
  instructions as ins,
  MAX_SHORT_DATA_BYTES,
  MAX_SHORT_LE,
  type ResponseApdu,
  statusWords,
  TAG_DISCRETIONARY_DATA,
  TAG_OFFSET,
} from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { ComError } from "./com-error.ts";
import type { Iso7816Card } from "./iso7816-card.ts";
import type { FileView } from "./iso7816-file-control.ts";
import { isDone, type Purpose, statusFailure } from "./iso7816-status.ts";
import { MAX_BUFFER_BYTES } from "./memory-stream.ts";

/** The odd instructions have the offset in a data object, and so can go beyond 15 bits. */
const ODD = 0x01;
const OFFSETS_OF_EVEN_INSTRUCTIONS = 0x8000;
/** What the data objects of the odd instructions take of a command: two tags, a long length, an offset of four bytes. */
const ODD_OVERHEAD = 10;

/** P2 of the record commands: P1 is the number of a record of the current file. */
const RECORD_BY_NUMBER = 0x04;
/** Numbers of records: 1 to this. */
const MAX_RECORD_NUMBER = 254;

/** Reads bytes of the current transparent file, as many as there are up to `count`. @throws SCARD_W_EOF for none */
export async function readBytes(
  card: Iso7816Card,
  { dataBytes = MAX_BUFFER_BYTES }: Pick<FileView, "dataBytes">,
  offset: number,
  count: number,
): Promise<Uint8Array> {
  const wanted = Math.min(count, dataBytes - offset, MAX_BUFFER_BYTES);
  const parts: Uint8Array[] = [];
  let got = 0;
  while (got < wanted) {
    const length = Math.min(wanted - got, MAX_SHORT_LE);
    const response = await readOnce(card, offset + got, length);
    const isOver = got > 0 && (response.sw === statusWords.wrongOffset || response.sw === statusWords.endOfFile);
    if (!isDone(response) && !isOver) throw statusFailure(response, "read", "read");
    const part = isDone(response) ? bytesIn(response, offset + got) : new Uint8Array(0);
    if (part.length === 0) break;
    parts.push(part.subarray(0, length));
    got += Math.min(part.length, length);
    if (response.sw === statusWords.endOfFile) break;
  }
  if (got > 0) return concatBytes(...parts);
  throw new ComError(new SmartCardError("eof", "read: there is nothing more in the file"));
}

function readOnce(card: Iso7816Card, offset: number, length: number): Promise<ResponseApdu> {
  if (offset < OFFSETS_OF_EVEN_INSTRUCTIONS)
    return card.send({ ins: ins.READ_BINARY, p1: offset >> 8, p2: offset & 0xff, le: length });
  const data = encodeBerTlv([{ tag: TAG_OFFSET, value: encodeOffset(offset) }]);
  return card.send({ ins: ins.READ_BINARY | ODD, data, le: Math.min(length + ODD_OVERHEAD, MAX_SHORT_LE) });
}

function bytesIn(response: ResponseApdu, offset: number): Uint8Array {
  if (offset < OFFSETS_OF_EVEN_INSTRUCTIONS) return response.data;
  const objects = decodeBerTlv(response.data);
  const data = objects.ok ? findBerTlv(objects.value, TAG_DISCRETIONARY_DATA)?.value : undefined;
  if (data !== undefined) return data;
  throw new ComError(
    new SmartCardError("unexpected", "read: the card's answer is not the data object that it should be"),
  );
}

/** Writes bytes into the current transparent file. @throws SCARD_E_WRITE_TOO_MANY before anything is written */
export async function writeBytes(
  card: Iso7816Card,
  { dataBytes }: Pick<FileView, "dataBytes">,
  offset: number,
  data: Uint8Array,
): Promise<void> {
  if (dataBytes !== undefined && offset + data.length > dataBytes) {
    const room = `write: ${data.length} bytes at ${offset} do not fit into the file, which has ${dataBytes}`;
    throw new ComError(new SmartCardError("write-too-many", room));
  }
  for (let done = 0; done < data.length; ) {
    const at = offset + done;
    const isOdd = at >= OFFSETS_OF_EVEN_INSTRUCTIONS;
    const part = data.subarray(done, done + MAX_SHORT_DATA_BYTES - (isOdd ? ODD_OVERHEAD : 0));
    if (isOdd) {
      const objects = [
        { tag: TAG_OFFSET, value: encodeOffset(at) },
        { tag: TAG_DISCRETIONARY_DATA, value: part },
      ];
      await card.perform({ ins: ins.UPDATE_BINARY | ODD, data: encodeBerTlv(objects) }, "write", "write");
    } else {
      const command = { ins: ins.UPDATE_BINARY, p1: at >> 8, p2: at & 0xff, data: part.slice() };
      await card.perform(command, "write", "write");
    }
    done += part.length;
  }
}

/** Reads a record of the current file, or of the one with a short identifier. @param index 0 for record 1 */
export async function readRecord(
  card: Iso7816Card,
  { records }: Pick<FileView, "records">,
  index: number,
  count: number,
  shortId: number,
): Promise<Uint8Array> {
  if (index >= Math.min(records ?? MAX_RECORD_NUMBER, MAX_RECORD_NUMBER))
    throw new ComError(new SmartCardError("eof", "read: there are no more records"));
  const le = count === 0 ? MAX_SHORT_LE : Math.min(count, MAX_SHORT_LE);
  const p2 = (shortId << 3) | RECORD_BY_NUMBER;
  const { data } = await card.perform({ ins: ins.READ_RECORD, p1: index + 1, p2, le }, "read", "read");
  return data.subarray(0, le);
}

/**
 * Writes over a record of the current file, or of the one with a short identifier, or appends one if there is none with
 * that number.
 *
 * @param index 0 for record 1
 */
export async function writeRecord(
  card: Iso7816Card,
  control: Pick<FileView, "kind" | "recordBytes" | "records">,
  index: number,
  data: Uint8Array,
  shortId: number,
): Promise<void> {
  checkRecord(control, data);
  const isThere = index < Math.min(control.records ?? MAX_RECORD_NUMBER, MAX_RECORD_NUMBER);
  if (isThere) {
    const p2 = (shortId << 3) | RECORD_BY_NUMBER;
    const response = await card.send({ ins: ins.UPDATE_RECORD, p1: index + 1, p2, data: data.slice() });
    if (isDone(response)) return;
    if (response.sw !== statusWords.recordNotFound) throw statusFailure(response, "write", "write");
  }
  await card.perform({ ins: ins.APPEND_RECORD, p2: shortId << 3, data: data.slice() }, "write", "append");
}

/** A record that cannot fit is refused before anything is sent, because cards answer it in many ways. */
function checkRecord({ kind, recordBytes }: Pick<FileView, "kind" | "recordBytes">, { length }: Uint8Array): void {
  if (length === 0 || length > MAX_SHORT_DATA_BYTES)
    throw new ComError("E_INVALIDARG", `a record has 1 to ${MAX_SHORT_DATA_BYTES} bytes, and not ${length}`);
  if (recordBytes === undefined || length === recordBytes) return;
  if (kind === "linear-fixed" || kind === "cyclic")
    throw new ComError("E_INVALIDARG", `a record of this file has ${recordBytes} bytes, and not ${length}`);
  if (length > recordBytes) {
    const room = `write: a record of this file has ${recordBytes} bytes at most, and not ${length}`;
    throw new ComError(new SmartCardError("write-too-many", room));
  }
}

/** What an open transparent file with a short identifier needs before its offsets can be told: that it is current. */
export async function makeCurrent(card: Iso7816Card, shortId: number, purpose: Purpose): Promise<ResponseApdu> {
  const response = await card.send({ ins: ins.READ_BINARY, p1: 0x80 | shortId, le: 1 });
  if (isDone(response) || response.sw === statusWords.incompatibleFile) return response;
  throw statusFailure(response, purpose, `open the file with the short identifier ${shortId}`);
}

function encodeOffset(offset: number): Uint8Array {
  return Uint8Array.of(offset >>> 24, (offset >> 16) & 0xff, (offset >> 8) & 0xff, offset & 0xff);
}
