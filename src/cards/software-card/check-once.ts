// SPDX-License-Identifier: MIT

import type { JsonPlace } from "../../base/json/index.ts";

/** Checks a list of a description: no two elements may have the same value for this member. */
export function checkOnce<N extends string>(name: N) {
  return (all: readonly ({ readonly [Name in N]?: unknown } | undefined)[], place: JsonPlace): void => {
    const seen = new Set<unknown>();
    for (const [index, one] of all.entries()) {
      const value = one?.[name];
      if (value !== undefined && seen.has(value)) place.at(index).at(name).problem("stands here twice: remove one");
      seen.add(value);
    }
  };
}
