// SPDX-License-Identifier: MIT

import { isPseudoReader, LONGEST_READER_NAME, readerKey } from "../../port/index.ts";

/** Bytes that a number and the space before it may take, so that a name which leaves them free is never cut. */
const SUFFIX_BYTES = 8;

/** Numbers are counted from the first, up to so many readers of one name. */
const COUNTED = 8;

/** The names that readers get. */
export class UniqueReaderNames {
  /** By key of what many readers call themselves: the lowest number that may be free. */
  readonly #lowest = new Map<string, number>();

  /**
   * Makes the name that a reader says of itself fit to be shown and unlike all that are taken: control characters go,
   * it is cut to 127 bytes, and the lowest number that is free follows where it is taken: `Reader`, `Reader 1`, `Reader 2`, … A driver that
   * calls its reader as the API calls its pseudo reader gets a number too.
   *
   * @param isTaken tells whether a {@link readerKey} is in use; of one that is in use no more, {@link freed} has been told
   */
  make(wanted: string, isTaken: (key: string) => boolean): string {
    const printable = wanted.replace(/\p{Cs}/gu, "\ufffd").replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
    const base = printable.trim() || "Reader";
    const key = readerKey(base);
    const isCut = cutToBytes(base, LONGEST_READER_NAME - SUFFIX_BYTES) !== base;
    for (let number = isCut ? 0 : (this.#lowest.get(key) ?? 0); ; number++) {
      const suffix = number === 0 ? "" : ` ${number}`;
      const name = cutToBytes(base, LONGEST_READER_NAME - suffix.length).trimEnd() + suffix;
      if (isPseudoReader(name) || isTaken(readerKey(name))) continue;
      // It is about to be taken, as are all before it.
      if (!isCut && number > COUNTED) this.#lowest.set(key, number);
      return name;
    }
  }

  /** A name is in use no more. */
  freed(key: string): void {
    this.#lower(key, 0);
    const [, base, number] = /^(.*) ([1-9]\d*)$/.exec(key) ?? [];
    if (base !== undefined) this.#lower(base, Number(number));
  }

  #lower(base: string, number: number): void {
    const lowest = this.#lowest.get(base);
    if (lowest === undefined || number >= lowest) return;
    if (number <= COUNTED) this.#lowest.delete(base);
    else this.#lowest.set(base, number);
  }
}

function cutToBytes(text: string, limit: number): string {
  let length = 0;
  let cut = "";
  for (const character of text) {
    length += new TextEncoder().encode(character).length;
    if (length > limit) break;
    cut += character;
  }
  return cut;
}
