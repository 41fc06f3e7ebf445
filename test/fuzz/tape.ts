// SPDX-License-Identifier: MIT

/**
 * Bytes that are read as a programme: what is done next, and with what. A read beyond the end returns zeros, so every byte
 * string is a programme, and a small change of the bytes is a small change of what happens.
 */
export class Tape {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  /** A whole number from 0 to `limit` - 1; `limit` is 65,536 at most. */
  below(limit: number): number {
    return limit <= 256 ? this.byte() % limit : ((this.byte() << 8) | this.byte()) % limit;
  }

  u32(): number {
    return ((this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte()) >>> 0;
  }

  pick<T>(...choices: readonly [T, ...T[]]): T {
    // Undefined may be one of the choices.
    return choices[this.byte() % choices.length] as T;
  }

  /** The next bytes, so many, or as many as there are. */
  bytes(length: number): Uint8Array {
    const taken = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.bytes(Math.max(0, this.#bytes.length - this.#at));
  }
}
