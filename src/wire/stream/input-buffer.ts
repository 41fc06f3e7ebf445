// SPDX-License-Identifier: MIT

import type { Field } from "../../base/binary/index.ts";

/** A new array is so many times as long as what is in it: a flood of many clients makes as many of them. */
const ROOM = 1.25;

/** Room that is kept when everything has been taken out; more goes back to the system. */
const KEPT_BYTES = 1_024;

/**
 * Bytes that have arrived and were not taken yet. Its owner looks at the beginning, and takes a message out once all of it
 * is there. However a stream is cut, each of its bytes is copied a fixed number of times on average; what was taken out
 * is overwritten, for it may have held a PIN.
 */
export class InputBuffer {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #start = 0;
  #end = 0;

  /** How many bytes there are. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** How many bytes of memory it takes. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Adds a copy of what arrived. */
  push(piece: Uint8Array): void {
    if (this.#end + piece.length > this.#bytes.length) this.#makeRoom(piece.length);
    this.#bytes.set(piece, this.#end);
    this.#end += piece.length;
  }

  /** Reads a field `offset` bytes from the beginning and leaves it there. The caller knows that all of it has arrived. */
  read<T>(field: Field<T>, offset = 0): T {
    return field.read(this.#view, this.#start + offset);
  }

  /** Whether the `length` bytes from `offset` on are zeros. The caller knows that they have arrived. */
  isZero(offset: number, length: number): boolean {
    const from = this.#start + offset;
    for (let at = from; at < from + length; at++) if (this.#bytes[at] !== 0) return false;
    return true;
  }

  /** Copies `length` bytes from `offset` on. The caller knows that they have arrived. */
  copy(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(this.#start + offset, this.#start + offset + length);
  }

  /** Takes `length` bytes off the beginning. */
  drop(length: number): void {
    this.#bytes.fill(0, this.#start, this.#start + length);
    this.#start += length;
    if (this.#start < this.#end) return;
    this.#start = 0;
    this.#end = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#use(new Uint8Array(KEPT_BYTES));
  }

  /** Takes out everything. */
  clear(): void {
    this.drop(this.length);
  }

  /** Moves what there is to the front: of the same array where a fifth of it would stay free, of a longer one otherwise. */
  #makeRoom(wanted: number): void {
    const length = this.length;
    const roomy = Math.max(Math.ceil((length + wanted) * ROOM), KEPT_BYTES);
    const old = this.#bytes;
    if (roomy <= old.length) {
      old.copyWithin(0, this.#start, this.#end);
      old.fill(0, length, this.#end);
    } else {
      const longer = new Uint8Array(roomy);
      longer.set(old.subarray(this.#start, this.#end));
      old.fill(0);
      this.#use(longer);
    }
    this.#start = 0;
    this.#end = length;
  }

  #use(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
