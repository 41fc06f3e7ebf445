// SPDX-License-Identifier: MIT

import { checkText, shown } from "../base/binary/index.ts";

/**
 * The most likely known word: at most two typing errors away (a letter too many, one too few, a
 * wrong one, two exchanged), or beginning alike. Undefined where none is near. Letter case does not count.
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  checkText(word, "nearest: word");
  const isIterable =
    typeof known === "object" && known !== null && Symbol.iterator in known && !ArrayBuffer.isView(known);
  if (!isIterable) throw new TypeError(`nearest: known is ${shown(known)}; pass the words that there are`);
  const wanted = word.toLowerCase();
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    checkText(candidate, "nearest: a word that there is");
    const distance = distanceBetween(wanted, candidate.toLowerCase());
    if (distance !== undefined && (best === undefined || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate;
}

/** Undefined where two words are unrelated. */
function distanceBetween(word: string, candidate: string): number | undefined {
  const isBeginning = word.length >= 3 && (candidate.startsWith(word) || word.startsWith(candidate));
  // Long words are compared by their beginning only: the table grows with the product of the lengths.
  if (word.length > candidate.length + 3) return isBeginning && candidate.length >= 3 ? 3 : undefined;
  const distance = slips(word, candidate);
  if (distance <= Math.min(2, Math.floor(candidate.length / 2))) return distance;
  return isBeginning && candidate.length >= 3 ? 3 : undefined;
}

/** The number of typing errors between two words (optimal string alignment distance). */
function slips(a: string, b: string): number {
  let twoBack: number[] = [];
  let last: number[] = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const now = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      let least = Math.min((last[column] ?? 0) + 1, (now[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + change);
      const isExchanged = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (row > 1 && column > 1 && isExchanged) least = Math.min(least, (twoBack[column - 2] ?? 0) + 1);
      now.push(least);
    }
    twoBack = last;
    last = now;
  }
  return last[b.length] ?? 0;
}
