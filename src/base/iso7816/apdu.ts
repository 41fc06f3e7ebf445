// SPDX-License-Identifier: MIT

import {
  type ByteCursor,
  checkBytes,
  checkMembers,
  checkObject,
  checkTruth,
  checkWhole,
  concatBytes,
  decoding,
  failure,
  type Result,
  shown,
} from "../binary/index.ts";

/** Most data bytes in a command with short length fields. ISO/IEC 7816-4:2005, 5.1. */
export const MAX_SHORT_DATA_BYTES = 255;
/** Most data bytes in a command with extended length fields. */
export const MAX_EXTENDED_DATA_BYTES = 65_535;
/** Largest Le of a command with short length fields; it is written as 00. */
export const MAX_SHORT_LE = 256;
/** Largest Le of a command with extended length fields; it is written as 00 00. Also the most data in a response. */
export const MAX_EXTENDED_LE = 65_536;

/** A command as a card reads it. ISO/IEC 7816-4:2005, 5.1. */
export interface CommandApdu {
  /** Class byte, 0 to 255. */
  readonly cla: number;
  /** Instruction byte, 0 to 255. */
  readonly ins: number;
  /** First parameter, 0 to 255. */
  readonly p1: number;
  /** Second parameter, 0 to 255. */
  readonly p2: number;
  /** Command data, 0 to 65,535 bytes; empty where the command carries none. */
  readonly data: Uint8Array;
  /** Most response bytes expected, 1 to 65,536; undefined where no response data is expected. */
  readonly le: number | undefined;
  /** Whether the length fields are extended. False for case 1, which has no length field. */
  readonly extended: boolean;
}

/** What {@link encodeCommand} needs to know; every {@link CommandApdu} is one. */
export interface CommandInit {
  readonly cla: number;
  readonly ins: number;
  readonly p1: number;
  readonly p2: number;
  /** Command data, 0 to 65,535 bytes. @default none */
  readonly data?: Uint8Array | undefined;
  /** Most response bytes expected, 1 to 65,536. @default no response data expected */
  readonly le?: number | undefined;
  /** True or false to insist on a form of the length fields. @default extended only where short cannot hold it */
  readonly extended?: boolean | undefined;
}

/**
 * Which of the seven shapes a command has: 1 has no data either way, 2 has Le, 3 has data, 4 has both; S and E are short
 * and extended length fields. ISO/IEC 7816-3:2006, 12.1.3.
 */
export type CommandCase = 1 | "2S" | "3S" | "4S" | "2E" | "3E" | "4E";

/**
 * Writes a command in the shortest form that holds it, or in the form that `extended` asks for.
 *
 * @throws TypeError for a value that is not a command, data that is not a Uint8Array, and an unknown member
 * (`dta`); RangeError, naming the value, for a header byte outside 0..255, too much data, Le outside 1..65,536,
 * lengths too large for short length fields, and extended length fields on a command without length fields.
 * The data itself is never part of the message.
 * @see ISO/IEC 7816-3:2006, 12.1.3
 */
export function encodeCommand(init: CommandInit): Uint8Array {
  const { cla, data, extended, ins, le, p1, p2 } = completeCommand(init, "encodeCommand");
  const [before, after] = extended ? extendedLengths(data, le) : shortLengths(data, le);
  // The data may be a PIN: it is copied once, into what the caller gets.
  return concatBytes(Uint8Array.of(cla, ins, p1, p2, ...before), data, Uint8Array.from(after));
}

/**
 * The command that some parts make, with the data that was given and not a copy of it.
 *
 * @param name the function that was given them, for its messages
 * @throws as {@link encodeCommand}
 */
export function completeCommand(init: CommandInit, name: string): CommandApdu {
  checkMembers(init, commandMembers, `${name}: the command`);
  const { cla, ins, p1, p2, le } = init;
  checkHeader(init, "");
  if (init.extended !== undefined) checkTruth(init.extended, `${name}: extended`);
  const { data = new Uint8Array(0) } = init;
  checkBytes(data, `${name}: data`);
  if (data.length > MAX_EXTENDED_DATA_BYTES) {
    throw new RangeError(`a command carries at most ${MAX_EXTENDED_DATA_BYTES} data bytes, not ${data.length}`);
  }
  checkLe(le, "");
  return { cla, ins, p1, p2, data, le, extended: useExtended(init, data) };
}

const commandMembers: readonly (keyof CommandInit)[] = ["cla", "ins", "p1", "p2", "data", "le", "extended"];

function useExtended(init: CommandInit, data: Uint8Array): boolean {
  const { le, extended } = init;
  const needed = data.length > MAX_SHORT_DATA_BYTES || (le ?? 0) > MAX_SHORT_LE;
  if (extended === false && data.length > MAX_SHORT_DATA_BYTES) {
    throw new RangeError(`${data.length} data bytes do not fit a short Lc, which ends at ${MAX_SHORT_DATA_BYTES}`);
  }
  if (extended === false && needed) {
    throw new RangeError(`Le ${le} does not fit a short Le, which ends at ${MAX_SHORT_LE}`);
  }
  if (extended === true && data.length === 0 && le === undefined) {
    throw new RangeError("extended is true, but a command with neither data nor Le has no length field to extend");
  }
  return extended ?? needed;
}

/** The length fields before the data, and after it. */
type LengthFields = readonly [before: readonly number[], after: readonly number[]];

function shortLengths(data: Uint8Array, le: number | undefined): LengthFields {
  // 256 does not fit the byte: it is the 00 that is left of it.
  return [data.length === 0 ? [] : [data.length], le === undefined ? [] : [le & 0xff]];
}

function extendedLengths(data: Uint8Array, le: number | undefined): LengthFields {
  const lc = data.length === 0 ? [0] : [0, data.length >> 8, data.length & 0xff];
  return [lc, le === undefined ? [] : [(le >> 8) & 0xff, le & 0xff]];
}

function checkHeader({ cla, ins, p1, p2 }: Partial<CommandInit>, where: string): void {
  for (const [name, value] of Object.entries({ CLA: cla, INS: ins, P1: p1, P2: p2 })) {
    checkWhole(value, 0, 0xff, `${where}${name}`);
  }
}

function checkLe(le: unknown, where: string): void {
  if (le === undefined || (typeof le === "number" && Number.isInteger(le) && le >= 1 && le <= MAX_EXTENDED_LE)) return;
  const remedy = "leave it out where no response data is expected";
  throw new RangeError(`${where}Le is 1 to ${MAX_EXTENDED_LE}, not ${shown(le)}; ${remedy}`);
}

/**
 * Refuses anything but a command as {@link decodeCommand} returns it.
 *
 * @param name the argument, as the caller knows it
 * @throws TypeError, RangeError
 */
export function checkCommandApdu(command: unknown, name: string): asserts command is CommandApdu {
  checkObject(command, name, "pass a command with cla, ins, p1, p2, data, le and extended: decodeCommand() gives one");
  const { data, extended, le, ...header }: Partial<CommandApdu> = command;
  checkHeader(header, `${name}: `);
  checkBytes(data, `${name}: data`);
  checkLe(le, `${name}: `);
  if (extended !== undefined) checkTruth(extended, `${name}: extended`);
}

/** Refuses anything but a response as {@link decodeResponse} returns it. @throws TypeError, RangeError */
export function checkResponseApdu(response: unknown, name: string): asserts response is ResponseApdu {
  checkObject(response, name, "pass a response with data, sw1, sw2 and sw: decodeResponse() gives one");
  const { data, sw, sw1, sw2 }: Partial<ResponseApdu> = response;
  checkBytes(data, `${name}: data`);
  checkWhole(sw1, 0, 0xff, `${name}: sw1`);
  checkWhole(sw2, 0, 0xff, `${name}: sw2`);
  checkWhole(sw, 0, 0xffff, `${name}: sw`);
}

/**
 * Reads a command in any of the seven cases. Every command that it accepts is written back byte for byte by
 * {@link encodeCommand}. An error contains lengths but never data: the data may be a PIN.
 *
 * @see ISO/IEC 7816-3:2006, 12.1.3
 */
export function decodeCommand(bytes: Uint8Array): Result<CommandApdu> {
  return decoding(bytes, (cursor) => {
    const header = { cla: cursor.u8("CLA"), ins: cursor.u8("INS"), p1: cursor.u8("P1"), p2: cursor.u8("P2") };
    if (cursor.remaining === 0) return { ...header, data: new Uint8Array(0), le: undefined, extended: false };
    const first = cursor.u8("Lc or Le");
    if (cursor.remaining === 0)
      return { ...header, data: new Uint8Array(0), le: first || MAX_SHORT_LE, extended: false };
    return { ...header, ...(first === 0 ? readExtended(cursor) : readShort(cursor, first)) };
  });
}

type Body = Pick<CommandApdu, "data" | "le" | "extended">;

function readShort(cursor: ByteCursor, lc: number): Body {
  const data = cursor.bytes(lc, `data of Lc ${lc}`);
  const le = cursor.remaining === 0 ? undefined : cursor.u8("Le") || MAX_SHORT_LE;
  return { data, le, extended: false };
}

function readExtended(cursor: ByteCursor): Body {
  const at = cursor.offset;
  const number = cursor.u16be("extended Lc or Le");
  if (cursor.remaining === 0) return { data: new Uint8Array(0), le: number || MAX_EXTENDED_LE, extended: true };
  if (number === 0) return cursor.fail("an extended Lc of zero", at);
  const data = cursor.bytes(number, `data of Lc ${number}`);
  const le = cursor.remaining === 0 ? undefined : cursor.u16be("extended Le") || MAX_EXTENDED_LE;
  return { data, le, extended: true };
}

/** Names the case of a command. @throws TypeError, RangeError (not a command) */
export function commandCase(command: CommandApdu): CommandCase {
  checkCommandApdu(command, "commandCase: command");
  const { data, le, extended } = command;
  if (data.length === 0) {
    if (le === undefined) return 1;
    return extended ? "2E" : "2S";
  }
  if (le === undefined) return extended ? "3E" : "3S";
  return extended ? "4E" : "4S";
}

/** What a card answers to a command. ISO/IEC 7816-4:2005, 5.1. */
export interface ResponseApdu {
  /** Response data, 0 to 65,536 bytes. */
  readonly data: Uint8Array;
  /** First status byte. */
  readonly sw1: number;
  /** Second status byte. */
  readonly sw2: number;
  /** Both status bytes as one number: 0x9000. */
  readonly sw: number;
}

/** Reads a response: the last two bytes are the status, the bytes before them are data. */
export function decodeResponse(bytes: Uint8Array): Result<ResponseApdu> {
  checkBytes(bytes, "decodeResponse: bytes");
  if (bytes.length < 2) return failure(`a response ends with SW1 and SW2; ${bytes.length} bytes are too few`, 0);
  const end = bytes.length - 2;
  if (end > MAX_EXTENDED_LE) {
    return failure(`a response has at most ${MAX_EXTENDED_LE} data bytes, not ${end}`, MAX_EXTENDED_LE);
  }
  return decoding(bytes, (cursor) => {
    const data = cursor.bytes(end, "response data");
    const sw1 = cursor.u8("SW1");
    const sw2 = cursor.u8("SW2");
    return { data, sw1, sw2, sw: (sw1 << 8) | sw2 };
  });
}

/**
 * Writes a response.
 *
 * @throws TypeError for data that is no Uint8Array; RangeError for a status word outside 0..0xFFFF and for more than 65,536 data bytes.
 */
export function encodeResponse(data: Uint8Array, sw: number): Uint8Array {
  checkWhole(sw, 0, 0xffff, "a status word");
  checkBytes(data, "encodeResponse: data");
  if (data.length > MAX_EXTENDED_LE) {
    throw new RangeError(`a response has at most ${MAX_EXTENDED_LE} data bytes, not ${data.length}`);
  }
  return concatBytes(data, Uint8Array.of(sw >> 8, sw & 0xff));
}
