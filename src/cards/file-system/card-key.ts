// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes } from "../../base/binary/index.ts";
import { assert } from "../../port/index.ts";
import type { BlockCipher, BlockCipherFactory } from "../software-card/index.ts";
import {
  type Attempt,
  cmac,
  decryptCbc,
  encryptCbc,
  matchesSecret,
  RetryCounter,
  retailMac,
} from "../software-card/index.ts";
import type { KeyImage } from "./file-system-image.ts";

/** MACs are cut to this length, as ICAO Doc 9303 part 11 has it for both ciphers. */
const MAC_BYTES = 8;

/** How a terminal may name a cipher in P1; 00 means the key's cipher. NIST SP 800-78-4, table 6-2. */
const algorithmReferences: ReadonlyMap<string, number> = new Map([
  ["3des", 0x03],
  ["aes16", 0x08],
  ["aes24", 0x0a],
  ["aes32", 0x0c],
]);

/** A symmetric key of a card, for one use. */
export class CardKey {
  readonly image: KeyImage;
  readonly counter: RetryCounter;
  readonly #cipher: BlockCipher;
  readonly #mac: (message: Uint8Array) => Uint8Array;

  /** @throws what the factory throws */
  constructor(image: KeyImage, createCipher: BlockCipherFactory) {
    const value = copyBytes(image.value);
    this.image = { ...image, value, mac: image.mac && copyBytes(image.mac) };
    this.counter = new RetryCounter(image.tries, image.triesLeft);
    this.#cipher = createCipher(image.algorithm, value);
    this.#mac = macOf(this.image, createCipher);
  }

  /** Bytes in a block of its cipher. */
  get blockBytes(): number {
    return this.#cipher.blockBytes;
  }

  /** Bytes in either token of a mutual authentication: four blocks and a MAC. */
  get tokenBytes(): number {
    return 4 * this.blockBytes + MAC_BYTES;
  }

  /** Whether P1 of a command means this key's cipher. */
  hasAlgorithm(p1: number): boolean {
    const { algorithm, value } = this.image;
    return p1 === 0 || p1 === algorithmReferences.get(algorithm === "3des" ? "3des" : `aes${value.length}`);
  }

  /** Enciphers one block: the answer to a challenge. */
  respond(challenge: Uint8Array): Uint8Array {
    return this.#cipher.encrypt(challenge);
  }

  /** Checks the answer to a challenge of ours. */
  checkResponse(challenge: Uint8Array, response: Uint8Array): Attempt {
    return this.counter.attempt(() => matchesSecret(this.respond(challenge), response));
  }

  /**
   * The card's side of a mutual authentication, key establishment mechanism 6 of ISO/IEC 11770-2 as ICAO Doc 9303 part
   * 11, 4.3 fixes it. Both tokens are enciphered in CBC mode and followed by a MAC. With n bytes in a block:
   *
   * ```
   *   terminal   RND.IFD (n)   RND.IC (n)    K.IFD (2n)
   *   card       RND.IC (n)    RND.IFD (n)   K.IC (2n)
   * ```
   *
   * @param challenge RND.IC, one block, that the card gave before
   * @param keying K.IC, two blocks; for session keys, which this card does not use
   * @returns the card's token, or how the terminal's was wrong
   */
  answerToken(challenge: Uint8Array, token: Uint8Array, keying: Uint8Array): Uint8Array | Exclude<Attempt, "right"> {
    const { blockBytes } = this;
    const cryptogram = token.subarray(0, 4 * blockBytes);
    let terminal: Uint8Array = new Uint8Array(0);
    const outcome = this.counter.attempt(() => {
      // Deciphered only if the MAC is right, so that errors reveal nothing about a forged token.
      if (!matchesSecret(this.#mac(cryptogram), token.subarray(4 * blockBytes))) return false;
      terminal = decryptCbc(this.#cipher, cryptogram);
      return matchesSecret(challenge, terminal.subarray(blockBytes, 2 * blockBytes));
    });
    if (outcome !== "right") return outcome;
    const answer = encryptCbc(this.#cipher, concatBytes(challenge, terminal.subarray(0, blockBytes), keying));
    return concatBytes(answer, this.#mac(answer));
  }

  /** Its current state, with its value: not for logs. */
  toImage(): KeyImage {
    return { ...this.image, triesLeft: this.counter.left };
  }
}

function macOf({ algorithm, mac }: KeyImage, createCipher: BlockCipherFactory): (message: Uint8Array) => Uint8Array {
  if (mac === undefined) return () => assertNoMac();
  const cipher = createCipher(algorithm, mac);
  if (algorithm === "aes") return (message) => cmac(cipher, message).slice(0, MAC_BYTES);
  // Triple DES with three equal keys is DES.
  const half = mac.subarray(0, 8);
  const first = createCipher(algorithm, concatBytes(half, half));
  return (message) => retailMac(first, cipher, message);
}

function assertNoMac(): never {
  assert(false, "only keys for mutual authentication make a MAC, and they have a key for it");
}
