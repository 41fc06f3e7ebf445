// SPDX-License-Identifier: MIT

/** Longest reader name in bytes of UTF-8: pcsc-lite's MAX_READERNAME is 128 with the NUL. */
const MAX_READER_NAME_BYTES = 127;

/** The form in which reader names are compared: without regard to case. */
export function readerKey(name: string): string {
  return name.toLowerCase();
}

/**
 * Makes the name that a reader says of itself fit to be shown and unlike all that are taken: control characters go,
 * it is cut to 127 bytes, and a number follows where it is taken: `Reader`, `Reader 1`, `Reader 2`, …
 *
 * @param isTaken tells whether a {@link readerKey} is in use
 */
export function uniqueReaderName(wanted: string, isTaken: (key: string) => boolean): string {
  const base = wanted.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim() || "Reader";
  for (let number = 0; ; number++) {
    const suffix = number === 0 ? "" : ` ${number}`;
    const name = cutToBytes(base, MAX_READER_NAME_BYTES - suffix.length).trimEnd() + suffix;
    if (!isTaken(readerKey(name))) return name;
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
