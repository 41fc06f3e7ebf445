// SPDX-License-Identifier: MIT

import { checkArray } from "./arguments.ts";
import { ComError } from "./com-error.ts";
import type { LOCKTYPE } from "./enumerations.ts";

/** Most bytes that a byte buffer holds. */
export const MAX_BUFFER_BYTES: number = 16 * 1024 * 1024;

/** A locked range. */
export interface RegionLock {
  readonly owner: object;
  readonly offset: number;
  readonly count: number;
  readonly type: LOCKTYPE;
}

/**
 * Bytes in memory, which a byte buffer and its clones have in common: COM's IStream over movable memory. It is opaque to
 * callers, who read and write through byte buffers.
 */
export class MemoryStream {
  readonly locks: RegionLock[] = [];
  /** At least `size` bytes; those beyond are zeros, so that a stream that grows seldom has to move. */
  #room: Uint8Array;
  #size: number;
  /** The committed state; undefined while nothing has changed. */
  #committed: Uint8Array | undefined;
  /** The pointers to the memory in use. */
  readonly #pointers = new Set<Uint8Array>();

  /** Takes `bytes` over; the caller must not use them any more. @throws E_POINTER (not bytes) */
  constructor(bytes: Uint8Array) {
    checkArray("bytes", bytes);
    this.#room = bytes;
    this.#size = bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  /** The bytes themselves, until the next change of size. */
  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#size);
  }

  /** Notes that the bytes are about to change, to another size or none. @throws E_OUTOFMEMORY where they cannot move */
  resize(size: number): void {
    const before = this.#committed ?? this.bytes.slice();
    if (size > this.#room.length) {
      if (this.#pointers.size > 0)
        throw new ComError("E_OUTOFMEMORY", `memory to which ${this.#pointers.size} pointers are out cannot move`);
      const room = new Uint8Array(Math.min(Math.max(size, 2 * this.#room.length), MAX_BUFFER_BYTES));
      room.set(this.bytes);
      this.#room = room;
    }
    this.#committed = before;
    if (size < this.#size) this.#room.fill(0, size, this.#size);
    this.#size = size;
  }

  commit(): void {
    this.#committed = undefined;
  }

  revert(): void {
    const committed = this.#committed;
    if (committed === undefined) return;
    this.resize(committed.length);
    this.bytes.set(committed);
    this.#committed = undefined;
  }

  /** A pointer to the memory: writing through it changes the stream. */
  point(): Uint8Array {
    this.#committed ??= this.bytes.slice();
    const pointer = this.bytes;
    this.#pointers.add(pointer);
    return pointer;
  }

  /** Releases a pointer. @throws E_INVALIDARG for one that is not in use */
  unpoint(pointer: Uint8Array): void {
    if (!this.#pointers.delete(pointer))
      throw new ComError("E_INVALIDARG", "this is not a pointer to the stream's memory");
  }
}
