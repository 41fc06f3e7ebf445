// SPDX-License-Identifier: MIT

import { isPseudoReader, LONGEST_READER_NAME, readerKey } from "../../port/index.ts";

/**
 * Makes the name that a reader says of itself fit to be shown and unlike all that are taken: control characters go,
 * it is cut to 127 bytes, and a number follows where it is taken: `Reader`, `Reader 1`, `Reader 2`, … A driver that calls
 * its reader as the API calls its pseudo reader gets a number too.
 *
 * @param isTaken tells whether a {@link readerKey} is in use
 */
export function uniqueReaderName(wanted: string, isTaken: (key: string) => boolean): string {
  const printable = wanted.replace(/\p{Cs}/gu, "\ufffd").replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  const base = printable.trim() || "Reader";
  for (let number = 0; ; number++) {
    const suffix = number === 0 ? "" : ` ${number}`;
    const name = cutToBytes(base, LONGEST_READER_NAME - suffix.length).trimEnd() + suffix;
    if (!isPseudoReader(name) && !isTaken(readerKey(name))) return name;
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
