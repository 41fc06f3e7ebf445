// SPDX-License-Identifier: MIT

/**
 * A word as it was typed, in quotation marks, where it cannot be bytes for a card: it has a letter that is not a hexadecimal
 * digit, and is short. Anything else may hold a PIN and is not repeated: undefined.
 */
export function quotedWord(text: string): string | undefined {
  return /^(?=.*[g-z])[a-z][a-z-]{0,30}$/i.test(text) ? `"${text}"` : undefined;
}

/** `; did you mean "readers"?` for a word that is close to a known one; nothing for any other. */
export function didYouMean(word: string, known: readonly string[]): string {
  const typed = word.toLowerCase();
  const [best] = known
    .map((name) => ({ name, distance: typed.length > 2 && name.startsWith(typed) ? 1 : editDistance(typed, name) }))
    .filter(({ distance, name }) => distance <= Math.max(1, Math.floor(Math.min(typed.length, name.length) / 3)))
    .sort((a, b) => a.distance - b.distance);
  return best === undefined ? "" : `; did you mean ${best.name.startsWith("-") ? best.name : `"${best.name}"`}?`;
}

/** How many letters have to be put in, left out, changed, or swapped with their neighbour. */
export function editDistance(from: string, to: string): number {
  // Longer words are not typing mistakes of commands; the work stays bounded.
  if (from.length > 40 || to.length > 40) return Number.POSITIVE_INFINITY;
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= from.length; row++) {
    const costs = [row];
    rows.push(costs);
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const cost = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
        swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
      costs.push(cost);
    }
  }
  return at(from.length, to.length);
}
