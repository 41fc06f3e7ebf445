// SPDX-License-Identifier: MIT

import { UsageError } from "./options.ts";

/** A line of `scard shell`, taken apart. */
export interface ShellLine {
  /** Whether a failure of this line does not end a script: it began with a hyphen. */
  readonly goesOn: boolean;
  readonly words: readonly string[];
}

/** The longest line, in characters: a command of 65,544 bytes with a blank between each two. */
export const MOST_LINE_CHARACTERS = 262_144;

/**
 * Takes a line apart: words with blanks between; a word in quotation marks may have blanks in it; what follows a # is a
 * remark. A backslash is a letter as any other, as paths of Windows have it.
 *
 * @returns undefined where there is nothing but blanks and a remark
 * @throws UsageError (quotation marks that do not end, a line that is too long)
 */
export function parseLine(text: string): ShellLine | undefined {
  if (text.length > MOST_LINE_CHARACTERS)
    throw new UsageError(`a line has at most ${MOST_LINE_CHARACTERS} characters, and this one has ${text.length}`);
  const words = wordsOf(text);
  const [first] = words;
  if (first === undefined) return undefined;
  if (!first.startsWith("-")) return { goesOn: false, words };
  const rest = first === "-" ? words.slice(1) : [first.slice(1), ...words.slice(1)];
  return rest.length === 0 ? undefined : { goesOn: true, words: rest };
}

const wordPattern = /\s*(?:#.*|((?:"[^"]*"|'[^']*'|[^\s"'])+)|(["']))/sy;

function wordsOf(text: string): string[] {
  const words: string[] = [];
  wordPattern.lastIndex = 0;
  for (let found = wordPattern.exec(text); found !== null; found = wordPattern.exec(text)) {
    const [, word, open] = found;
    if (open !== undefined) throw new UsageError(`the quotation mark ${open} has no second one`);
    if (word === undefined) break;
    words.push(word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
  }
  return words;
}

/** A word as it is written so that it is one: in quotation marks where it has blanks. */
export function writtenWord(word: string): string {
  if (!/[\s#"']/.test(word) && word !== "") return word;
  return word.includes('"') ? `'${word}'` : `"${word}"`;
}

/** Whether a line is the bytes of a command, without a word before them. */
export function isHexLine(words: readonly string[]): boolean {
  return /^(?:[0-9a-f]{2}[:-]?)+$/i.test(words.join("")) && words.join("").length >= 8;
}
