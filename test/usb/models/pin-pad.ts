// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";

/** What a person does at the pad: digits and a key, or no key in time. */
export interface PinEntry {
  readonly digits: string;
  readonly key: "enter" | "cancel" | "none";
}

/** The person at the pad: asked once a PIN. `prompt` is 0 for the only, or the old, PIN; 1 for the new one; 2 for its repetition. */
export type PinPadUser = (prompt: 0 | 1 | 2) => PinEntry;

/** Why a PIN was not entered: the bError of CCID 1.1, table 6.2-2; or the offset of the field of PC_to_RDR_Secure that is wrong. */
export type PinOutcome = { readonly apdu: Uint8Array } | { readonly error: number };

const PIN_TIMEOUT = 0xf0;
const PIN_CANCELLED = 0xef;
const VERIFY = 0;
const MODIFY = 1;
const APDU_HEADER_BYTES = 5;
const ABDATA_OFFSET = 10;

/** Where abPINDataStructure's fields lie in abData: CCID 1.1, 6.1.11. */
interface PinFields {
  readonly format: number;
  readonly block: number;
  readonly lengthFormat: number;
  readonly minDigits: number;
  readonly maxDigits: number;
  readonly validation: number;
  readonly validationOffset: number;
  readonly oldOffset: number;
  readonly newOffset: number;
  readonly confirm: number;
  readonly prologue: Uint8Array;
  readonly apdu: Uint8Array;
}

function verifyFields(data: Uint8Array): PinFields {
  const byte = (at: number): number => data[at] ?? 0;
  return {
    ...{ format: byte(2), block: byte(3), lengthFormat: byte(4), maxDigits: byte(5), minDigits: byte(6) },
    ...{ validation: byte(7), validationOffset: 7, oldOffset: 0, newOffset: 0, confirm: 0 },
    prologue: data.subarray(12, 15),
    apdu: data.subarray(15),
  };
}

function modifyFields(data: Uint8Array): PinFields {
  const byte = (at: number): number => data[at] ?? 0;
  // bMsgIndex2 and bMsgIndex3 are there only where bNumberMessage asks for as many.
  const messages = byte(11);
  const end = 15 + (messages === 2 || messages === 3 ? 1 : 0) + (messages === 3 ? 1 : 0);
  return {
    ...{ format: byte(2), block: byte(3), lengthFormat: byte(4), oldOffset: byte(5), newOffset: byte(6) },
    ...{ maxDigits: byte(7), minDigits: byte(8), confirm: byte(9), validation: byte(10), validationOffset: 10 },
    prologue: data.subarray(end, end + 3),
    apdu: data.subarray(end + 3),
  };
}

/** What comes of a PC_to_RDR_Secure: the command for the card, and the prologue that the host gave for T=1. */
export function enterPins(
  data: Uint8Array,
  pinSupport: number,
  user: PinPadUser,
): PinOutcome & { readonly prologue?: Uint8Array } {
  const operation = data[0] ?? 0xff;
  if (operation !== VERIFY && operation !== MODIFY) return { error: ABDATA_OFFSET };
  if ((pinSupport & (operation + 1)) === 0) return { error: ABDATA_OFFSET };
  const fields = operation === VERIFY ? verifyFields(data) : modifyFields(data);
  if (fields.apdu.length < 4) return { error: ABDATA_OFFSET + data.length };
  if (fields.minDigits > fields.maxDigits) return { error: ABDATA_OFFSET + 6 };
  if ((fields.validation & 7) === 0 || fields.validation > 7) return { error: ABDATA_OFFSET + fields.validationOffset };
  const asksOld = operation === VERIFY || (fields.confirm & 2) !== 0;
  const pins: { readonly at: number; readonly digits: string }[] = [];
  const ask = (prompt: 0 | 1 | 2): string | number => {
    const entry = user(prompt);
    if (entry.key === "cancel") return PIN_CANCELLED;
    const byLength = (fields.validation & 1) !== 0 && entry.digits.length >= fields.maxDigits;
    const byTime = (fields.validation & 4) !== 0 && entry.key === "none" && entry.digits.length > 0;
    const byKey = (fields.validation & 2) !== 0 && entry.key === "enter";
    if (!byLength && !byTime && !byKey) return PIN_TIMEOUT;
    return entry.digits.length < fields.minDigits || entry.digits.length > fields.maxDigits
      ? PIN_CANCELLED
      : entry.digits;
  };
  if (asksOld) {
    const digits = ask(0);
    if (typeof digits === "number") return { error: digits };
    pins.push({ at: fields.oldOffset, digits });
  }
  if (operation === MODIFY) {
    const digits = ask(1);
    if (typeof digits === "number") return { error: digits };
    if ((fields.confirm & 1) !== 0) {
      const again = ask(2);
      if (typeof again === "number") return { error: again };
      if (again !== digits) return { error: PIN_CANCELLED };
    }
    pins.push({ at: fields.newOffset, digits });
  }
  return { apdu: insertPins(fields, pins), prologue: fields.prologue.slice() };
}

/** Puts the PINs into the command's data as bmFormatString and bmPINBlockString say. */
function insertPins(fields: PinFields, pins: readonly { readonly at: number; readonly digits: string }[]): Uint8Array {
  const inBytes = (fields.format & 0x80) !== 0;
  const position = (fields.format >> 3) & 0x0f;
  const blockBytes = fields.block & 0x0f;
  const lengthBits = fields.block >> 4;
  const header = fields.apdu.slice(0, APDU_HEADER_BYTES);
  let data: Uint8Array = fields.apdu.slice(APDU_HEADER_BYTES);
  for (const { at, digits } of pins) {
    const encoded = encodePin(digits, fields.format & 3);
    const rightAligned = (fields.format & 4) !== 0;
    const startBits = at * 8 + (inBytes ? position * 8 : position);
    const size = blockBytes === 0 ? encoded.length : blockBytes;
    const needed = Math.ceil(startBits / 8) + size;
    if (data.length < needed) data = concatBytes(data, new Uint8Array(needed - data.length).fill(0xff));
    const pad = rightAligned ? size - encoded.length : 0;
    encoded.forEach((byte, index) => {
      putBits(data, startBits + 8 * (pad + index), 8, byte);
    });
    if ((fields.format & 3) === 1 && digits.length % 2 === 1) {
      // The last half byte is padding: it keeps what the host put there.
      const last = startBits + 8 * (pad + encoded.length) - 4;
      putBits(data, last, 4, 0x0f);
    }
    if (lengthBits > 0) {
      const unit = (fields.lengthFormat & 0x10) !== 0 ? 8 : 1;
      putBits(data, at * 8 + (fields.lengthFormat & 0x0f) * unit, lengthBits, digits.length);
    }
  }
  const lc = header.length < APDU_HEADER_BYTES || blockBytes === 0 ? data.length : (header[4] ?? data.length);
  return Uint8Array.of(...header.subarray(0, 4), Math.max(lc, data.length), ...data);
}

function encodePin(digits: string, kind: number): number[] {
  const values = Array.from(digits, (digit) => Number(digit));
  if (kind === 2) return values.map((value) => 0x30 + value);
  if (kind === 0) return values;
  const bytes: number[] = [];
  for (let index = 0; index < values.length; index += 2) {
    bytes.push(((values[index] ?? 0) << 4) | (values[index + 1] ?? 0x0f));
  }
  return bytes;
}

function putBits(data: Uint8Array, start: number, count: number, value: number): void {
  for (let bit = 0; bit < count; bit++) {
    const at = start + bit;
    const mask = 0x80 >> (at & 7);
    const isSet = ((value >> (count - 1 - bit)) & 1) === 1;
    data[at >> 3] = isSet ? (data[at >> 3] ?? 0) | mask : (data[at >> 3] ?? 0) & ~mask;
  }
}
