// SPDX-License-Identifier: MIT

import { copyBytes } from "./bytes.ts";
import { checkBytes } from "./check-bytes.ts";
import { checkFunction, checkText, checkWhole, shown } from "./check-values.ts";
import { failure, type Result, success } from "./result.ts";

/** Thrown by a cursor, caught by {@link decoding}: it never leaves a decoder. */
class DecodeFailure extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Reads bytes from left to right and never past their end. */
export class ByteCursor {
  readonly #bytes: Uint8Array;
  #offset = 0;

  /** @throws TypeError (not bytes) */
  constructor(bytes: Uint8Array) {
    checkBytes(bytes, "the argument to decode");
    this.#bytes = bytes;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Ends the decoding with an error at the current offset. `what` completes "cannot decode: …". */
  fail(what: string, offset: number = this.#offset): never {
    checkText(what, "ByteCursor: what");
    throw new DecodeFailure(what, offset);
  }

  /** The next byte, or one that comes `ahead` bytes later, without reading it; undefined at the end. */
  peek(ahead = 0): number | undefined {
    checkWhole(ahead, 0, Number.MAX_SAFE_INTEGER, "peek: ahead");
    return this.#bytes[this.#offset + ahead];
  }

  /** Reads one byte; `what` names it in the error. */
  u8(what: string): number {
    checkText(what, "ByteCursor: what");
    const value = this.#bytes[this.#offset];
    if (value === undefined) return this.fail(`${what} is missing: the data ends after ${this.#bytes.length} bytes`);
    this.#offset++;
    return value;
  }

  /** Reads a 16-bit number, most significant byte first. */
  u16be(what: string): number {
    const high = this.u8(what);
    return (high << 8) | this.u8(what);
  }

  /** Reads `length` bytes into an array of their own. */
  bytes(length: number, what: string): Uint8Array {
    return copyBytes(this.view(length, what));
  }

  /** Reads `length` bytes without a copy: they are a part of what is decoded, and change with it. */
  view(length: number, what: string): Uint8Array {
    if (typeof length !== "number") throw new TypeError(`ByteCursor: length is ${shown(length)}; give a number`);
    checkText(what, "ByteCursor: what");
    if (!(length >= 0 && length <= this.remaining)) {
      return this.fail(`${what} should have ${length} bytes, but only ${this.remaining} are left`);
    }
    const value = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return value;
  }

  /** Reads the remaining bytes. */
  rest(): Uint8Array {
    return this.bytes(this.remaining, "the rest");
  }
}

/**
 * Runs a hand-written grammar over `bytes`. Unread bytes are an error: a grammar that allows them reads them with
 * `cursor.rest()`. For any bytes the answer is a {@link Result}; it never throws for them.
 */
export function decoding<T>(bytes: Uint8Array, grammar: (cursor: ByteCursor) => T): Result<T> {
  const cursor = new ByteCursor(bytes);
  checkFunction(grammar, "decoding: grammar");
  try {
    const value = grammar(cursor);
    if (cursor.remaining > 0) return failure(`${cursor.remaining} bytes are left over`, cursor.offset);
    return success(value);
  } catch (error) {
    if (error instanceof DecodeFailure) return failure(error.message, error.offset);
    throw error;
  }
}
