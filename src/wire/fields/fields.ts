// SPDX-License-Identifier: MIT

import type { ByteCursor } from "../../base/binary/index.ts";

/** One field of a message, of whatever length: both directions. */
export interface WireField<T> {
  /** Adds the field to the pieces of a message. @throws TypeError for a value that is longer than the field may be */
  write(pieces: Uint8Array[], value: T): void;
  /** Reads it, or fails on the cursor. `what` names it in the error. */
  read(cursor: ByteCursor, what: string): T;
}

type ValueOf<F> = F extends WireField<infer T> ? T : never;

/** The plain object that some fields stand for. What may be undefined may be left out. */
export type FieldValues<F extends Readonly<Record<string, WireField<unknown>>>> = {
  readonly [K in keyof F as undefined extends ValueOf<F[K]> ? never : K]: ValueOf<F[K]>;
} & {
  readonly [K in keyof F as undefined extends ValueOf<F[K]> ? K : never]?: ValueOf<F[K]>;
};

function number(size: number, get: (view: DataView) => number, set: (view: DataView, value: number) => void) {
  return {
    write(pieces: Uint8Array[], value: number) {
      const piece = new Uint8Array(size);
      set(new DataView(piece.buffer), value);
      pieces.push(piece);
    },
    read(cursor: ByteCursor, what: string) {
      const { buffer, byteOffset } = cursor.view(size, what);
      return get(new DataView(buffer, byteOffset));
    },
  };
}

/** Whole numbers, most significant byte first. */
export const u8: WireField<number> = number(
  1,
  (view) => view.getUint8(0),
  (view, value) => view.setUint8(0, value),
);
const u16: WireField<number> = number(
  2,
  (view) => view.getUint16(0),
  (view, value) => view.setUint16(0, value),
);
export const u32: WireField<number> = number(
  4,
  (view) => view.getUint32(0),
  (view, value) => view.setUint32(0, value),
);
/** A number as a page gave it, which the other side checks: IEEE 754, 64 bits. */
export const f64: WireField<number> = number(
  8,
  (view) => view.getFloat64(0),
  (view, value) => view.setFloat64(0, value),
);

/** At most so many bytes, their number before them. */
export function bytes(most: number): WireField<Uint8Array> {
  return {
    write(pieces, value) {
      if (value.length > most) throw new TypeError(`${value.length} bytes are given, and at most ${most} can be sent`);
      u32.write(pieces, value.length);
      pieces.push(value);
    },
    read(cursor, what) {
      const length = u32.read(cursor, what);
      if (length > most) cursor.fail(`${what} has ${length} bytes, and may have ${most}`);
      return cursor.bytes(length, what);
    },
  };
}

/** Exactly so many bytes. */
export function fixed(length: number): WireField<Uint8Array> {
  return {
    write(pieces, value) {
      if (value.length !== length) throw new TypeError(`${value.length} bytes are given, and ${length} are sent`);
      pieces.push(value);
    },
    read: (cursor, what) => cursor.bytes(length, what),
  };
}

/** Text of at most so many bytes of UTF-8. */
export function text(most: number): WireField<string> {
  const encoded = bytes(most);
  return {
    write: (pieces, value) => encoded.write(pieces, new TextEncoder().encode(value)),
    read(cursor, what) {
      const value = encoded.read(cursor, what);
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
      } catch {
        return cursor.fail(`${what} is not UTF-8`);
      }
    },
  };
}

/** One of some words, as its place among them. */
export function word<const W extends string>(words: readonly W[]): WireField<W> {
  return {
    write: (pieces, value) => u8.write(pieces, words.indexOf(value)),
    read: (cursor, what) => words[u8.read(cursor, what)] ?? cursor.fail(`${what} is not one of ${words.join(", ")}`),
  };
}

/** A field that may be left out. */
export function optional<T>(field: WireField<T>): WireField<T | undefined> {
  return {
    write(pieces, value) {
      u8.write(pieces, value === undefined ? 0 : 1);
      if (value !== undefined) field.write(pieces, value);
    },
    read(cursor, what) {
      const isThere = u8.read(cursor, what);
      if (isThere > 1) cursor.fail(`${what} is neither there nor left out`);
      return isThere === 1 ? field.read(cursor, what) : undefined;
    },
  };
}

/** The same field several times, at most `most` times. */
export function list<T>(field: WireField<T>, most: number): WireField<readonly T[]> {
  return {
    write(pieces, values) {
      if (values.length > most) throw new TypeError(`${values.length} are given, and at most ${most} can be sent`);
      u16.write(pieces, values.length);
      for (const value of values) field.write(pieces, value);
    },
    read(cursor, what) {
      const length = u16.read(cursor, what);
      if (length > most) cursor.fail(`${what} has ${length} elements, and may have ${most}`);
      return Array.from({ length }, () => field.read(cursor, what));
    },
  };
}

/** Several truths, a bit each: those that are true, and those that are false. */
export function truths<const W extends string>(words: readonly W[]): WireField<Readonly<Record<W, boolean>>> {
  return {
    write(pieces, value) {
      u16.write(
        pieces,
        words.reduce((bits, name, place) => bits | (value[name] ? 1 << place : 0), 0),
      );
    },
    read(cursor, what) {
      const bits = u16.read(cursor, what);
      if (bits >= 1 << words.length) cursor.fail(`${what} has a bit that stands for nothing`);
      const named = words.map((name, place) => [name, (bits & (1 << place)) !== 0] as const);
      return Object.fromEntries(named) as Record<W, boolean>;
    },
  };
}

/** Several fields in a row. */
export function record<const F extends Readonly<Record<string, WireField<unknown>>>>(
  fields: F,
): WireField<FieldValues<F>> {
  const entries = Object.entries(fields) as readonly (readonly [string, WireField<unknown>])[];
  return {
    write(pieces, value) {
      for (const [name, field] of entries) field.write(pieces, (value as Readonly<Record<string, unknown>>)[name]);
    },
    read(cursor) {
      const values: Record<string, unknown> = {};
      for (const [name, field] of entries) {
        const value = field.read(cursor, name);
        if (value !== undefined) values[name] = value;
      }
      return values as FieldValues<F>;
    },
  };
}
