// SPDX-License-Identifier: MIT

import type { JsonPlace } from "../../base/json/index.ts";

/**
 * Records a problem at each element of a list that has a value which an earlier one has.
 *
 * @param member that the elements are told apart by
 * @param taken values that no element may have
 */
export function checkDistinct(
  list: readonly (object | undefined)[],
  place: JsonPlace,
  member: string,
  message: string,
  taken: readonly unknown[] = [],
): void {
  const seen = new Set(taken);
  for (const [index, element] of list.entries()) {
    const value = (element as Readonly<Record<string, unknown>> | undefined)?.[member];
    if (value === undefined) continue;
    if (seen.has(value)) place.at(index).at(member).problem(message);
    seen.add(value);
  }
}
