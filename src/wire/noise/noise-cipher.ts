// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import type { NoiseCrypto } from "./noise-crypto.ts";

const NONCE_BYTES = 12;
const nothing = new Uint8Array(0);

/**
 * One direction of a connection after its handshake: each message is sealed with the next number, and no number is used twice.
 * The numbers may travel with the messages: the reader asks for a number, and decides which it takes.
 *
 * @see The Noise Protocol Framework, revision 34, 5.1 and 12.4
 */
export class NoiseCipher {
  readonly #library: NoiseCrypto;
  readonly #key: Uint8Array;
  #next = 0;

  /** @param key 32 bytes, which are this object's from here on */
  constructor(crypto: NoiseCrypto, key: Uint8Array) {
    this.#library = crypto;
    this.#key = key;
  }

  /** The number of the next message that is sealed, from 0. */
  get next(): number {
    return this.#next;
  }

  /** Seals a message with the next number. */
  seal(plain: Uint8Array, associated: Uint8Array = nothing): Uint8Array {
    return this.#library.seal(this.#key, nonceOf(this.#next++), associated, plain);
  }

  /** Opens the message of a number. @returns undefined for one that the other side has not sealed so */
  open(number: number, sealed: Uint8Array, associated: Uint8Array = nothing): Uint8Array | undefined {
    return this.#library.open(this.#key, nonceOf(number), associated, sealed);
  }

  /** Clears the key. Nothing can be sealed or opened any more. */
  clear(): void {
    zeroBytes(this.#key);
  }
}

/** 32 bits of zeros, and the number in 64 bits, the most significant byte first. */
export function nonceOf(number: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(number));
  return nonce;
}
