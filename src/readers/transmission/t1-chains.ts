// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { MAX_RESPONSE_BYTES } from "../../port/index.ts";
import { MAX_EMPTY_BLOCKS } from "./limits.ts";

/** A command on its way to the card, in one block or in a chain. */
export class OutgoingChain {
  /** A copy, as the command may hold a PIN and the caller clears its own. */
  readonly #bytes: Uint8Array;
  /** Where the block that is under way begins. */
  #offset = 0;
  /** Its length; undefined before it is sent. */
  #length: number | undefined;

  constructor(command: Uint8Array) {
    this.#bytes = copyBytes(command);
  }

  /** Whether every block has been sent once: the card may have the whole command then. */
  get whollySent(): boolean {
    return this.#length !== undefined && this.#offset + this.#length === this.#bytes.length;
  }

  /** Whether it goes, or went, in more than one block. */
  get chained(): boolean {
    return this.#offset > 0 || (this.#length !== undefined && this.#length < this.#bytes.length);
  }

  /** Information of the block that is under way: the same bytes however often it is asked for, and whatever IFSC is by then. */
  information(ifsc: number): Uint8Array {
    this.#length ??= Math.min(ifsc, this.#bytes.length - this.#offset);
    return this.#bytes.subarray(this.#offset, this.#offset + this.#length);
  }

  /** The card has the block: the next one is under way. */
  advance(): void {
    this.#offset += this.#length ?? 0;
    this.#length = undefined;
  }

  /** From the first block on again. */
  restart(): void {
    this.#offset = 0;
    this.#length = undefined;
  }

  /** Clears the copy. */
  clear(): void {
    zeroBytes(this.#bytes);
  }
}

/** Room for most responses; it doubles when more comes. */
const FIRST_RESPONSE_BYTES = 258;

/** A response on its way from the card. */
export class IncomingChain {
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  #emptyBlocks = 0;

  /**
   * Takes the information of one block.
   *
   * @returns what is wrong with the chain; undefined where nothing is
   */
  add(information: Uint8Array): string | undefined {
    if (information.length === 0 && ++this.#emptyBlocks > MAX_EMPTY_BLOCKS) {
      return `the card sent more than ${MAX_EMPTY_BLOCKS} blocks without information`;
    }
    const length = this.#length + information.length;
    if (length > MAX_RESPONSE_BYTES) return `the response is longer than ${MAX_RESPONSE_BYTES} bytes`;
    this.#makeRoom(length);
    this.#bytes.set(information, this.#length);
    this.#length = length;
    return undefined;
  }

  /** The response, which is the caller's from now on. */
  take(): Uint8Array {
    const response = copyBytes(this.#bytes.subarray(0, this.#length));
    this.clear();
    return response;
  }

  /** Drops and clears what came so far. */
  clear(): void {
    zeroBytes(this.#bytes);
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    this.#emptyBlocks = 0;
  }

  #makeRoom(length: number): void {
    const before = this.#bytes;
    if (length <= before.length) return;
    this.#bytes = new Uint8Array(
      Math.max(length, FIRST_RESPONSE_BYTES, Math.min(2 * before.length, MAX_RESPONSE_BYTES)),
    );
    this.#bytes.set(before);
    zeroBytes(before);
  }
}
