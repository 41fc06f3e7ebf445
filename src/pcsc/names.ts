// SPDX-License-Identifier: MIT

import { shown } from "../binary/index.ts";
import { SmartCardError } from "./error.ts";

/** Most characters (UTF-16 units) of the name of a card type, reader, device, group, provider or cached item. */
export const maxNameLength = 255;

/**
 * Checks a name that a caller gives.
 *
 * @param what says in the error whose name it is: `card`, `reader`, …
 * @throws invalid-parameter where it is not a string, empty, longer than 255 characters, or has control characters
 */
export function checkName(name: string, what: string): void {
  const problem = nameProblem(name);
  if (problem !== undefined) throw new SmartCardError("invalid-parameter", `the name of the ${what} ${problem}`);
}

function nameProblem(name: unknown): string | undefined {
  if (typeof name !== "string") return `is not a text but ${shown(name)}`;
  if (name === "") return "is empty";
  if (name.length > maxNameLength) return `has more than ${maxNameLength} characters`;
  // A terminal would interpret them, and NUL ends a string in C.
  if (/[\p{Cc}\u2028\u2029]/u.test(name)) return "has control characters";
  return /\p{Cs}/u.test(name) ? "has half a surrogate pair" : undefined;
}
