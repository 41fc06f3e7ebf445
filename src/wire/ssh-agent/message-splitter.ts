// SPDX-License-Identifier: MIT

import { u32be } from "../../base/binary/index.ts";
import { InputBuffer } from "../stream/index.ts";
import { MAX_AGENT_MESSAGE_BYTES } from "./limits.ts";

/** Bytes of the length before each message. */
const LENGTH_BYTES = 4;

/** Cuts what a client sends into messages, however it arrives. What was taken out is overwritten. */
export class MessageSplitter {
  readonly #input = new InputBuffer();

  /** How many bytes have arrived and were not taken. */
  get length(): number {
    return this.#input.length;
  }

  /** Adds a copy of what arrived. */
  push(piece: Uint8Array): void {
    this.#input.push(piece);
  }

  /**
   * Takes the next message, without its length: undefined while some of it is missing, "broken" where its length is 0 or more
   * than {@link MAX_AGENT_MESSAGE_BYTES}. After that nothing can be read any more: the connection has to end.
   */
  next(): Uint8Array | "broken" | undefined {
    if (this.#input.length < LENGTH_BYTES) return;
    const length = this.#input.read(u32be);
    if (length === 0 || length > MAX_AGENT_MESSAGE_BYTES) return "broken";
    if (this.#input.length < LENGTH_BYTES + length) return;
    const message = this.#input.copy(LENGTH_BYTES, length);
    this.#input.drop(LENGTH_BYTES + length);
    return message;
  }

  /** Overwrites what has arrived. */
  clear(): void {
    this.#input.clear();
  }
}
