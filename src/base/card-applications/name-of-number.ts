// SPDX-License-Identifier: MIT

/** The name of a number in a table; undefined for a number that is not there. */
export function nameOfNumber<N extends string>(
  numbers: Readonly<Record<N, number>>,
  number: number | undefined,
): N | undefined {
  return (Object.keys(numbers) as N[]).find((name) => numbers[name] === number);
}
