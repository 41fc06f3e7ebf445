// SPDX-License-Identifier: MIT

import type { Answer } from "../software-card/index.ts";

/** Which of a sector's two keys. */
export type KeyName = "a" | "b";

/** A storage card in the field of a contactless reader, as the reader works with it. */
export interface FieldCard {
  /** The identifier, 4, 7 or 10 bytes. ISO/IEC 14443-3, 6.5.4 */
  readonly uid: Uint8Array;
  /** The card comes into the field, or the field was off for a moment: what was authenticated is forgotten. */
  enterField(): void;
  /** READ BINARY of the reader: the bytes from a block or page on, at most `length`; fewer with `endOfFile`. */
  read(address: number, length: number): Answer;
  /** UPDATE BINARY of the reader: whole blocks or pages. */
  update(address: number, data: Uint8Array): Answer;
  /** GENERAL AUTHENTICATE of the reader, with a key that it holds. Missing where the card has no such keys. */
  authenticate?(block: number, name: KeyName, key: Uint8Array): boolean;
  /**
   * One frame of the card's own protocol, without its checksum, and what it answers; undefined where it keeps silent.
   * The answer of a card that acknowledges is one byte: 0A, or 00 to 05 for a refusal.
   */
  exchange(frame: Uint8Array): Uint8Array | undefined;
}
