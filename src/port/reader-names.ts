// SPDX-License-Identifier: MIT

import { checkText, shown } from "../base/binary/index.ts";
import { SmartCardError } from "./error.ts";
import { foldName } from "./names.ts";
import { PNP_NOTIFICATION } from "./vocabulary.ts";

/** Longest name of a reader in bytes of UTF-8: MAX_READERNAME of pcsclite.h is 128 with the NUL. */
export const LONGEST_READER_NAME: number = 127;

/** The form in which names of readers are compared: without regard to case, see {@link foldName}. */
export function readerKey(name: string): string {
  checkText(name, "the name of a reader");
  return foldName(name);
}

const pnpKey = readerKey(PNP_NOTIFICATION);

/** Whether the name is reserved for the API's pseudo reader. */
export function isPseudoReader(name: string): boolean {
  return readerKey(name) === pnpKey;
}

/**
 * Why a text cannot be the name of a reader, and what to do about it; undefined where it can. A name has 1 to 127 bytes of
 * UTF-8, no control characters, and no spaces around it.
 */
export function readerNameProblem(name: string): string | undefined {
  if (typeof name !== "string") return `is ${shown(name)}: give it as a string`;
  if (name === "") return "is empty: give it 1 to 127 bytes";
  const length = new TextEncoder().encode(name).length;
  if (length > LONGEST_READER_NAME) {
    return `has ${length} bytes in UTF-8, and the name of a reader at most ${LONGEST_READER_NAME}: choose a shorter one`;
  }
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name)) return "has control characters or line breaks: leave them out";
  if (/\p{Cs}/u.test(name)) return "has half a surrogate pair: UTF-8 cannot hold it";
  if (name.trim() !== name) return "begins or ends with a space: leave it out";
  if (isPseudoReader(name)) return `is ${PNP_NOTIFICATION}, which the API reserves: choose another`;
  return undefined;
}

/** @throws invalid-value for a text that cannot be the name of a reader */
export function checkNewReaderName(name: string): void {
  const problem = readerNameProblem(name);
  if (problem !== undefined) throw new SmartCardError("invalid-value", `the name of a reader ${problem}`);
}
