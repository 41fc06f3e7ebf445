// SPDX-License-Identifier: MIT

import { kindOf } from "./check-bytes.ts";
import { quoteWord } from "./quote.ts";

/**
 * Refuses a value that is not an options object, and an object with an unknown member: it is misspelt and would be ignored. No
 * value is read or repeated.
 *
 * @param known the names of the members that there may be
 * @param name the argument, as the caller knows it
 * @throws TypeError
 */
export function checkMembers(value: unknown, known: readonly string[], name: string): asserts value is object {
  const members = `${known.slice(0, -1).join(", ")}${known.length > 1 ? " and " : ""}${known.at(-1)}`;
  if (kindOf(value) !== "an object") throw new TypeError(`${name} is ${kindOf(value)}; pass an object with ${members}`);
  for (const member in value as object) {
    if (known.includes(member)) continue;
    throw new TypeError(`${name} has no member ${quoteWord(member)}; it may have ${members}`);
  }
}
