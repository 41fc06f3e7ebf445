// SPDX-License-Identifier: MIT

import { checkBytes } from "./check-bytes.ts";
import { checkFunction, checkList, checkObject, checkText, checkWhole, shown } from "./check-values.ts";
import { failure, type Result, success } from "./result.ts";

/** One field of a fixed layout: its size in bytes, and both directions. */
export interface Field<T> {
  readonly size: number;
  /** Reads the field at `offset`; the caller has checked that `size` bytes are there. */
  read(view: DataView, offset: number): T;
  /** Writes the field at `offset`; throws a RangeError for a value that does not fit. */
  write(view: DataView, offset: number, value: T): void;
}

/** A field that carries nothing: written down so that every byte of a layout has a name. */
export interface Padding extends Field<undefined> {
  readonly padding: true;
}

export type Layout = Readonly<Record<string, Field<unknown> | Padding>>;

/** The plain object that a layout stands for. Padding has no member in it. */
export type StructValue<L extends Layout> = {
  -readonly [K in keyof L as L[K] extends Padding ? never : K]: L[K] extends Field<infer T> ? T : never;
};

/** A declared layout: its size, where each field lies, and both directions. It is a field itself, so layouts nest. */
export interface Struct<L extends Layout> extends Field<StructValue<L>> {
  readonly name: string;
  /** Offset of each field in bytes from the start of the structure. */
  readonly offsetOf: { readonly [K in keyof L]: number };
  /** Writes the structure into `size` new bytes, and what follows it behind. @throws RangeError when a value does not fit its field. */
  encode(value: StructValue<L>, rest?: Uint8Array): Uint8Array;
  /** Reads exactly `size` bytes; more or fewer are an error. */
  decode(bytes: Uint8Array): Result<StructValue<L>>;
  /** Reads the first `size` bytes; the caller has checked that they are there. */
  decodeStart(bytes: Uint8Array): StructValue<L>;
}

/** What is known of fields that are whole numbers: a layout of these and padding is written and read without a view of the bytes. */
interface WholeField {
  readonly size: 1 | 2 | 4;
  readonly littleEndian: boolean;
  readonly signed: boolean;
}

const wholeFields = new WeakMap<object, WholeField>();

function integer(size: 1 | 2 | 4, littleEndian: boolean): Field<number> {
  const limit = 2 ** (8 * size);
  const field: Field<number> = {
    size,
    read(view, offset) {
      if (size === 1) return view.getUint8(offset);
      return size === 2 ? view.getUint16(offset, littleEndian) : view.getUint32(offset, littleEndian);
    },
    write(view, offset, value) {
      if (!Number.isInteger(value) || value < 0 || value >= limit) {
        throw new RangeError(`${shown(value)} is not an unsigned number of ${8 * size} bits`);
      }
      if (size === 1) view.setUint8(offset, value);
      else if (size === 2) view.setUint16(offset, value, littleEndian);
      else view.setUint32(offset, value, littleEndian);
    },
  };
  wholeFields.set(field, { size, littleEndian, signed: false });
  return field;
}

/** One unsigned byte. */
export const u8: Field<number> = integer(1, true);
/** Unsigned 16 bits, least significant byte first. */
export const u16le: Field<number> = integer(2, true);
/** Unsigned 16 bits, most significant byte first. */
export const u16be: Field<number> = integer(2, false);
/** Unsigned 32 bits, least significant byte first. */
export const u32le: Field<number> = integer(4, true);
/** Unsigned 32 bits, most significant byte first. */
export const u32be: Field<number> = integer(4, false);
/** Signed 32 bits in two's complement, least significant byte first. */
export const i32le: Field<number> = {
  size: 4,
  read: (view, offset) => view.getInt32(offset, true),
  write(view, offset, value) {
    if (!Number.isInteger(value) || (value | 0) !== value)
      throw new RangeError(`${shown(value)} is not a signed number of 32 bits`);
    view.setInt32(offset, value, true);
  },
};
wholeFields.set(i32le, { size: 4, littleEndian: true, signed: true });

/** `length` bytes as they are. */
export function bytes(length: number): Field<Uint8Array> {
  checkSize(length, "bytes: length");
  return {
    size: length,
    read: (view, offset) => new Uint8Array(view.buffer, view.byteOffset + offset, length).slice(),
    write(view, offset, value) {
      checkBytes(value, "the value");
      if (value.length !== length) throw new RangeError(`${value.length} bytes given where the layout has ${length}`);
      new Uint8Array(view.buffer, view.byteOffset + offset, length).set(value);
    },
  };
}

/** UTF-8 text in `length` bytes, ended by a NUL and filled up with NULs: at most `length - 1` bytes of text. */
export function cstring(length: number): Field<string> {
  checkSize(length, "cstring: length");
  return {
    size: length,
    read(view, offset) {
      const field = new Uint8Array(view.buffer, view.byteOffset + offset, length);
      const end = field.indexOf(0);
      return new TextDecoder(undefined, { ignoreBOM: true }).decode(field.subarray(0, end < 0 ? length : end));
    },
    write(view, offset, value) {
      checkText(value, "the value");
      const text = new TextEncoder().encode(value);
      if (text.length >= length)
        throw new RangeError(`text of ${text.length} bytes does not fit ${length} with its NUL`);
      if (text.includes(0)) throw new RangeError("text holds a NUL");
      const field = new Uint8Array(view.buffer, view.byteOffset + offset, length);
      field.fill(0);
      field.set(text);
    },
  };
}

/** `length` bytes without meaning: written as zeros, ignored when read. */
export function pad(length: number): Padding {
  checkSize(length, "pad: length");
  return {
    size: length,
    padding: true,
    read: () => undefined,
    write: (view, offset) => {
      new Uint8Array(view.buffer, view.byteOffset + offset, length).fill(0);
    },
  };
}

/** The same field `count` times in a row. */
export function repeat<T>(field: Field<T>, count: number): Field<readonly T[]> {
  checkField(field, "repeat: field");
  checkSize(count, "repeat: count");
  return {
    size: field.size * count,
    read: (view, offset) => Array.from({ length: count }, (_, index) => field.read(view, offset + index * field.size)),
    write(view, offset, values) {
      checkList(values, "values", "the value");
      if (values.length !== count)
        throw new RangeError(`${values.length} elements given where the layout has ${count}`);
      values.forEach((value, index) => {
        field.write(view, offset + index * field.size, value);
      });
    },
  };
}

/**
 * Declares a fixed layout: an ordered record of fields, without any alignment of its own (padding is written down).
 *
 * @param name the structure's name in the header that defines it; it appears in errors.
 */
export function struct<const L extends Layout>(name: string, layout: L): Struct<L> {
  checkText(name, "struct: name");
  checkObject(layout, "struct: layout", "pass an object of fields");
  const entries = Object.entries(layout);
  const offsets: Record<string, number> = {};
  let size = 0;
  for (const [key, field] of entries) {
    checkField(field, `struct: layout.${key}`);
    offsets[key] = size;
    size += field.size;
  }
  const read = (view: DataView, at: number): StructValue<L> => {
    const value: Record<string, unknown> = {};
    for (const [key, field] of entries) {
      if (!("padding" in field)) value[key] = field.read(view, at + (offsets[key] as number));
    }
    return value as StructValue<L>;
  };
  const write = (view: DataView, at: number, value: StructValue<L>): void => {
    checkObject(value, name, `pass an object with ${entries.map(([key]) => key).join(", ")}`);
    const values = value as Readonly<Record<string, unknown>>;
    for (const [key, field] of entries) {
      try {
        (field as Field<unknown>).write(view, at + (offsets[key] as number), values[key]);
      } catch (error) {
        if (error instanceof RangeError) throw new RangeError(`${name}.${key}: ${error.message}`, { cause: error });
        if (error instanceof TypeError) throw new TypeError(`${name}.${key}: ${error.message}`, { cause: error });
        throw error;
      }
    }
  };
  const numbers = wholeNumbersOf(entries, offsets);
  const decodeStart = (encoded: Uint8Array): StructValue<L> => {
    if (numbers !== undefined) return readNumbers(numbers, encoded) as StructValue<L>;
    return read(new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength), 0);
  };
  return {
    name,
    size,
    offsetOf: offsets as Struct<L>["offsetOf"],
    read,
    write,
    decodeStart,
    encode(value, rest) {
      if (rest !== undefined) checkBytes(rest, "encode: rest");
      const encoded = new Uint8Array(size + (rest?.length ?? 0));
      if (rest !== undefined) encoded.set(rest, size);
      // A value that does not fit, or cannot be read, is refused by its field.
      if (numbers === undefined || !writeNumbers(numbers, encoded, value))
        write(new DataView(encoded.buffer), 0, value);
      return encoded;
    },
    decode(encoded) {
      checkBytes(encoded, `${name}: bytes`);
      if (encoded.length !== size) return failure(`${name} has ${size} bytes, not ${encoded.length}`, encoded.length);
      return success(decodeStart(encoded));
    },
  };
}

interface WholeNumber extends WholeField {
  readonly key: string;
  readonly at: number;
}

/** The numbers of a layout, without its padding; undefined where it has other fields. */
function wholeNumbersOf(
  entries: readonly (readonly [string, Field<unknown> | Padding])[],
  offsets: Readonly<Record<string, number>>,
): readonly WholeNumber[] | undefined {
  const numbers: WholeNumber[] = [];
  for (const [key, field] of entries) {
    if ("padding" in field) continue;
    const whole = wholeFields.get(field);
    if (whole === undefined) return undefined;
    numbers.push({ key, at: offsets[key] ?? 0, ...whole });
  }
  return numbers;
}

function readNumbers(numbers: readonly WholeNumber[], bytes: Uint8Array): Record<string, number> {
  const value: Record<string, number> = {};
  for (const { at, key, littleEndian, signed, size } of numbers) {
    const a = bytes[at] ?? 0;
    if (size === 1) {
      value[key] = a;
      continue;
    }
    const b = bytes[at + 1] ?? 0;
    if (size === 2) {
      value[key] = littleEndian ? a | (b << 8) : (a << 8) | b;
      continue;
    }
    const [c, d] = [bytes[at + 2] ?? 0, bytes[at + 3] ?? 0];
    const bits = littleEndian ? a | (b << 8) | (c << 16) | (d << 24) : (a << 24) | (b << 16) | (c << 8) | d;
    value[key] = signed ? bits : bits >>> 0;
  }
  return value;
}

/** Answers false where there is a value that does not fit. */
function writeNumbers(numbers: readonly WholeNumber[], bytes: Uint8Array, given: unknown): boolean {
  if (typeof given !== "object" || given === null) return false;
  try {
    return writeAll(numbers, bytes, given as Readonly<Record<string, unknown>>);
  } catch {
    return false;
  }
}

function writeAll(
  numbers: readonly WholeNumber[],
  bytes: Uint8Array,
  values: Readonly<Record<string, unknown>>,
): boolean {
  for (const { at, key, littleEndian, signed, size } of numbers) {
    const value = values[key];
    if (typeof value !== "number") return false;
    const bits = value | 0;
    const held = size === 4 ? (signed ? bits : bits >>> 0) : size === 2 ? bits & 0xffff : bits & 0xff;
    // -0 counts as 0.
    if (held !== value) return false;
    for (let index = 0; index < size; index++) {
      bytes[at + index] = bits >>> (8 * (littleEndian ? index : size - 1 - index));
    }
  }
  return true;
}

/** More than any layout has. */
const MAX_SIZE = 0x7fff_ffff;

function checkSize(length: number, name: string): void {
  checkWhole(length, 0, MAX_SIZE, name);
}

function checkField(field: unknown, name: string): void {
  checkObject(field, name, "pass a field, such as u8 or bytes(4)");
  const { size, read, write } = field as Partial<Field<unknown>>;
  checkWhole(size, 0, MAX_SIZE, `${name}.size`);
  checkFunction(read, `${name}.read`);
  checkFunction(write, `${name}.write`);
}
