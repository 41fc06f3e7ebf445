// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "./bytes.ts";
import { checkBytes } from "./check-bytes.ts";
import { checkFunction } from "./check-values.ts";

/**
 * Bytes that may hold a PIN or a key. They are cleared when their last user is done, even on failure, and even if the
 * caller has stopped waiting while a driver still uses them. Each room that copies a command keeps its copy in one.
 */
export class SecretBytes {
  readonly #bytes: Uint8Array;
  /** The owner, until it releases, and every use under way. */
  #holders = 1;
  #released = false;

  /** @param bytes are taken over, and cleared in place; {@link SecretBytes.copy} leaves the caller's alone */
  constructor(bytes: Uint8Array) {
    checkBytes(bytes, "SecretBytes: bytes");
    this.#bytes = bytes;
  }

  /** A copy, so that the caller's bytes are neither kept nor changed. */
  static copy(bytes: Uint8Array): SecretBytes {
    return new SecretBytes(copyBytes(bytes));
  }

  /** Number of bytes. */
  get length(): number {
    return this.#bytes.length;
  }

  /**
   * Hands the bytes to `work`, which may read them until its promise settles. It begins at once.
   *
   * @throws what `work` throws
   */
  async use<T>(work: (bytes: Uint8Array) => T | Promise<T>): Promise<T> {
    checkFunction(work, "SecretBytes.use: work");
    this.#holders++;
    try {
      return await work(this.#bytes);
    } finally {
      this.#leave();
    }
  }

  /** The owner no longer needs them: they are cleared now, or at the end of the last use. Further calls do nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#leave();
  }

  /** Clears them at once, even during a use: for a driver that does not return. */
  wipe(): void {
    zeroBytes(this.#bytes);
  }

  #leave(): void {
    if (--this.#holders === 0) this.wipe();
  }
}

/** Runs `work` with a copy of the bytes, which is cleared when it and every use that it began are over. */
export async function withSecret<T>(bytes: Uint8Array, work: (secret: SecretBytes) => T | Promise<T>): Promise<T> {
  checkFunction(work, "withSecret: work");
  const secret = SecretBytes.copy(bytes);
  try {
    return await work(secret);
  } finally {
    secret.release();
  }
}
